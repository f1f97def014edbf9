/// The methods that take vectors in an array, with a span instead: no copy is made of memory that you have already. They
/// are hidden in the documentation, which would have every page twice.
@_documentation(visibility: internal)
extension VectorStore {
    /// Adds vectors under new labels: all of them or, if this throws, none.
    ///
    /// When this returns, searches find the vectors, and they survive the failures that ``OpenOptions/durability``
    /// names. The call waits for other changes, but not for searches. You may call this from any thread. The graph is
    /// the same for every number of threads.
    ///
    /// - Parameters:
    ///   - vectors: The components of the vectors, one vector after the other.
    ///   - labels: The labels of the vectors. None may be in the store.
    ///   - threads: The number of threads that insert vectors; nil for that of ``OpenOptions/threads``.
    /// - Throws: ``StoreError``: `dimensionMismatch`, `invalidVector` or `duplicateLabel` if a vector cannot be added;
    ///   ``StoreError/row`` is the number of the first one. `full` if there is no room; `io` if the disk fails;
    ///   `readOnly` if the handle was opened for reading; `closed` after ``close()``; `failed` after an earlier write
    ///   that failed; `forked` in a child of the process that opened the store.
    /// - Complexity: O(log n) for each vector in a store of n: about one search with efConstruction as its ef.
    public func add(_ vectors: Span<Float>, labels: [Label], threads: Int? = nil) throws(StoreError) {
        try unsafe withElements(vectors) { (pointer) throws(StoreError) in
            try unsafe change(pointer, labels, threads) { .add($0, row: $1, replacingDeleted: false) }
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
        _ query: Span<Float>, k: Int, options: SearchOptions = .init()
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
        _ query: Span<Float>, k: Int, ef: Int, filter: LabelFilter? = nil
    ) throws(StoreError) -> [Neighbor] {
        try search(query, k: k, options: SearchOptions(ef: ef, filter: filter))
    }

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
        _ query: Span<Float>, within radius: Float, options: RadiusOptions = .init()
    ) throws(StoreError) -> RadiusResult {
        let search = try RadiusSearch(radius, options)
        return try searchOne(query) { (query, session) throws(StoreError) in try search.run(query, session) }
    }

    /// Returns the k documents that are nearest to a query, nearest first.
    ///
    /// A document is a group of labels. It is as near as its nearest vector. You get k documents if the store has that
    /// many and the filter allows them.
    ///
    /// You may call this from any thread. A search takes no lock: it does not wait for changes, and changes do not wait
    /// for it.
    ///
    /// - Parameters:
    ///   - query: The components of the query vector.
    ///   - k: The number of documents to return, 0 or more.
    ///   - grouping: The document of each label.
    ///   - options: The ef, the number of vectors for each document, the filter, and whether the search is exact.
    /// - Returns: At most k documents, each with its nearest vectors.
    /// - Throws: ``StoreError``: `dimensionMismatch` or `invalidVector` if the query cannot be compared with the
    ///   store's vectors; `invalidArgument` if k is negative, or ef or the number of vectors for each document is below
    ///   1; `closed` after ``close()``; `full` if there is no memory.
    public func searchDocuments(
        _ query: Span<Float>, k: Int, by grouping: DocumentGrouping, options: DocumentOptions = .init()
    ) throws(StoreError) -> [FoundDocument] {
        let search = try DocumentSearch(k, grouping, options)
        return try searchOne(query) { (query, session) throws(StoreError) in try search.run(query, session) }
    }

    /// Adds vectors, which may take the slots of vectors that are marked deleted: all of them or, if this throws, none.
    ///
    /// It does what ``add(_:labels:replacingDeleted:threads:)`` does.
    ///
    /// - Parameters:
    ///   - vectors: The components of the vectors, one vector after the other.
    ///   - labels: The labels of the vectors. None may be in the store.
    ///   - replacingDeleted: Whether new vectors take the slots of vectors that are marked deleted.
    ///   - threads: The number of threads that insert vectors; nil for that of ``OpenOptions/threads``.
    /// - Throws: ``StoreError``: the errors of ``add(_:labels:threads:)``.
    public func add(
        _ vectors: Span<Float>, labels: [Label], replacingDeleted: Bool, threads: Int? = nil
    ) throws(StoreError) {
        try unsafe withElements(vectors) { (pointer) throws(StoreError) in
            try unsafe change(pointer, labels, threads) { .add($0, row: $1, replacingDeleted: replacingDeleted) }
        }
    }

    /// Replaces the vectors of labels that are in the store: all of them or, if this throws, none.
    ///
    /// It does what ``update(_:labels:threads:)`` does.
    ///
    /// - Parameters:
    ///   - vectors: The components of the new vectors, one vector after the other.
    ///   - labels: The labels of the vectors.
    ///   - threads: The number of threads that insert vectors; nil for that of ``OpenOptions/threads``.
    /// - Throws: ``StoreError``: `unknownLabel` if a label is not in the store. Otherwise the errors of
    ///   ``add(_:labels:threads:)``.
    public func update(_ vectors: Span<Float>, labels: [Label], threads: Int? = nil) throws(StoreError) {
        try unsafe withElements(vectors) { (pointer) throws(StoreError) in
            try unsafe change(pointer, labels, threads) { .update($0, row: $1) }
        }
    }

