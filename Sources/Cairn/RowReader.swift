import FileFormat
import HNSW
import MappedStorage

extension VectorStore {
    /// How many slots are in use, those that nothing live is in included: where `readRows` ends.
    package var slotCount: Int {
        get throws(StoreError) { try reading { (_, view, _) in view.count } }
    }

    /// Reads live vectors as they were given (to within rounding, for cosine and f16), in slot order: those from `slot` on for
    /// which `labels` has room; `vectors` has room for as many. Returns how many there were and the slot to go on from, which
    /// is `slotCount` at the end. Each call sees the store as it is then, and gives the memory of what it has read back to the
    /// page cache.
    package func readRows(
        from slot: Int, labels: UnsafeMutableBufferPointer<Label>, vectors: UnsafeMutableBufferPointer<Float>
    ) throws(StoreError) -> (count: Int, next: Int) {
        try reading { (contents, view, _) in
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

    /// What a row is read from.
    private static let columnsOfRows: [Geometry.Column] = [.vectors, .norms, .slotTable]
}
