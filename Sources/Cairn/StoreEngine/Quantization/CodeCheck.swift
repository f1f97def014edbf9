import Allocation
import HNSW

/// Compares codes with the vectors that they are of.
struct CodeCheck {
    private let column: CodeColumn
    private let graph: Graph

    init(_ column: CodeColumn, _ graph: Graph) {
        self.column = column
        self.graph = graph
    }

    /// The first of `slots` whose code is not that of its vector; nil if all are right. Nobody writes either meanwhile.
    func firstWrongRow(_ slots: some Sequence<UInt32>) throws(OutOfMemory) -> UInt32? {
        let model = column.model, encoder = try CodeEncoder(model), scratch = SearchScratch()
        try scratch.prepare(dimensions: graph.distances.dimensions)
        let buffer = try Memory<UInt64>((model.rowBytes + 7) / 8)
        let row = unsafe UnsafeMutableRawPointer(buffer.buffer.base)
        return slots.first { slot in
            unsafe encoder.encode(graph.codeComponents(slot, scratch), to: row)
            let stored = unsafe UnsafeRawBufferPointer(start: column.row(slot), count: model.rowBytes)
            return unsafe !stored.elementsEqual(UnsafeRawBufferPointer(start: row, count: model.rowBytes))
        }
    }
}
