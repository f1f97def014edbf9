import Allocation
import HNSW

extension VectorStore {
    /// The vectors within `radius` of `query`, nearest first; equal distances in the order of their labels. A vector at exactly
    /// that distance is within it. Distances are the metric's: squared ones for l2, and negative ones for inner products.
    ///
    /// Walking the graph finds nearly all; `options` says with how much patience, and how many are returned at the most.
    /// It costs about as many distances as a search that asks for as many neighbours as are found, and never much more than an
    /// exact search: where the radius catches a large part of the store, it becomes one.
    ///
    /// Throws `dimensionMismatch` or `invalidVector` when the query cannot be compared with the store's vectors,
    /// `invalidArgument` for a radius that is no number, a limit or a width below 1, `closed`.
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

    /// The same for an array.
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

    /// The vectors within `radius` of each of several queries, which stand one after the other in `queries`, in the order of the
    /// queries. `threads`: how many search beside each other; nil for one for each processor that the process may use.
    ///
    /// Throws as ``search(_:within:options:)-([Float],_,_)`` does, with the number of the query; then no result is returned.
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
        try check(width: options.width)
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
        let width = options.width ?? defaultWidth
        guard let limit = walkLimit(width: width, options.filter, view) else { return nil }
        let isAllowed = options.filter.map { filter in { (slot: UInt32) in filter.allows(slots.label(slot)) } }
        return try graph.radiusSearch(
            query, within: radius, limit: options.limit, width: width, in: view, distanceLimit: limit,
            scratch: scratch, isAllowed: isAllowed)
    }

    /// How many distances a walk may compute before a scan is cheaper, although it reads the rows in order and an allowed set
    /// of labels alone; nil where it is so from the start: even the narrowest walk computes about 16 distances for each
    /// candidate.
    func walkLimit(width: Int, _ filter: LabelFilter?, _ view: GraphView) -> Int? {
        let scanned = filter.flatMap { $0.isListed ? $0.limit(count: view.count) : nil } ?? view.count
        guard !view.scans(count: 0, width: width, byCodes: false), width < scanned / 8 else { return nil }
        return min(view.count / 4 + 16 * width, 2 * scanned)
    }
}
