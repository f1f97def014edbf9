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
        _ query: [Float], k: Int, options: SearchOptions = .init()
    ) throws(StoreError) -> [Neighbor] {
        let search = try NearestSearch(k, options)
        return try searchOne(query) { (query, session) throws(StoreError) in try search.run(query, session) }
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

    /// Returns the k nearest vectors to a query, and counts the work of the search.
    ///
    /// The counts are added to those in `work`. Counting takes some time of its own. The results are those of
    /// ``search(_:k:options:)``. You may call this from any thread; it takes no lock.
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
        let search = try NearestSearch(k, options), trace = SearchTrace()
        let found = try searchOne(query) { (query, session) throws(StoreError) in
            session.scratch.trace = trace
            defer { session.scratch.trace = nil }
            return try search.run(query, session)
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
    ///   `cancelled` if the call was cancelled.
    public func search(
        batch queries: [Float], k: Int, options: SearchOptions = .init(), threads: Int? = nil
    ) throws(StoreError) -> [[Neighbor]] {
        let search = try NearestSearch(k, options)
        return try unsafe withElements(queries) { (pointer) throws(StoreError) in
            try unsafe searchBatch(pointer, search, threads: threads)
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
        try searchOne(query) { (query, session) throws(StoreError) in try session.distances(from: query, to: labels) }
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
