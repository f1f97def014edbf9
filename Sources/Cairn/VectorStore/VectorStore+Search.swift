import Allocation
import HNSW

extension VectorStore {
    /// Returns the k nearest vectors to a query, nearest first.
    ///
    /// Vectors at equal distances are in the order of their labels. If the store has fewer than k vectors, or the
    /// filter allows fewer, you get fewer. This is not an error.
    ///
    /// You may call this from any thread. A search takes no lock: it does not wait for changes, and changes do not wait
    /// for it. It sees each batch of changes as a whole or not at all.
    ///
    /// - Parameters:
    ///   - query: The components of the query vector.
    ///   - k: The number of vectors to return, 0 or more.
    ///   - options: The ef, the filter, and whether the search is exact. By default, the store's own ef and no filter.
    /// - Returns: At most k labels with their distances.
    /// - Throws: ``StoreError``: `dimensionMismatch` or `invalidVector` if the query cannot be compared with the
    ///   store's vectors; `invalidArgument` if k is negative or ef is below 1; `closed` after ``close()``; `full` if
    ///   there is no memory.
    /// - Complexity: Grows with ef, and with the logarithm of the number of vectors. An exact search is O(vectors).
    public func search(
        _ query: Span<Float>, k: Int, options: SearchOptions = .init()
    ) throws(StoreError) -> [Neighbor] {
        try Self.check(k, options)
        return try unsafe withElements(query) { (pointer) throws(StoreError) in
            try unsafe searchOne(pointer) { (query, contents, view, scratch) throws(StoreError) in
                try search(query, k, options, contents, view, scratch)
            }
        }
    }

    /// Returns the k nearest vectors to a query, nearest first.
    ///
    /// Vectors at equal distances are in the order of their labels. If the store has fewer than k vectors, or the
    /// filter allows fewer, you get fewer. This is not an error.
    ///
    /// You may call this from any thread. A search takes no lock: it does not wait for changes, and changes do not wait
    /// for it. It sees each batch of changes as a whole or not at all.
    ///
    /// - Parameters:
    ///   - query: The components of the query vector.
    ///   - k: The number of vectors to return, 0 or more.
    ///   - options: The ef, the filter, and whether the search is exact. By default, the store's own ef and no filter.
    /// - Returns: At most k labels with their distances.
    /// - Throws: ``StoreError``: `dimensionMismatch` or `invalidVector` if the query cannot be compared with the
    ///   store's vectors; `invalidArgument` if k is negative or ef is below 1; `closed` after ``close()``; `full` if
    ///   there is no memory.
    /// - Complexity: Grows with ef, and with the logarithm of the number of vectors. An exact search is O(vectors).
    public func search(
        _ query: [Float], k: Int, options: SearchOptions = .init()
    ) throws(StoreError) -> [Neighbor] {
        try Self.check(k, options)
        return try unsafe withElements(query) { (pointer) throws(StoreError) in
            try unsafe searchOne(pointer) { (query, contents, view, scratch) throws(StoreError) in
                try search(query, k, options, contents, view, scratch)
            }
        }
    }

    /// Returns the k nearest vectors to a query, found with the given ef instead of the store's own.
    ///
    /// A larger ef finds better neighbours and takes longer. An ef below k counts as k. Results are nearest first.
    /// Vectors at equal distances are in the order of their labels. You get fewer than k if the store has fewer, or the
    /// filter allows fewer.
    ///
    /// You may call this from any thread. A search takes no lock: it does not wait for changes, and changes do not wait
    /// for it.
    ///
    /// - Parameters:
    ///   - query: The components of the query vector.
    ///   - k: The number of vectors to return, 0 or more.
    ///   - ef: The number of candidates that the search keeps, at least 1.
    ///   - filter: The vectors that may be returned; nil for all.
    /// - Returns: At most k labels with their distances.
    /// - Throws: ``StoreError``: `dimensionMismatch` or `invalidVector` if the query cannot be compared with the
    ///   store's vectors; `invalidArgument` if k is negative or ef is below 1; `closed` after ``close()``; `full` if
    ///   there is no memory.
    /// - Complexity: Grows with ef, and with the logarithm of the number of vectors.
    public func search(
        _ query: [Float], k: Int, ef: Int, filter: LabelFilter? = nil
    ) throws(StoreError) -> [Neighbor] {
        try search(query, k: k, options: SearchOptions(ef: ef, filter: filter))
    }

