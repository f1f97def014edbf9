import Allocation
import HNSW

/// A search for the k nearest vectors, as its caller asked for it.
struct NearestSearch: StoreSearch {
    let k: Int
    let options: VectorStore.SearchOptions

    init(_ k: Int, _ options: VectorStore.SearchOptions) throws(StoreError) {
        guard k >= 0 else {
            throw StoreError(
                .invalidArgument, "k is \(k)",
                remedy: "ask for 0 neighbours or more")
        }
        try ReadSession.check(width: options.ef)
        self.k = k
        self.options = options
    }

    static var together: Int { Graph.searchesInTurns }
    static func bytes(_ found: [VectorStore.Neighbor]) -> Int { VectorStore.Neighbor.bytes(found.count) }

    /// The nearest vectors to one query.
    func run(_ input: QueryInput, _ session: ReadSession) throws(StoreError) -> [VectorStore.Neighbor] {
        // Without a copy of the session in the usual case: it has a dozen references to count.
        options.ignoresQuantization ? try find(input, comparing(session)) : try find(input, session)
    }

    @inline(__always)
    private func find(_ input: QueryInput, _ session: ReadSession) throws(StoreError) -> [VectorStore.Neighbor] {
        let query = try session.prepare(input), graph = session.graph
        return try takingMemory(for: session.path) { () throws(OutOfMemory) in
            let found: UncheckedBuffer<HNSW.Candidate>
            if let filter = options.filter {
                found = try filtered(query, by: filter, session)
            } else if plan(session) == .scan {
                found = try graph.exactSearch(
                    query, count: min(k, session.view.count), in: session.view, scratch: session.scratch)
            } else {
                let walked = try graph.search(
                    query, count: k, width: width(session), in: session.view, scratch: session.scratch)
                found = try completed(walked, query, session)
            }
            return try graph.labelled(found)
        }
    }

    /// The nearest vectors to several queries of one thread, each of which has its scratch.
    func run(
        _ inputs: [QueryInput], _ session: ReadSession, _ scratches: [SearchScratch]
    ) -> [Result<[VectorStore.Neighbor], StoreError>] {
        guard options.filter == nil && plan(comparing(session)) == .walkAll else {
            return zip(inputs, scratches).map { input, scratch in
                Result { () throws(StoreError) in try run(input, session.with(scratch)) }
            }
        }
        var results: [Result<[VectorStore.Neighbor], StoreError>] = []
        var queries: [(query: Query, scratch: SearchScratch)] = []
        var rows: [Int] = []
        let session = comparing(session)
        for (row, (input, scratch)) in zip(inputs, scratches).enumerated() {
            do throws(StoreError) {
                queries.append((try session.with(scratch).prepare(input), scratch))
                rows.append(row)
                results.append(.success([]))
            } catch {
                results.append(.failure(error))
            }
        }
        do throws(OutOfMemory) {
            try session.graph.search(queries, count: k, width: width(session), in: session.view) {
                (number, walked) throws(OutOfMemory) in
                let (query, scratch) = queries[number]
                let found = try completed(walked, query, session.with(scratch))
                results[rows[number]] = .success(try session.graph.labelled(found))
            }
        } catch {
            for row in rows { results[row] = .failure(StoreError(error, path: session.path)) }
        }
        return results
    }

    func width(_ session: ReadSession) -> Int { max(options.ef ?? session.defaultWidth, k) }

    /// The session with the codes that the search goes by.
    private func comparing(_ session: ReadSession) -> ReadSession {
        guard options.ignoresQuantization else { return session }
        var session = session
        session.view = session.view.comparing(nil)
        return session
    }

    /// The plan where there is no filter.
    private func plan(_ session: ReadSession) -> SearchPlan {
        options.isExact
            ? .scan
            : session.view.plan(k: k, width: width(session), liveCount: session.counts.load().live)
    }

    /// What a walk found, or what there is if that is more: most of the store is deleted, or a build of before left
    /// part of it out of reach.
    private func completed(
        _ walked: UncheckedBuffer<HNSW.Candidate>, _ query: Query, _ session: ReadSession
    ) throws(OutOfMemory) -> UncheckedBuffer<HNSW.Candidate> {
        guard walked.count < min(k, session.counts.load().live) else { return walked }
        return try session.graph.exactSearch(
            query, count: min(k, session.view.count), in: session.view, scratch: session.scratch)
    }
}

extension ReadSession {
    /// Throws unless a search may be so wide.
    static func check(width: Int?) throws(StoreError) {
        if let width, width < 1 {
            throw StoreError(
                .invalidArgument, "ef is \(width)",
                remedy: "it must be 1 or more")
        }
    }
}
