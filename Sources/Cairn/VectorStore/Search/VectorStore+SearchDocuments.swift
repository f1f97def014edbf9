extension VectorStore {
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
        _ query: [Float], k: Int, by grouping: DocumentGrouping, options: DocumentOptions = .init()
    ) throws(StoreError) -> [FoundDocument] {
        let search = try DocumentSearch(k, grouping, options)
        return try searchOne(query) { (query, session) throws(StoreError) in try search.run(query, session) }
    }

    /// Returns the k documents that are nearest to a query, with a function that says which document a label belongs
    /// to.
    ///
    /// The function is used as by ``VectorStore/DocumentGrouping/function(_:)``. It may be called from several threads
    /// at once, and must not use the store that is searched. A document is as near as its nearest vector. You get k
    /// documents if the store has that many and the filter allows them. You may call this from any thread; it takes no
    /// lock.
    ///
    /// - Parameters:
    ///   - query: The components of the query vector.
    ///   - k: The number of documents to return, 0 or more.
    ///   - options: The ef, the number of vectors for each document, the filter, and whether the search is exact.
    ///   - document: A function that returns the document of a label; nil if the label belongs to none.
    /// - Returns: At most k documents, nearest first, each with its nearest vectors.
    /// - Throws: ``StoreError``: `dimensionMismatch` or `invalidVector` if the query cannot be compared with the
    ///   store's vectors; `invalidArgument` if k is negative, or ef or the number of vectors for each document is below
    ///   1; `closed` after ``close()``; `full` if there is no memory.
    public func searchDocuments(
        _ query: [Float], k: Int, options: DocumentOptions = .init(),
        document: @escaping @Sendable (Label) -> UInt64?
    ) throws(StoreError) -> [FoundDocument] {
        try searchDocuments(query, k: k, by: .function(document), options: options)
    }

    /// Returns the k nearest documents to each of several queries, searched on several threads.
    ///
    /// All queries see one state of the store. You may call this from any thread; it takes no lock.
    ///
    /// - Parameters:
    ///   - queries: The components of the queries, one query after the other.
    ///   - k: The number of documents to return for each query, 0 or more.
    ///   - grouping: The document of each label.
    ///   - options: The ef, the number of vectors for each document, the filter, and whether the searches are exact.
    ///   - threads: The number of threads to search with; nil for one for each processor that the process may use.
    /// - Returns: The documents of each query, in the order of the queries, each nearest first.
    /// - Throws: ``StoreError``: `dimensionMismatch` or `invalidVector` if a query cannot be compared with the store's
    ///   vectors; `invalidArgument` if k is negative, or ef or the number of vectors for each document is below 1;
    ///   `closed` after ``close()``; `full` if there is no memory. The message has the number of the first such query.
    ///   No results are returned then.
    ///   `cancelled` if the call was cancelled.
    public func searchDocuments(
        batch queries: [Float], k: Int, by grouping: DocumentGrouping, options: DocumentOptions = .init(),
        threads: Int? = nil
    ) throws(StoreError) -> [[FoundDocument]] {
        let search = try DocumentSearch(k, grouping, options)
        return try unsafe withElements(queries) { (pointer) throws(StoreError) in
            try unsafe searchBatch(pointer, search, threads: threads)
        }
    }
}
