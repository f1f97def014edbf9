import Allocation
import HNSW

/// A search for the vectors within a radius, as its caller asked for it.
struct RadiusSearch: StoreSearch {
    let radius: Float
    let options: VectorStore.RadiusOptions

    init(_ radius: Float, _ options: VectorStore.RadiusOptions) throws(StoreError) {
        guard !radius.isNaN else {
            throw StoreError(.invalidArgument, "the radius is not a number")
        }
        guard options.limit >= 1 else {
            throw StoreError(
                .invalidArgument, "the limit is \(options.limit)",
                remedy: "it must be 1 or more")
        }
        try ReadSession.check(width: options.ef)
        self.radius = radius
        self.options = options
    }

    static func bytes(_ found: VectorStore.RadiusResult) -> Int { VectorStore.Neighbor.bytes(found.neighbors.count) }

    func run(_ input: QueryInput, _ session: ReadSession) throws(StoreError) -> VectorStore.RadiusResult {
        let query = try session.prepare(input), graph = session.graph
        let region = SearchRadius(graph.distances.bound(ofDistance: radius), limit: options.limit)
        return try takingMemory(for: session.path) { () throws(OutOfMemory) in
            if let found = try walked(query, within: region, session) { return try .init(found, graph) }
            return try .init(
                graph.exactRadiusSearch(
                    query, within: region, among: session.scope(options.filter), in: session.view,
                    scratch: session.scratch), graph)
        }
    }

    /// What a walk finds; nil where a scan is cheaper.
    private func walked(
        _ query: Query, within region: SearchRadius, _ session: ReadSession
    ) throws(OutOfMemory) -> RegionFound? {
        guard !options.isExact else { return nil }
        let slots = session.graph.slots, width = options.ef ?? session.defaultWidth
        guard let limit = session.walkLimit(width: width, options.filter) else { return nil }
        let isAllowed = options.filter.map { filter in { (slot: UInt32) in filter.allows(slots.label(slot)) } }
        return try session.graph.radiusSearch(
            query, within: region, WalkLimits(width: width, distances: limit), in: session.view,
            scratch: session.scratch, isAllowed: isAllowed)
    }
}