    /// Returns the k nearest vectors to a query, found with the given ef instead of the store's own.
    ///
    /// A larger ef finds better neighbours and takes longer. An ef below k counts as k. Results are nearest first.
    /// Vectors at equal distances are in the order of their labels. You get fewer than k if the store has fewer, or the
    /// filter allows fewer.
    ///
    /// You may call this from any thread. A search takes no lock: it does not wait for changes, and changes do not wait
    /// for it.
    ///
    /// - Parameters:
    ///   - query: The components of the query vector.
    ///   - k: The number of vectors to return, 0 or more.
    ///   - ef: The number of candidates that the search keeps, at least 1.
    ///   - filter: The vectors that may be returned; nil for all.
    /// - Returns: At most k labels with their distances.
    /// - Throws: ``StoreError``: `dimensionMismatch` or `invalidVector` if the query cannot be compared with the
    ///   store's vectors; `invalidArgument` if k is negative or ef is below 1; `closed` after ``close()``; `full` if
    ///   there is no memory.
    /// - Complexity: Grows with ef, and with the logarithm of the number of vectors.
    public func search(
        _ query: Span<Float>, k: Int, ef: Int, filter: LabelFilter? = nil
    ) throws(StoreError) -> [Neighbor] {
        try search(query, k: k, options: SearchOptions(ef: ef, filter: filter))
    }

    /// Returns the k nearest vectors to a query, and counts the work of the search.
    ///
    /// The counts are added to those in `work`. Counting takes some time of its own. The results are those of
    /// ``search(_:k:options:)-([Float],_,_)``. You may call this from any thread; it takes no lock.
    ///
    /// - Parameters:
    ///   - query: The components of the query vector.
    ///   - k: The number of vectors to return, 0 or more.
    ///   - options: The ef, the filter, and whether the search is exact. By default, the store's own ef and no filter.
    ///   - work: The counts to which this search adds its own.
    /// - Returns: At most k labels with their distances, nearest first.
    /// - Throws: ``StoreError``: `dimensionMismatch` or `invalidVector` if the query cannot be compared with the
    ///   store's vectors; `invalidArgument` if k is negative or ef is below 1; `closed` after ``close()``; `full` if
    ///   there is no memory.
    public func search(
        _ query: [Float], k: Int, options: SearchOptions = .init(), work: inout SearchWork
    ) throws(StoreError) -> [Neighbor] {
        try Self.check(k, options)
        let trace = SearchTrace()
        let found = try unsafe withElements(query) { (pointer) throws(StoreError) in
            try unsafe searchOne(pointer) { (query, contents, view, scratch) throws(StoreError) in
                scratch.trace = trace
                defer { scratch.trace = nil }
                return try search(query, k, options, contents, view, scratch)
            }
        }
        work.add(trace)
        return found
    }

    /// Returns the k nearest vectors to each of several queries, searched on several threads.
    ///
    /// All queries see one state of the store. One call is faster than a search for each query. You may call this from
    /// any thread; it takes no lock.
    ///
    /// - Parameters:
    ///   - queries: The components of the queries, one query after the other.
    ///   - k: The number of vectors to return for each query, 0 or more.
    ///   - options: The ef, the filter, and whether the searches are exact. By default, the store's own ef and no
    ///     filter.
    ///   - threads: The number of threads to search with; nil for one for each processor that the process may use.
    /// - Returns: The results of each query, in the order of the queries, each nearest first.
    /// - Throws: ``StoreError``: `dimensionMismatch` or `invalidVector` if a query cannot be compared with the store's
    ///   vectors; `invalidArgument` if k is negative or ef is below 1; `closed` after ``close()``; `full` if there is
    ///   no memory. The message has the number of the first such query. No results are returned then.
    public func search(
        batch queries: [Float], k: Int, options: SearchOptions = .init(), threads: Int? = nil
    ) throws(StoreError) -> [[Neighbor]] {
        try Self.check(k, options)
        return try searchGroups(
            queries, threads: threads, together: Graph.searchesInTurns, bytes: { Self.bytes($0.count) }
        ) {
            [self] queries, contents, view, scratches in
            search(queries, k, options, contents, view, scratches)
        }
    }

