import HNSW
import MappedStorage
import SystemPackage

extension VectorStore {
    /// Adds vectors, which stand one after the other in `vectors`, under `labels`; all of them or, when it throws, none. The
    /// graph that results is the same whatever `threads` (nil for one per processor) is.
    ///
    /// Throws `dimensionMismatch`, `invalidVector` or `duplicateLabel` with the number of the first row that cannot be
    /// added, `full` when there is no memory for it. So far only stores in memory grow: for one on disk it throws
    /// `readOnly`.
    ///
    /// About one search of width `constructionWidth` a vector: O(log count) each.
    public func add(_ vectors: Span<Float>, labels: [Label], threads: Int? = nil) throws(StoreError) {
        try unsafe withElements(vectors) { (pointer) throws(StoreError) in
            try unsafe add(pointer, labels: labels, threads: threads)
        }
    }

    /// The same for an array.
    public func add(_ vectors: [Float], labels: [Label], threads: Int? = nil) throws(StoreError) {
        try unsafe withElements(vectors) { (pointer) throws(StoreError) in
            try unsafe add(pointer, labels: labels, threads: threads)
        }
    }

    private func add(
        _ vectors: UnsafeBufferPointer<Float>, labels: [Label], threads: Int?
    ) throws(StoreError) {
        guard path == nil else {
            throw StoreError(
                .readOnly, "vectors cannot be added to a store on disk yet; build a new store from all of them",
                path: path)
        }
        try writing { (contents) throws(StoreError) in
            let rows = try unsafe VectorRows(vectors, rows: labels.count, encoding: contents.encoding, path: nil)
            var seen = Set<Label>(minimumCapacity: labels.count)
            for (row, label) in labels.enumerated() {
                try rows.check(row, label: label)
                if !seen.insert(label).inserted {
                    throw StoreError(.duplicateLabel, "label \(label) stands twice in the input (again in row \(row))")
                }
                if try slot(of: label, in: contents) != nil {
                    throw StoreError(.duplicateLabel, "label \(label) (row \(row)) is in the store already")
                }
            }
            let first = contents.graph.count
            try contents.grow(to: first + labels.count, path: "memory") { (segment) throws(StorageError) in
                try contents.memory.allocate(segment, path: "memory")
                contents.memory.advise(.resident, segment)
            }
            let scratch = Memory<Float>(contents.encoding.dimensions)
            for (row, label) in labels.enumerated() {
                unsafe contents.writeRow(UInt32(first + row), rows[row], label: label, scratch: scratch.buffer)
            }
            Insertion(into: contents.graph, threads: Self.teamSize(threads, rows: labels.count)).append(labels.count)
            self.labels.withLock { source in
                guard case .heap(let index) = source else { return }
                for row in 0..<labels.count { _ = index.insert(UInt32(first + row)) }
            }
        }
    }
}

/// Rows of vectors as they are given, checked one by one.
@safe
struct VectorRows {
    private let elements: UnsafeBufferPointer<Float>
    private let encoding: VectorEncoding

    init(
        _ elements: UnsafeBufferPointer<Float>, rows: Int, encoding: VectorEncoding, path: FilePath?
    ) throws(StoreError) {
        guard elements.count == rows * encoding.dimensions else {
            throw StoreError(
                .dimensionMismatch,
                "\(rows) labels of \(encoding.dimensions) dimensions need \(rows * encoding.dimensions) numbers, not "
                    + "\(elements.count)", path: path)
        }
        unsafe self.elements = elements
        self.encoding = encoding
    }

    subscript(row: Int) -> UnsafeBufferPointer<Float> {
        let dimensions = encoding.dimensions
        return unsafe UnsafeBufferPointer(rebasing: elements[row * dimensions..<(row + 1) * dimensions])
    }

    /// Throws what is wrong with a row; `offset` is added to its number in the message.
    func check(_ row: Int, label: Label, offset: Int = 0, path: FilePath? = nil) throws(StoreError) {
        if let problem = unsafe encoding.problem(self[row]) {
            throw StoreError(
                .invalidVector, "the vector in row \(offset + row) (label \(label)) \(problem)", path: path)
        }
    }
}
