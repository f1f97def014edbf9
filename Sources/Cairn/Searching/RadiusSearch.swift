import Allocation
import HNSW

/// A search for the vectors within a radius, as its caller asked for it.
struct RadiusSearch {
    let radius: Float
    let options: VectorStore.RadiusOptions

    init(_ radius: Float, _ options: VectorStore.RadiusOptions) throws(StoreError) {
        guard !radius.isNaN else {
            throw StoreError(.invalidArgument, "the radius is not a number")
        }
        guard options.limit >= 1 else {
            throw StoreError(.invalidArgument, "the limit is \(options.limit); it must be 1 or more")
        }
        try ReadSession.check(width: options.ef)
        self.radius = radius
        self.options = options
    }

    func run(_ input: QueryInput, _ session: ReadSession) throws(StoreError) -> VectorStore.RadiusResult {
        let query = try session.prepare(input), graph = session.graph
        let bound = graph.distances.bound(ofDistance: radius)
        return try takingMemory(for: session.path) { () throws(OutOfMemory) in
            if let found = try walked(query, within: bound, session) { return try .init(found, graph) }
            let scan = try session.scan(options.filter)
            return try .init(
                graph.exactRadiusSearch(
                    query, within: bound, limit: options.limit, in: session.view, among: scan.slots,
                    scratch: session.scratch, isAllowed: scan.isAllowed), graph)
        }
    }

    /// What a walk finds; nil where a scan is cheaper.
    private func walked(
        _ query: Query, within bound: Float, _ session: ReadSession
    ) throws(OutOfMemory) -> RegionFound? {
        guard !options.isExact else { return nil }
        let slots = session.graph.slots, width = options.ef ?? session.defaultWidth
        guard let limit = session.walkLimit(width: width, options.filter) else { return nil }
        let isAllowed = options.filter.map { filter in { (slot: UInt32) in filter.allows(slots.label(slot)) } }
        return try session.graph.radiusSearch(
            query, within: bound, limit: options.limit, width: width, in: session.view, distanceLimit: limit,
            scratch: session.scratch, isAllowed: isAllowed)
    }
}
