extension VectorStore {
    /// Returns the vectors within a radius of a query, nearest first.
    ///
    /// A vector at exactly that distance is within the radius. Distances are those of the metric: squared for l2, and
    /// often negative for inner products. Vectors at equal distances are in the order of their labels.
    ///
    /// The search finds nearly all of the vectors by walking the graph. ``RadiusOptions/ef`` says how far it explores
    /// outside the radius, and ``RadiusOptions/limit`` how many vectors it returns at most.
    ///
    /// You may call this from any thread. A search takes no lock: it does not wait for changes, and changes do not wait
    /// for it.
    ///
    /// - Parameters:
    ///   - query: The components of the query vector.
    ///   - radius: The largest distance of a vector to return.
    ///   - options: The limit, the ef, the filter, and whether the search is exact.
    /// - Returns: The vectors, and whether the limit left some out.
    /// - Throws: ``StoreError``: `dimensionMismatch` or `invalidVector` if the query cannot be compared with the
    ///   store's vectors; `invalidArgument` if the radius is not a number, or the limit or ef is below 1; `closed`
    ///   after ``close()``; `full` if there is no memory.
    /// - Complexity: About that of a search with a k of the number of vectors found, and never much more than that of
    ///   an exact search. If a large part of the store is within the radius, the search becomes exact.
    public func search(
        _ query: [Float], within radius: Float, options: RadiusOptions = .init()
    ) throws(StoreError) -> RadiusResult {
        let search = try RadiusSearch(radius, options)
        return try searchOne(query) { (query, session) throws(StoreError) in try search.run(query, session) }
    }

    /// Returns the vectors within a radius of each of several queries, searched on several threads.
    ///
    /// All queries see one state of the store. You may call this from any thread; it takes no lock.
    ///
    /// - Parameters:
    ///   - queries: The components of the queries, one query after the other.
    ///   - radius: The largest distance of a vector to return.
    ///   - options: The limit, the ef, the filter, and whether the searches are exact.
    ///   - threads: The number of threads to search with; nil for one for each processor that the process may use.
    /// - Returns: The vectors of each query, in the order of the queries, each nearest first.
    /// - Throws: ``StoreError``: `dimensionMismatch` or `invalidVector` if a query cannot be compared with the store's
    ///   vectors; `invalidArgument` if the radius is not a number, or the limit or ef is below 1; `closed` after
    ///   ``close()``; `full` if there is no memory. The message has the number of the first such query. No results are
    ///   returned then.
    ///   `cancelled` if the call was cancelled.
    public func search(
        batch queries: [Float], within radius: Float, options: RadiusOptions = .init(), threads: Int? = nil
    ) throws(StoreError) -> [RadiusResult] {
        let search = try RadiusSearch(radius, options)
        return try unsafe withElements(queries) { (pointer) throws(StoreError) in
            try unsafe searchBatch(pointer, search, threads: threads)
        }
    }
}