    /// Adds vectors, and replaces those whose labels are in the store: all of them or, if this throws, none.
    ///
    /// It does what ``upsert(_:labels:threads:)`` does.
    ///
    /// - Parameters:
    ///   - vectors: The components of the vectors, one vector after the other.
    ///   - labels: The labels of the vectors.
    ///   - threads: The number of threads that insert vectors; nil for that of ``OpenOptions/threads``.
    /// - Throws: ``StoreError``: the errors of ``add(_:labels:threads:)`` without `duplicateLabel`.
    public func upsert(_ vectors: Span<Float>, labels: [Label], threads: Int? = nil) throws(StoreError) {
        try unsafe withElements(vectors) { (pointer) throws(StoreError) in
            try unsafe change(pointer, labels, threads) { .upsert($0, row: $1) }
        }
    }

    /// Returns the k nearest vectors to each of several queries, searched on several threads.
    ///
    /// It does what ``search(batch:k:options:threads:)`` does.
    ///
    /// - Parameters:
    ///   - queries: The components of the queries, one query after the other.
    ///   - k: The number of vectors to return for each query, 0 or more.
    ///   - options: The ef, the filter, and whether the searches are exact.
    ///   - threads: The number of threads to search with; nil for one for each processor that the process may use.
    /// - Returns: The results of each query, in the order of the queries, each nearest first.
    /// - Throws: ``StoreError``: as for an array.
    public func search(
        batch queries: Span<Float>, k: Int, options: SearchOptions = .init(), threads: Int? = nil
    ) throws(StoreError) -> [[Neighbor]] {
        let search = try NearestSearch(k, options)
        return try unsafe withElements(queries) { (pointer) throws(StoreError) in
            try unsafe searchBatch(pointer, search, threads: threads)
        }
    }

    /// Returns the vectors within a radius of each of several queries, searched on several threads.
    ///
    /// It does what ``search(batch:within:options:threads:)`` does.
    ///
    /// - Parameters:
    ///   - queries: The components of the queries, one query after the other.
    ///   - radius: The largest distance of a vector to return.
    ///   - options: The limit, the ef, the filter, and whether the searches are exact.
    ///   - threads: The number of threads to search with; nil for one for each processor that the process may use.
    /// - Returns: The vectors of each query, in the order of the queries, each nearest first.
    /// - Throws: ``StoreError``: as for an array.
    public func search(
        batch queries: Span<Float>, within radius: Float, options: RadiusOptions = .init(), threads: Int? = nil
    ) throws(StoreError) -> [RadiusResult] {
        let search = try RadiusSearch(radius, options)
        return try unsafe withElements(queries) { (pointer) throws(StoreError) in
            try unsafe searchBatch(pointer, search, threads: threads)
        }
    }

    /// Returns the k nearest documents to each of several queries, searched on several threads.
    ///
    /// It does what ``searchDocuments(batch:k:by:options:threads:)`` does.
    ///
    /// - Parameters:
    ///   - queries: The components of the queries, one query after the other.
    ///   - k: The number of documents to return for each query, 0 or more.
    ///   - grouping: The document of each label.
    ///   - options: The ef, the number of vectors for each document, the filter, and whether the searches are exact.
    ///   - threads: The number of threads to search with; nil for one for each processor that the process may use.
    /// - Returns: The documents of each query, in the order of the queries, each nearest first.
    /// - Throws: ``StoreError``: as for an array.
    public func searchDocuments(
        batch queries: Span<Float>, k: Int, by grouping: DocumentGrouping, options: DocumentOptions = .init(),
        threads: Int? = nil
    ) throws(StoreError) -> [[FoundDocument]] {
        let search = try DocumentSearch(k, grouping, options)
        return try unsafe withElements(queries) { (pointer) throws(StoreError) in
            try unsafe searchBatch(pointer, search, threads: threads)
        }
    }

    /// Returns the distances between a query and the vectors of some labels.
    ///
    /// It does what ``distances(from:to:)`` does.
    ///
    /// - Parameters:
    ///   - query: The components of the query vector.
    ///   - labels: The labels of the vectors.
    /// - Returns: A distance for each label, in the order of the labels; nil for a label that is not in the store or is
    ///   marked deleted.
    /// - Throws: ``StoreError``: as for an array.
    public func distances(from query: Span<Float>, to labels: [Label]) throws(StoreError) -> [Float?] {
        try searchOne(query) { (query, session) throws(StoreError) in try session.distances(from: query, to: labels) }
    }
}
