import HNSW

extension VectorStore {
    /// The vector of `label` as it was given (to the precision of the store's scalar and, for cosine, of normalising); nil
    /// if there is none.
    public func vector(for label: Label) throws(StoreError) -> [Float]? {
        try reading { (contents, _) throws(StoreError) in
            try slot(of: label, in: contents).map { contents.vector($0) }
        }
    }

    /// Whether the store has a vector called `label`.
    public func contains(_ label: Label) throws(StoreError) -> Bool {
        try reading { (contents, _) throws(StoreError) in try slot(of: label, in: contents) != nil }
    }

    /// All labels, in the order the store keeps its vectors. O(count).
    public func allLabels() throws(StoreError) -> [Label] {
        try reading { (contents, _) throws(StoreError) in
            (0..<UInt32(contents.graph.count)).filter { contents.columns.isLive($0) }.map { contents.columns.label($0) }
        }
    }

    /// The live slot of `label`. Makes the index from the slot table if its file is missing or turns out to be damaged.
    func slot(of label: Label, in contents: StoreContents) throws(StoreError) -> UInt32? {
        let columns = contents.columns, count = contents.graph.count
        let slot = labels.withLock { source -> UInt32? in
            if case .file(let file) = source {
                do throws(LabelIndexFile.Damaged) {
                    return try file.slot(of: label, columns: columns, slotCount: count)
                } catch {
                    source = .unknown
                }
            }
            return Self.index(&source, columns, count).slot(of: label)
        }
        guard let slot, columns.isLive(slot) else { return nil }
        return slot
    }

    /// The live slots of those of `labels` that the store has. Many lookups pay for an index in memory, about 6 bytes a
    /// vector, which the store keeps.
    func slots(of labels: [Label], in contents: StoreContents) throws(StoreError) -> [UInt32] {
        var slots: [UInt32] = []
        slots.reserveCapacity(labels.count)
        let columns = contents.columns
        if labels.count < 64 {
            for label in labels {
                if let slot = try slot(of: label, in: contents) { slots.append(slot) }
            }
            return slots
        }
        let index = self.labels.withLock { Self.index(&$0, columns, contents.graph.count) }
        for label in labels {
            if let slot = index.slot(of: label), columns.isLive(slot) { slots.append(slot) }
        }
        return slots
    }

    /// The index in memory, made if there is none yet. It does not change while anyone searches.
    private static func index(_ source: inout LabelSource, _ columns: Columns, _ count: Int) -> LabelIndex {
        if case .heap(let index) = source { return index }
        let index = LabelIndex(columns: columns, expected: count)
        for slot in 0..<UInt32(count) where columns.isLive(slot) { _ = index.insert(slot) }
        source = .heap(index)
        return index
    }
}
