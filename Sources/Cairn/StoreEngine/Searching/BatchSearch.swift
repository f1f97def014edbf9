import Allocation
import HNSW
import Synchronization
import Threading

/// A search that can be run for one query or for many.
protocol StoreSearch: Sendable {
    associatedtype Found: Sendable
    /// How many queries a thread runs together.
    static var together: Int { get }
    /// About how many bytes a result takes.
    static func bytes(_ found: Found) -> Int
    func run(_ query: QueryInput, _ session: ReadSession) throws(StoreError) -> Found
    /// Runs it for up to `together` queries, each of which has its scratch.
    func run(
        _ queries: [QueryInput], _ session: ReadSession, _ scratches: [SearchScratch]
    ) -> [Result<Found, StoreError>]
}

extension StoreSearch {
    static var together: Int { 1 }

    func run(
        _ queries: [QueryInput], _ session: ReadSession, _ scratches: [SearchScratch]
    ) -> [Result<Found, StoreError>] {
        zip(queries, scratches).map { query, scratch in
            Result { () throws(StoreError) in try run(query, session.with(scratch)) }
        }
    }
}

extension VectorStore {
    /// Runs `search` for several queries, which stand one after the other, on up to `threads` threads (nil: one per
    /// processor), and returns the results in the order of the queries. All see the same state of the store. Throws the
    /// error of the first query that has one.
    func searchBatch<Search: StoreSearch>(
        _ pointer: UnsafeBufferPointer<Float>, _ search: Search, threads: Int?
    ) throws(StoreError) -> [Search.Found] {
        typealias Found = Search.Found
        return try reading { (session) throws(StoreError) in
            let dimensions = session.contents.encoding.dimensions
            let rows = pointer.count / dimensions
            guard rows * dimensions == pointer.count else {
                throw StoreError(
                    .dimensionMismatch,
                    "\(pointer.count) numbers are not a whole number of queries of \(dimensions) dimensions",
                    path: path)
            }
            try takingMemory(
                for: path,
                ProcessMemory.expect(
                    rows * (MemoryLayout<Result<Found, StoreError>?>.stride + MemoryLayout<Found>.stride)))
            let results = BatchResults<Found>(rows)
            nonisolated(unsafe) let pointer = unsafe pointer
            let team = WorkerTeam(Self.teamSize(threads, rows: rows))
            // No more together than leaves something for each thread.
            let size = max(1, min(Search.together, rows / team.size)), readers = session.graph.readers
            let groups = GroupCounter((rows + size - 1) / size), cancellation = CancellationCheck()
            team.run { [path] thread in
                // The calling thread has a place; the others take one each, and where there is none leave their
                // work to who has one. So nobody waits for a place while holding another.
                guard let place = thread == 0 ? 0 : try? readers.enter() else { return }
                defer { if thread > 0 { readers.leave(place) } }
                let own = thread == 0 ? session.scratch : readers.scratch(place)
                // Results are small, one by one, and many.
                var resultBytes = 0
                while let group = groups.next() {
                    if cancellation.isCancelled { return groups.stop() }
                    let first = group * size, numbers = first..<min(first + size, rows)
                    let queries = numbers.map { row in
                        unsafe QueryInput(
                            UnsafeBufferPointer(rebasing: pointer[row * dimensions..<(row + 1) * dimensions]),
                            row: row)
                    }
                    let places = readers.enterMore(queries.count - 1)
                    defer { for place in places { readers.leave(place) } }
                    let scratches = [own] + places.map { readers.scratch($0) }
                    for start in stride(from: 0, to: queries.count, by: scratches.count) {
                        let part = Array(queries[start..<min(start + scratches.count, queries.count)])
                        var found = search.run(part, session, scratches)
                        for result in found {
                            if case .success(let found) = result { resultBytes += Search.bytes(found) }
                        }
                        if resultBytes >= Self.checkedResultBytes {
                            resultBytes = 0
                            do throws(StoreError) {
                                try takingMemory(for: path, ProcessMemory.expect(Self.checkedResultBytes))
                            } catch {
                                found = found.map { _ in .failure(error) }
                            }
                        }
                        for (offset, result) in found.enumerated() { results[first + start + offset] = result }
                    }
                }
            }
            if groups.isStopped { throw .cancelled }
            var found: [Found] = []
            found.reserveCapacity(rows)
            for row in 0..<rows { try found.append(results[row]!.get()) }
            return found
        }
    }

    /// A thread that has added this many bytes of results asks whether there is memory for as many more.
    private static let checkedResultBytes = 1 << 20

    /// Runs `search` for one query.
    func searchOne<Found>(
        _ query: [Float], _ search: (QueryInput, ReadSession) throws(StoreError) -> Found
    ) throws(StoreError) -> Found {
        try unsafe withElements(query) { (pointer) throws(StoreError) in
            try reading { (session) throws(StoreError) in
                try unsafe search(QueryInput(pointer, row: nil), session)
            }
        }
    }

    /// Runs `search` for one query.
    func searchOne<Found>(
        _ query: Span<Float>, _ search: (QueryInput, ReadSession) throws(StoreError) -> Found
    ) throws(StoreError) -> Found {
        try unsafe withElements(query) { (pointer) throws(StoreError) in
            try reading { (session) throws(StoreError) in
                try unsafe search(QueryInput(pointer, row: nil), session)
            }
        }
    }
}

/// Numbers, each of which one thread gets.
private final class GroupCounter: Sendable {
    private let given = Atomic<Int>(0)
    private let count: Int

    init(_ count: Int) { self.count = count }

    /// Gives no more.
    func stop() { given.store(.max / 2, ordering: .relaxed) }
    var isStopped: Bool { given.load(ordering: .relaxed) >= .max / 2 }

    /// The next; nil when all are given.
    func next() -> Int? {
        let number = given.add(1, ordering: .relaxed).oldValue
        return number < count ? number : nil
    }
}

/// One result a row, written by whichever thread searches the row.
@safe
private final class BatchResults<Found: Sendable>: @unchecked Sendable {
    // Sendable because in a round of the team each row is set by one thread, and the caller reads the rows after the
    // round.

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
