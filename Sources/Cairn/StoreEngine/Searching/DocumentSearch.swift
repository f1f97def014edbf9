import Allocation
import HNSW

/// A search for the k nearest documents, as its caller asked for it.
struct DocumentSearch: StoreSearch {
    let k: Int
    let grouping: VectorStore.DocumentGrouping
    let options: VectorStore.DocumentOptions

    init(
        _ k: Int, _ grouping: VectorStore.DocumentGrouping, _ options: VectorStore.DocumentOptions
    ) throws(StoreError) {
        guard k >= 0 else {
            throw StoreError(
                .invalidArgument, "k is \(k)",
                remedy: "ask for 0 documents or more")
        }
        guard options.neighborsPerDocument >= 1 else {
            throw StoreError(
                .invalidArgument,
                "neighborsPerDocument is \(options.neighborsPerDocument)", remedy: "ask for 1 or more")
        }
        try ReadSession.check(width: options.ef)
        self.k = k
        self.grouping = grouping
        self.options = options
    }

    static func bytes(_ found: [VectorStore.FoundDocument]) -> Int {
        found.reduce(64) { $0 + 64 + VectorStore.Neighbor.bytes($1.neighbors.count) }
    }

    func run(_ input: QueryInput, _ session: ReadSession) throws(StoreError) -> [VectorStore.FoundDocument] {
        let query = try session.prepare(input)
        return try takingMemory(for: session.path, documents(query, session))
    }

    private func documents(_ query: Query, _ session: ReadSession) throws(OutOfMemory) -> [VectorStore.FoundDocument] {
        let graph = session.graph, slots = graph.slots, filter = options.filter
        @inline(__always)
        func document(_ slot: UInt32) -> UInt64? {
            let label = slots.label(slot)
            return filter?.allows(label) ?? true ? grouping.document(of: label) : nil
        }
        let found = try nearest(query, session, document)
        guard options.neighborsPerDocument > 1, !found.isEmpty else {
            return VectorStore.FoundDocument.all(found, graph)
        }
        let view = session.view
        let members = try grouping.labels(of: found.map(\.document), limit: view.count / 8).map {
            (labels) throws(OutOfMemory) in try session.labels.slots(of: labels, in: view).sorted()
        }
        let complete = try graph.addNeighbors(
            query, count: options.neighborsPerDocument, to: found, DocumentMembers(members, document: document),
            in: view, scratch: session.scratch)
        return VectorStore.FoundDocument.all(complete, graph)
    }

    /// The best documents, each with its nearest vector.
    private func nearest(
        _ query: Query, _ session: ReadSession, _ document: (UInt32) -> UInt64?
    ) throws(OutOfMemory) -> [RankedDocument] {
        let graph = session.graph, view = session.view, wanted = min(k, view.count)
        let width = max(options.ef ?? session.defaultWidth, wanted)
        if !options.isExact, let limit = session.walkLimit(width: width, options.filter) {
            let found = try graph.documentSearch(
                query, count: wanted, WalkLimits(width: width, distances: limit), in: view, scratch: session.scratch,
                document: document)
            // Fewer than asked for: no more documents, or the walk could not get to the others. Only a scan can tell.
            if let found, found.count == wanted { return found }
        }
        return try graph.exactDocumentSearch(
            query, count: wanted, among: session.scope(options.filter), in: view, scratch: session.scratch,
            document: document)
    }
}
