import HNSW

extension VectorStore {
    /// Runs `search` for each of several queries, which stand one after the other in `queries`, on up to `threads` threads (nil:
    /// one per processor), and returns what it returns in the order of the queries. All see the same state of the store.
    /// Throws the error of the first query that has one.
    func searchEach<Found: Sendable>(
        _ queries: [Float], threads: Int?,
        _ search: @escaping @Sendable (QueryInput, StoreContents, GraphView, SearchScratch) throws(StoreError) -> Found
    ) throws(StoreError) -> [Found] {
        try unsafe withElements(queries) { (pointer) throws(StoreError) in
            try reading { (contents, view, _) throws(StoreError) in
                let dimensions = contents.encoding.dimensions
                let rows = pointer.count / dimensions
                guard rows * dimensions == pointer.count else {
                    throw StoreError(
                        .dimensionMismatch,
                        "\(pointer.count) numbers are not a whole number of queries of \(dimensions) dimensions",
                        path: path)
                }
                let results = BatchResults<Found>(rows)
                nonisolated(unsafe) let pointer = unsafe pointer
                let team = WorkerTeam(Self.teamSize(threads, rows: rows))
                team.forEach(rows) { row, _ in
                    let query = unsafe UnsafeBufferPointer(rebasing: pointer[row * dimensions..<(row + 1) * dimensions])
                    results[row] = Result { () throws(StoreError) in
                        try contents.graph.readers.read { (scratch) throws(StoreError) in
                            try unsafe search(QueryInput(query, row: row), contents, view, scratch)
                        }
                    }
                }
                var found: [Found] = []
                found.reserveCapacity(rows)
                for row in 0..<rows { try found.append(results[row]!.get()) }
                return found
            }
        }
    }

    /// Runs `search` for one query.
    func searchOne<Found>(
        _ query: UnsafeBufferPointer<Float>,
        _ search: (QueryInput, StoreContents, GraphView, SearchScratch) throws(StoreError) -> Found
    ) throws(StoreError) -> Found {
        try reading { (contents, view, scratch) throws(StoreError) in
            try unsafe search(QueryInput(query, row: nil), contents, view, scratch)
        }
    }
}

/// A query as the caller gave it; its number where there are several.
@safe
struct QueryInput {
    let vector: UnsafeBufferPointer<Float>
    let row: Int?

    init(_ vector: UnsafeBufferPointer<Float>, row: Int?) {
        unsafe self.vector = vector
        self.row = row
    }
}

/// One result a row, written by whichever thread searches the row.
@safe
private final class BatchResults<Found: Sendable>: @unchecked Sendable {
    private let rows: UnsafeMutableBufferPointer<Result<Found, StoreError>?>

    init(_ count: Int) {
        unsafe rows = .allocate(capacity: count)
        unsafe rows.initialize(repeating: nil)
    }

    deinit {
        unsafe rows.deinitialize()
        unsafe rows.deallocate()
    }

    subscript(row: Int) -> Result<Found, StoreError>? {
        get { unsafe rows[row] }
        set { unsafe rows[row] = newValue }
    }
}
