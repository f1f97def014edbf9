import FileFormat
import HNSW
import MappedStorage

extension VectorStore {
    /// How many slots are in use, those that nothing live is in included: where `readRows` ends.
    package var slotCount: Int {
        get throws(StoreError) { try reading { $0.view.count } }
    }

    /// Reads live vectors as they were given (to within rounding, for cosine and f16), in slot order: those from `slot`
    /// on for which `labels` has room; `vectors` has room for as many. Returns how many there were and the slot to go
    /// on from, which is `slotCount` at the end. Each call sees the store as it is then, and gives the memory of what
    /// it has read back to the page cache.
    package func readRows(
        from slot: Int, labels: UnsafeMutableBufferPointer<Label>, vectors: UnsafeMutableBufferPointer<Float>
    ) throws(StoreError) -> (count: Int, next: Int) {
        try reading { session in
            let contents = session.contents, view = session.view
            let dimensions = contents.encoding.dimensions, slots = contents.graph.slots
            precondition(vectors.count >= labels.count * dimensions, "there is room for the vectors")
            var count = 0, next = slot
            while next < view.count && count < labels.count {
                let current = UInt32(next)
                next += 1
                guard slots.isVisible(current, at: view.sequence) else { continue }
                unsafe labels[count] = slots.label(current)
                unsafe contents.readVector(current, to: vectors.baseAddress! + count * dimensions)
                count += 1
            }
            contents.memory.expect(next..<next + labels.count, of: Self.columnsOfRows)
            contents.memory.release(slot..<next, of: Self.columnsOfRows)
            return (count, next)
        }
    }

    /// Whether a vector of a store for cosine was longer or shorter than 1 before it was normalised; those of an index
    /// that had lost the lengths were not. False for other metrics. Reads the lengths, up to the first of these.
    package var hasLengths: Bool {
        get throws(StoreError) {
            try reading { session in
                let contents = session.contents, view = session.view
                guard contents.encoding.isCosine, let norms = unsafe contents.columns.norms else { return false }
                let slots = contents.graph.slots
                return (0..<view.count).contains { slot in
                    unsafe norms[slot] != 1
                        && (slots.isVisible(UInt32(slot), at: view.sequence)
                            || slots.state(UInt32(slot)) == .marked)
                }
            }
        }
    }

    /// What a row is read from.
    static let columnsOfRows: [Geometry.Column] = [.vectors, .norms, .slotTable]
}