    /// Returns the distances between a query and the vectors of some labels.
    ///
    /// You may call this from any thread; it takes no lock.
    ///
    /// - Parameters:
    ///   - query: The components of the query vector.
    ///   - labels: The labels of the vectors.
    /// - Returns: A distance for each label, in the order of the labels; nil for a label that is not in the store or is
    ///   marked deleted.
    /// - Throws: ``StoreError``: `dimensionMismatch` or `invalidVector` if the query cannot be compared with the
    ///   store's vectors; `closed` after ``close()``; `full` if there is no memory.
    /// - Complexity: O(labels), with a lookup and a distance for each.
    public func distances(from query: [Float], to labels: [Label]) throws(StoreError) -> [Float?] {
        try unsafe withElements(query) { (pointer) throws(StoreError) in
            try reading { (contents, view, scratch) throws(StoreError) in
                let query = try unsafe prepare(QueryInput(pointer, row: nil), contents, scratch)
                return try takingMemory(for: path) { () throws(OutOfMemory) in
                    try ProcessMemory.expect(labels.count * MemoryLayout<Float?>.stride)
                    return try labels.map { (label) throws(OutOfMemory) in
                        guard let slot = try self.labels.slot(of: label, in: view) else { return nil }
                        let found = try contents.graph.exactSearch(
                            query, count: 1, in: view, among: [slot], scratch: scratch)
                        return found.count == 0 ? nil : contents.graph.distances.distance(of: found[0])
                    }
                }
            }
        }
    }

    private static func check(_ count: Int, _ options: SearchOptions) throws(StoreError) {
        guard count >= 0 else {
            throw StoreError(.invalidArgument, "k is \(count); ask for 0 neighbours or more")
        }
        try check(width: options.ef)
    }

    /// Throws unless a search may be so wide.
    static func check(width: Int?) throws(StoreError) {
        if let width, width < 1 {
            throw StoreError(.invalidArgument, "ef is \(width); it must be 1 or more")
        }
    }

    /// Puts the query into the kernels' form, or says what is wrong with it.
    func prepare(
        _ query: QueryInput, _ contents: StoreContents, _ scratch: SearchScratch
    ) throws(StoreError) -> Query {
        let encoding = contents.encoding, vector = unsafe query.vector
        let subject = query.row.map { "query \($0)" } ?? "the query"
        guard vector.count == encoding.dimensions else {
            throw StoreError(
                .dimensionMismatch,
                "\(subject) has \(vector.count) dimensions, the store's vectors have \(encoding.dimensions)",
                path: path,
                row: query.row)
        }
        if let problem = unsafe encoding.problem(vector) {
            throw StoreError(.invalidVector, "\(subject) \(problem)", path: path, row: query.row)
        }
        let storage = try unsafe takingMemory(for: path) { () throws(OutOfMemory) in
            try scratch.prepare(dimensions: contents.graph.distances.dimensions)
            return try unsafe scratch.queryStorage(bytes: encoding.queryBytes)
        }
        return unsafe encoding.query(
            vector, storage: storage, scratch: scratch.expansion(encoding.dimensions))
    }

    private func search(
        _ input: QueryInput, _ count: Int, _ options: SearchOptions, _ contents: StoreContents,
        _ view: GraphView, _ scratch: SearchScratch
    ) throws(StoreError) -> [Neighbor] {
        let query = try prepare(input, contents, scratch), view = options.ignoresCodes ? view.comparing(nil) : view
        let graph = contents.graph, width = max(options.ef ?? defaultWidth, count), wanted = min(count, view.count)
        return try takingMemory(for: path) { () throws(OutOfMemory) in
            let found: UncheckedBuffer<HNSW.Candidate>
            if let filter = options.filter {
                found = try filtered(query, wanted, width, filter, options, contents, view, scratch)
            } else if options.isExact || view.scans(count: count, width: width) {
                found = try graph.exactSearch(query, count: wanted, in: view, scratch: scratch)
            } else {
                let walked = try graph.search(query, count: count, width: width, in: view, scratch: scratch)
                found = try completed(walked, query, count, contents, view, scratch)
            }
            return try Self.neighbors(found, graph)
        }
    }

