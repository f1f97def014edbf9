import Allocation
import HNSW

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
        _ query: Span<Float>, k: Int, by grouping: DocumentGrouping, options: DocumentOptions = .init()
    ) throws(StoreError) -> [FoundDocument] {
        try Self.check(k, options)
        return try unsafe withElements(query) { (pointer) throws(StoreError) in
            try unsafe searchOne(pointer) { (query, contents, view, scratch) throws(StoreError) in
                try searchDocuments(query, k, grouping, options, contents, view, scratch)
            }
        }
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
        _ query: [Float], k: Int, by grouping: DocumentGrouping, options: DocumentOptions = .init()
    ) throws(StoreError) -> [FoundDocument] {
        try Self.check(k, options)
        return try unsafe withElements(query) { (pointer) throws(StoreError) in
            try unsafe searchOne(pointer) { (query, contents, view, scratch) throws(StoreError) in
                try searchDocuments(query, k, grouping, options, contents, view, scratch)
            }
        }
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
    public func searchDocuments(
        batch queries: [Float], k: Int, by grouping: DocumentGrouping, options: DocumentOptions = .init(),
        threads: Int? = nil
    ) throws(StoreError) -> [[FoundDocument]] {
        try Self.check(k, options)
        return try searchEach(
            queries, threads: threads, bytes: { $0.reduce(64) { $0 + 64 + Self.bytes($1.neighbors.count) } }
        ) {
            [self] (query, contents, view, scratch) throws(StoreError) in
            try searchDocuments(query, k, grouping, options, contents, view, scratch)
        }
    }

    private static func check(_ count: Int, _ options: DocumentOptions) throws(StoreError) {
        guard count >= 0 else {
            throw StoreError(.invalidArgument, "k is \(count); ask for 0 documents or more")
        }
        guard options.neighborsPerDocument >= 1 else {
            throw StoreError(
                .invalidArgument,
                "\(options.neighborsPerDocument) neighbours per document: ask for 1 or more")
        }
        try check(width: options.ef)
    }

    private func searchDocuments(
        _ input: QueryInput, _ count: Int, _ grouping: DocumentGrouping, _ options: DocumentOptions,
        _ contents: StoreContents, _ view: GraphView, _ scratch: SearchScratch
    ) throws(StoreError) -> [FoundDocument] {
        let query = try prepare(input, contents, scratch)
        return try takingMemory(for: path, searchDocuments(query, count, grouping, options, contents, view, scratch))
    }

    private func searchDocuments(
        _ query: Query, _ count: Int, _ grouping: DocumentGrouping, _ options: DocumentOptions,
        _ contents: StoreContents, _ view: GraphView, _ scratch: SearchScratch
    ) throws(OutOfMemory) -> [FoundDocument] {
        let graph = contents.graph, slots = graph.slots, filter = options.filter
        @inline(__always)
        func document(_ slot: UInt32) -> UInt64? {
            let label = slots.label(slot)
            return filter?.allows(label) ?? true ? grouping.document(of: label) : nil
        }
        let found = try documents(query, count, options, contents, view, scratch, document)
        guard options.neighborsPerDocument > 1, !found.isEmpty else { return FoundDocument.all(found, graph) }
        let members = try grouping.labels(of: found.map(\.document), limit: view.count / 8).map {
            (labels) throws(OutOfMemory) in try self.labels.slots(of: labels, in: view).sorted()
        }
        let complete = try graph.addNeighbors(
            to: found, count: options.neighborsPerDocument, query, in: view, among: members, scratch: scratch,
            document: document)
        return FoundDocument.all(complete, graph)
    }

    /// The best documents, each with its nearest vector.
    private func documents(
        _ query: Query, _ count: Int, _ options: DocumentOptions, _ contents: StoreContents, _ view: GraphView,
        _ scratch: SearchScratch, _ document: (UInt32) -> UInt64?
    ) throws(OutOfMemory) -> [RankedDocument] {
        let graph = contents.graph, wanted = min(count, view.count)
        let width = max(options.ef ?? defaultWidth, wanted)
        if !options.isExact, let limit = walkLimit(width: width, options.filter, view) {
            let found = try graph.documentSearch(
                query, count: wanted, width: width, in: view, distanceLimit: limit, scratch: scratch,
                document: document)
            // Fewer than asked for: no more documents, or the walk could not get to the others. Only a scan can tell.
            if let found, found.count == wanted { return found }
        }
        let scan = try scan(options.filter, contents, view)
        return try graph.exactDocumentSearch(
            query, count: wanted, in: view, among: scan.slots, scratch: scratch, isAllowed: scan.isAllowed,
            document: document)
    }
}
