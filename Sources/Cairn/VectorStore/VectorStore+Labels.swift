import Allocation
import HNSW

extension VectorStore {
    /// The vector of `label` as it was given (to the precision of the store's scalar and, for cosine, of normalising); nil
    /// if there is none, or it is marked as deleted.
    public func vector(for label: Label) throws(StoreError) -> [Float]? {
        try reading { (contents, view, _) throws(StoreError) in
            try takingMemory(for: path, labels.slot(of: label, in: view)).map { contents.vector($0) }
        }
    }

    /// Whether the store has a vector called `label` that is not marked as deleted.
    public func contains(_ label: Label) throws(StoreError) -> Bool {
        try reading { (_, view, _) throws(StoreError) in
            try takingMemory(for: path, labels.slot(of: label, in: view)) != nil
        }
    }

    /// All labels, in the order the store keeps its vectors. O(count).
    public func allLabels() throws(StoreError) -> [Label] {
        try reading { (contents, view, _) throws(StoreError) in
            let slots = contents.graph.slots
            // As slots, then as labels.
            try takingMemory(for: path, ProcessMemory.expect(growing: counts.load().live, stride: 8))
            return (0..<UInt32(view.count)).filter { slots.isVisible($0, at: view.sequence) }.map { slots.label($0) }
        }
    }

    /// The labels of vectors that are marked as deleted, in the order the store keeps its vectors: those that `unmark` brings
    /// back. O(count).
    public func markedLabels() throws(StoreError) -> [Label] {
        try reading { (contents, view, _) throws(StoreError) in
            let slots = contents.graph.slots
            try takingMemory(for: path, ProcessMemory.expect(growing: counts.load().marked, stride: 32))
            let unseen = (0..<UInt32(view.count)).filter {
                !slots.isVisible($0, at: view.sequence) && Self.hasLabel(slots.state($0))
            }
            // A batch that is being made shows in states before it is published, but not in where labels lead.
            return unseen.map { (slot: $0, label: slots.label($0)) }
                .filter { labels.leads($0.label, toMarked: $0.slot) }.map(\.label)
        }
    }
}
