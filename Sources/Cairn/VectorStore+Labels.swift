import HNSW
import Synchronization

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
            if case .heap(let index) = source { return index.slot(of: label) }
            let index = LabelIndex(columns: columns, expected: count)
            for slot in 0..<UInt32(count) where columns.isLive(slot) { _ = index.insert(slot) }
            source = .heap(index)
            return index.slot(of: label)
        }
        guard let slot, columns.isLive(slot) else { return nil }
        return slot
    }
}
