import HNSW

/// The methods that take vectors in an array, with a span instead: no copy is made of memory that you have already.
extension VectorStore {
    /// Adds vectors, which may take the slots of vectors that are marked deleted: all of them or, if this throws, none.
    ///
    /// It does what ``add(_:labels:replacingDeleted:threads:)-([Float],_,_,_)`` does.
    ///
    /// - Parameters:
    ///   - vectors: The components of the vectors, one vector after the other.
    ///   - labels: The labels of the vectors. None may be in the store.
    ///   - replacingDeleted: Whether new vectors take the slots of vectors that are marked deleted.
    ///   - threads: The number of threads that insert vectors; nil for that of ``OpenOptions/threads``.
    /// - Throws: ``StoreError``: the errors of ``add(_:labels:threads:)-([Float],_,_)``.
    public func add(
        _ vectors: Span<Float>, labels: [Label], replacingDeleted: Bool, threads: Int? = nil
    ) throws(StoreError) {
        try unsafe withElements(vectors) { (pointer) throws(StoreError) in
            try unsafe change(pointer, labels, threads) { .add($0, row: $1, replacingDeleted: replacingDeleted) }
        }
    }

    /// Replaces the vectors of labels that are in the store: all of them or, if this throws, none.
    ///
    /// It does what ``update(_:labels:threads:)-([Float],_,_)`` does.
    ///
    /// - Parameters:
    ///   - vectors: The components of the new vectors, one vector after the other.
    ///   - labels: The labels of the vectors.
    ///   - threads: The number of threads that insert vectors; nil for that of ``OpenOptions/threads``.
    /// - Throws: ``StoreError``: `unknownLabel` if a label is not in the store. Otherwise the errors of
    ///   ``add(_:labels:threads:)-([Float],_,_)``.
    public func update(_ vectors: Span<Float>, labels: [Label], threads: Int? = nil) throws(StoreError) {
        try unsafe withElements(vectors) { (pointer) throws(StoreError) in
            try unsafe change(pointer, labels, threads) { .update($0, row: $1) }
        }
    }

    /// Adds vectors, and replaces those whose labels are in the store: all of them or, if this throws, none.
    ///
    /// It does what ``upsert(_:labels:threads:)-([Float],_,_)`` does.
    ///
    /// - Parameters:
    ///   - vectors: The components of the vectors, one vector after the other.
    ///   - labels: The labels of the vectors.
    ///   - threads: The number of threads that insert vectors; nil for that of ``OpenOptions/threads``.
    /// - Throws: ``StoreError``: the errors of ``add(_:labels:threads:)-([Float],_,_)`` without `duplicateLabel`.
    public func upsert(_ vectors: Span<Float>, labels: [Label], threads: Int? = nil) throws(StoreError) {
        try unsafe withElements(vectors) { (pointer) throws(StoreError) in
            try unsafe change(pointer, labels, threads) { .upsert($0, row: $1) }
        }
    }

    /// Returns the k nearest vectors to each of several queries, searched on several threads.
    ///
    /// It does what ``search(batch:k:options:threads:)-([Float],_,_,_)`` does.
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
    /// It does what ``search(batch:within:options:threads:)-([Float],_,_,_)`` does.
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
    /// It does what ``searchDocuments(batch:k:by:options:threads:)-([Float],_,_,_,_)`` does.
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
    /// It does what ``distances(from:to:)-([Float],_)`` does.
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
