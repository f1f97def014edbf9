import HNSW

extension VectorStore {
    /// The vector of `label` as it was given (to the precision of the store's scalar and, for cosine, of normalising); nil
    /// if there is none, or it is marked as deleted.
    public func vector(for label: Label) throws(StoreError) -> [Float]? {
        try reading { (contents, view, _) in
            liveSlot(of: label, contents, view).map { contents.vector($0) }
        }
    }

    /// Whether the store has a vector called `label` that is not marked as deleted.
    public func contains(_ label: Label) throws(StoreError) -> Bool {
        try reading { (contents, view, _) in liveSlot(of: label, contents, view) != nil }
    }

    /// All labels, in the order the store keeps its vectors. O(count).
    public func allLabels() throws(StoreError) -> [Label] {
        try reading { (contents, view, _) in
            let slots = contents.graph.slots
            return (0..<UInt32(view.count)).filter { slots.isVisible($0, at: view.sequence) }.map { slots.label($0) }
        }
    }

    /// The slot of `label` that searches which began when `view` was taken find.
    func liveSlot(of label: Label, _ contents: StoreContents, _ view: GraphView) -> UInt32? {
        // A batch may be published between taking the view and looking the label up; what is found then is the newer one.
        labels.slot(of: label).flatMap { slot in
            contents.graph.slots.isVisible(slot, at: max(view.sequence, contents.graph.sequence)) ? slot : nil
        }
    }
}
