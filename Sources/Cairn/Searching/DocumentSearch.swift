import Allocation
import HNSW

extension VectorStore {
    /// The `count` documents that have the nearest vectors to `query`, nearest first. A document is a group of labels, and as near
    /// as its nearest vector; `grouping` says which label belongs to which. As many as asked for, whenever there are (and the
    /// filter allows) so many.
    ///
    /// Throws `dimensionMismatch` or `invalidVector` when the query cannot be compared with the store's vectors,
    /// `invalidArgument` for a negative `count`, a width or a number of neighbours below 1, `closed`.
    public func searchDocuments(
        _ query: Span<Float>, count: Int, by grouping: DocumentGrouping, options: DocumentOptions = .init()
    ) throws(StoreError) -> [FoundDocument] {
        try Self.check(count, options)
        return try unsafe withElements(query) { (pointer) throws(StoreError) in
            try unsafe searchOne(pointer) { (query, contents, view, scratch) throws(StoreError) in
                try searchDocuments(query, count, grouping, options, contents, view, scratch)
            }
        }
    }

    /// The same for an array.
    public func searchDocuments(
        _ query: [Float], count: Int, by grouping: DocumentGrouping, options: DocumentOptions = .init()
    ) throws(StoreError) -> [FoundDocument] {
        try Self.check(count, options)
        return try unsafe withElements(query) { (pointer) throws(StoreError) in
            try unsafe searchOne(pointer) { (query, contents, view, scratch) throws(StoreError) in
                try searchDocuments(query, count, grouping, options, contents, view, scratch)
            }
        }
    }

    /// The same where `document` says which document a label belongs to; nil: to none. See ``DocumentGrouping/function(_:)``.
    public func searchDocuments(
        _ query: [Float], count: Int, options: DocumentOptions = .init(),
        document: @escaping @Sendable (Label) -> UInt64?
    ) throws(StoreError) -> [FoundDocument] {
        try searchDocuments(query, count: count, by: .function(document), options: options)
    }

    /// The best documents for each of several queries, which stand one after the other in `queries`, in the order of the
    /// queries. `threads`: how many search beside each other; nil for one for each processor that the process may use.
    ///
    /// Throws as ``searchDocuments(_:count:by:options:)-([Float],_,_,_)`` does, with the number of the query; then no result is
    /// returned.
    public func searchDocuments(
        batch queries: [Float], count: Int, by grouping: DocumentGrouping, options: DocumentOptions = .init(),
        threads: Int? = nil
    ) throws(StoreError) -> [[FoundDocument]] {
        try Self.check(count, options)
        return try searchEach(
            queries, threads: threads, bytes: { $0.reduce(64) { $0 + 64 + Self.bytes($1.neighbors.count) } }
        ) {
            [self] (query, contents, view, scratch) throws(StoreError) in
            try searchDocuments(query, count, grouping, options, contents, view, scratch)
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
        try check(width: options.width)
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
        let width = max(options.width ?? defaultWidth, wanted)
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
