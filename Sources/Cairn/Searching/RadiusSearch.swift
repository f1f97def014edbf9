import Allocation
import HNSW

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
        _ query: Span<Float>, within radius: Float, options: RadiusOptions = .init()
    ) throws(StoreError) -> RadiusResult {
        try Self.check(radius, options)
        return try unsafe withElements(query) { (pointer) throws(StoreError) in
            try unsafe searchOne(pointer) { (query, contents, view, scratch) throws(StoreError) in
                try search(query, within: radius, options, contents, view, scratch)
            }
        }
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
        _ query: [Float], within radius: Float, options: RadiusOptions = .init()
    ) throws(StoreError) -> RadiusResult {
        try Self.check(radius, options)
        return try unsafe withElements(query) { (pointer) throws(StoreError) in
            try unsafe searchOne(pointer) { (query, contents, view, scratch) throws(StoreError) in
                try search(query, within: radius, options, contents, view, scratch)
            }
        }
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
    public func search(
        batch queries: [Float], within radius: Float, options: RadiusOptions = .init(), threads: Int? = nil
    ) throws(StoreError) -> [RadiusResult] {
        try Self.check(radius, options)
        return try searchEach(queries, threads: threads, bytes: { Self.bytes($0.neighbors.count) }) {
            [self] (query, contents, view, scratch) throws(StoreError) in
            try search(query, within: radius, options, contents, view, scratch)
        }
    }

    private static func check(_ radius: Float, _ options: RadiusOptions) throws(StoreError) {
        guard !radius.isNaN else {
            throw StoreError(.invalidArgument, "the radius is not a number")
        }
        guard options.limit >= 1 else {
            throw StoreError(.invalidArgument, "the limit is \(options.limit); it must be 1 or more")
        }
        try check(width: options.ef)
    }

    private func search(
        _ input: QueryInput, within radius: Float, _ options: RadiusOptions, _ contents: StoreContents,
        _ view: GraphView, _ scratch: SearchScratch
    ) throws(StoreError) -> RadiusResult {
        let query = try prepare(input, contents, scratch), graph = contents.graph
        let radius = graph.distances.bound(ofDistance: radius)
        return try takingMemory(for: path) { () throws(OutOfMemory) in
            let found =
                options.isExact
                ? nil : try walked(query, within: radius, options, contents, view, scratch)
            if let found { return try RadiusResult(found, graph) }
            let scan = try scan(options.filter, contents, view)
            return try RadiusResult(
                graph.exactRadiusSearch(
                    query, within: radius, limit: options.limit, in: view, among: scan.slots, scratch: scratch,
                    isAllowed: scan.isAllowed), graph)
        }
    }

    /// What a walk finds; nil where a scan is cheaper.
    private func walked(
        _ query: Query, within radius: Float, _ options: RadiusOptions, _ contents: StoreContents, _ view: GraphView,
        _ scratch: SearchScratch
    ) throws(OutOfMemory) -> RegionFound? {
        let graph = contents.graph, slots = graph.slots
        let width = options.ef ?? defaultWidth
        guard let limit = walkLimit(width: width, options.filter, view) else { return nil }
        let isAllowed = options.filter.map { filter in { (slot: UInt32) in filter.allows(slots.label(slot)) } }
        return try graph.radiusSearch(
            query, within: radius, limit: options.limit, width: width, in: view, distanceLimit: limit,
            scratch: scratch, isAllowed: isAllowed)
    }

    /// How many distances a walk may compute before a scan is cheaper, although it reads the rows in order and an
    /// allowed set of labels alone; nil where it is so from the start: even the narrowest walk computes about 16
    /// distances for each candidate.
    func walkLimit(width: Int, _ filter: LabelFilter?, _ view: GraphView) -> Int? {
        let scanned = filter.flatMap { $0.isListed ? $0.limit(count: view.count) : nil } ?? view.count
        guard !view.scans(count: 0, width: width, byCodes: false), width < scanned / 8 else { return nil }
        return min(view.count / 4 + 16 * width, 2 * scanned)
    }
}
