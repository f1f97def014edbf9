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
    /// Runs `search` for several queries, which come one after the other, on up to `threads` threads (nil: one per
    /// processor), and returns the results in the order of the queries. All see the same state of the store. Throws the
    /// error of the first query that has one.
    func searchBatch<Search: StoreSearch>(
        _ pointer: UnsafeBufferPointer<Float>, _ search: Search, threads: Int?
    ) throws(StoreError) -> [Search.Found] {
        try reading { (session) throws(StoreError) in
            let dimensions = session.contents.encoding.dimensions
            let rows = pointer.count / dimensions
            guard rows * dimensions == pointer.count else {
                throw StoreError(
                    .dimensionMismatch,
                    "\(pointer.count) numbers are not a whole number of queries of \(dimensions) dimensions",
                    path: path)
            }
            let team = WorkerTeam(Self.teamSize(threads, rows: rows))
            // No more together than leaves something for each thread.
            let size = max(1, min(Search.together, rows / team.size))
            let batch = try unsafe BatchSearch(search, pointer, rows: rows, groupSize: size, session)
            team.run { batch.run(thread: $0) }
            return try batch.found()
        }
    }

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

/// A search for many queries, in groups: each goes to the next thread that is free.
@safe
private final class BatchSearch<Search: StoreSearch>: @unchecked Sendable {
    // Sendable because all of it is immutable or guards itself, and the queries stay as long as the caller of
    // `searchBatch` waits.

    private let search: Search
    private let queries: UnsafeBufferPointer<Float>
    private let rows: Int
    private let groupSize: Int
    private let session: ReadSession
    private let groups: GroupCounter
    private let results: BatchResults<Search.Found>
    private let cancellation = CancellationCheck()

    /// A thread that has added this many bytes of results asks whether there is memory for as many more.
    private static var checkedResultBytes: Int { 1 << 20 }

    init(
        _ search: Search, _ queries: UnsafeBufferPointer<Float>, rows: Int, groupSize: Int, _ session: ReadSession
    ) throws(StoreError) {
        self.search = search
        unsafe self.queries = unsafe queries
        self.rows = rows
        self.groupSize = groupSize
        self.session = session
        let stride = MemoryLayout<Result<Search.Found, StoreError>?>.stride + MemoryLayout<Search.Found>.stride
        try takingMemory(for: session.path, ProcessMemory.expect(rows * stride))
        groups = GroupCounter((rows + groupSize - 1) / groupSize)
        results = BatchResults(rows)
    }

    /// Searches for one group after the other, until there are none. Thread 0 is the calling one, which has a place
    /// among the readers; the others take one each, and where there is none leave their work to who has one. So nobody
    /// waits for a place while holding another.
    func run(thread: Int) {
        let readers = session.graph.readers
        guard let place = thread == 0 ? 0 : try? readers.enter() else { return }
        defer { if thread > 0 { readers.leave(place) } }
        let scratch = thread == 0 ? session.scratch : readers.scratch(place)
        // Results are small, one by one, and many.
        var resultBytes = 0
        while let group = groups.next() {
            if cancellation.isCancelled { return groups.stop() }
            run(group, scratch, &resultBytes)
        }
    }

    /// Searches for the queries of a group, for as many at a time as there are places for among the readers.
    private func run(_ group: Int, _ scratch: SearchScratch, _ resultBytes: inout Int) {
        let readers = session.graph.readers, first = group * groupSize
        let inputs = (first..<min(first + groupSize, rows)).map { input($0) }
        let places = readers.enterMore(inputs.count - 1)
        defer { for place in places { readers.leave(place) } }
        let scratches = [scratch] + places.map { readers.scratch($0) }
        for start in stride(from: 0, to: inputs.count, by: scratches.count) {
            let part = Array(inputs[start..<min(start + scratches.count, inputs.count)])
            let found = search.run(part, session, scratches)
            let problem = checkMemory(for: found, &resultBytes)
            for (offset, result) in found.enumerated() {
                results[first + start + offset] = problem.map { .failure($0) } ?? result
            }
        }
    }

    private func input(_ row: Int) -> QueryInput {
        let dimensions = session.contents.encoding.dimensions
        return unsafe QueryInput(
            UnsafeBufferPointer(rebasing: queries[row * dimensions..<(row + 1) * dimensions]), row: row)
    }

    /// What is wrong if there is no memory for more results. `resultBytes`: what this thread found since it asked.
    private func checkMemory(
        for found: [Result<Search.Found, StoreError>], _ resultBytes: inout Int
    ) -> StoreError? {
        for result in found {
            if case .success(let found) = result { resultBytes += Search.bytes(found) }
        }
        guard resultBytes >= Self.checkedResultBytes else { return nil }
        resultBytes = 0
        do throws(StoreError) {
            try takingMemory(for: session.path, ProcessMemory.expect(Self.checkedResultBytes))
            return nil
        } catch {
            return error
        }
    }

    /// The results, once every thread is done.
    func found() throws(StoreError) -> [Search.Found] {
        if groups.isStopped { throw .cancelled }
        var found: [Search.Found] = []
        found.reserveCapacity(rows)
        for row in 0..<rows { try found.append(results[row]!.get()) }
        return found
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
