import HNSW

extension VectorStore {
    /// The vector of `label` as it was given (to the precision of the store's scalar and, for cosine, of normalising); nil
    /// if there is none, or it is marked as deleted.
    public func vector(for label: Label) throws(StoreError) -> [Float]? {
        try reading { (contents, _, _) in
            liveSlot(of: label, contents).map { contents.vector($0.slot) }
        }
    }

    /// Whether the store has a vector called `label` that is not marked as deleted.
    public func contains(_ label: Label) throws(StoreError) -> Bool {
        try reading { (contents, _, _) in liveSlot(of: label, contents) != nil }
    }

    /// All labels, in the order the store keeps its vectors. O(count).
    public func allLabels() throws(StoreError) -> [Label] {
        try reading { (contents, view, _) in
            let slots = contents.graph.slots
            return (0..<UInt32(view.count)).filter { slots.isVisible($0, at: view.sequence) }.map { slots.label($0) }
        }
    }

    /// The labels of vectors that are marked as deleted, in the order the store keeps its vectors: those that `unmark` brings
    /// back. O(count).
    public func markedLabels() throws(StoreError) -> [Label] {
        try reading { (contents, view, _) in
            let slots = contents.graph.slots
            let unseen = (0..<UInt32(view.count)).filter {
                !slots.isVisible($0, at: view.sequence) && Self.hasLabel(slots.state($0))
            }
            // A batch that is being made shows in states before it is published, but not in where labels lead.
            return unseen.map { (slot: $0, label: slots.label($0)) }.filter { (slot, label) in
                let (published, view) = labels.slot(of: label)
                return published == slot && !slots.isVisible(slot, at: view.sequence)
            }.map(\.label)
        }
    }

    /// The slot of `label` if it is live, and the view that it is live in.
    func liveSlot(of label: Label, _ contents: StoreContents) -> (slot: UInt32, view: GraphView)? {
        let (slot, view) = labels.slot(of: label)
        guard let slot, contents.graph.slots.isVisible(slot, at: view.sequence) else { return nil }
        return (slot, view)
    }
}