    /// What a walk found, or what there is if that is more: most of the store is deleted, or a build of before left
    /// part of it out of reach.
    private func completed(
        _ walked: UncheckedBuffer<HNSW.Candidate>, _ query: Query, _ count: Int, _ contents: StoreContents,
        _ view: GraphView, _ scratch: SearchScratch
    ) throws(OutOfMemory) -> UncheckedBuffer<HNSW.Candidate> {
        guard walked.count < min(count, counts.load().live) else { return walked }
        return try contents.graph.exactSearch(query, count: min(count, view.count), in: view, scratch: scratch)
    }

    /// Several searches of one thread, each with its scratch.
    private func search(
        _ inputs: [QueryInput], _ count: Int, _ options: SearchOptions, _ contents: StoreContents, _ view: GraphView,
        _ scratches: [SearchScratch]
    ) -> [Result<[Neighbor], StoreError>] {
        let width = max(options.ef ?? defaultWidth, count), view = options.ignoresCodes ? view.comparing(nil) : view
        guard options.filter == nil && !options.isExact && !view.scans(count: count, width: width) else {
            return zip(inputs, scratches).map { input, scratch in
                Result { () throws(StoreError) in try search(input, count, options, contents, view, scratch) }
            }
        }
        var results: [Result<[Neighbor], StoreError>] = [], queries: [(query: Query, scratch: SearchScratch)] = []
        var rows: [Int] = []
        for (row, (input, scratch)) in zip(inputs, scratches).enumerated() {
            do throws(StoreError) {
                queries.append((try prepare(input, contents, scratch), scratch))
                rows.append(row)
                results.append(.success([]))
            } catch {
                results.append(.failure(error))
            }
        }
        do throws(OutOfMemory) {
            try contents.graph.search(queries, count: count, width: width, in: view) {
                (number, walked) throws(OutOfMemory) in
                let (query, scratch) = queries[number]
                let found = try completed(walked, query, count, contents, view, scratch)
                results[rows[number]] = .success(try Self.neighbors(found, contents.graph))
            }
        } catch {
            for row in rows { results[row] = .failure(StoreError(error, path: path)) }
        }
        return results
    }

    /// What an array of `k` neighbours takes.
    static func bytes(_ count: Int) -> Int { 48 + count * MemoryLayout<Neighbor>.stride }

    /// Candidates, which ascend, as labels and distances.
    static func neighbors(
        _ found: UncheckedBuffer<HNSW.Candidate>, _ graph: Graph
    ) throws(OutOfMemory) -> [Neighbor] {
        try ProcessMemory.expect(found.count * MemoryLayout<Neighbor>.stride)
        return neighbors(count: found.count, graph) { found[$0] }
    }

    /// `count` candidates, which ascend in distance and slot, as labels and distances. Among those that compare equal
    /// the label decides. That is settled before distances are rounded: many that differ may have the same one.
    @inline(__always)
    static func neighbors(count: Int, _ graph: Graph, _ candidate: (Int) -> HNSW.Candidate) -> [Neighbor] {
        var result: [Neighbor] = []
        result.reserveCapacity(count)
        var firstEqual = 0
        for index in 0..<count {
            let found = candidate(index)
            result.append(Neighbor(label: graph.slots.label(found.slot), distance: graph.distances.distance(of: found)))
            if index + 1 < count && candidate(index + 1) >> 32 == found >> 32 { continue }
            if index > firstEqual { result[firstEqual...].sort { $0.label < $1.label } }
            firstEqual = index + 1
        }
        return result
    }

    /// Runs `body` on the elements of an array.
    func withElements<Result>(
        _ elements: [Float], _ body: (UnsafeBufferPointer<Float>) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        let result = unsafe elements.withUnsafeBufferPointer { buffer in
            Swift.Result { () throws(StoreError) in try unsafe body(buffer) }
        }
        return try result.get()
    }

    /// Runs `body` on the elements of a span.
    func withElements<Result>(
        _ elements: Span<Float>, _ body: (UnsafeBufferPointer<Float>) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        let result = unsafe elements.withUnsafeBufferPointer { buffer in
            Swift.Result { () throws(StoreError) in try unsafe body(buffer) }
        }
        return try result.get()
    }
}
