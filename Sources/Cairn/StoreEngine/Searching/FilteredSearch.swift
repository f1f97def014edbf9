import Allocation
import HNSW

extension NearestSearch {
    /// A filtered search by the cheapest of three ways: comparing with each allowed vector, walking the graph through
    /// the allowed ones, or, where only trying tells what is allowed, learning on the walk how many there are.
    func filtered(
        _ query: Query, by filter: VectorStore.LabelFilter, _ session: ReadSession
    ) throws(OutOfMemory) -> UncheckedBuffer<HNSW.Candidate> {
        let graph = session.graph, view = session.view, scratch = session.scratch
        let width = width(session), wanted = min(k, view.count)
        guard let set = try session.allowedSlots(filter, width: width) else {
            let slots = graph.slots, tested = scratch.testCount
            defer { filter.cache.add(tests: scratch.testCount - tested) }
            if options.isExact {
                scratch.testCount += view.count
                return try graph.exactSearch(query, count: wanted, in: view, scratch: scratch) {
                    filter.allows(slots.label($0))
                }
            }
            return try graph.search(
                query, count: wanted, width: width, in: view, scratch: scratch,
                where: { filter.allows(slots.label($0)) })
        }
        let plan =
            options.isExact ? .scan : options.filterPlan ?? session.plan(matches: set.count, width: width)
        return try graph.search(
            query, count: wanted, width: width, among: PlannedSet(set, by: plan), in: view, scratch: scratch)
    }
}

extension ReadSession {
    /// How to search where a filter allows `matches` slots.
    fileprivate func plan(matches: Int, width: Int) -> SearchPlan {
        SearchPlan(matches: matches, slots: view.count, width: width, rowBytes: contents.columns.vectorStride)
    }

    /// The slots that the filter allows. nil for a function, which may not answer the same
    /// tomorrow, and for a filter that has been used too little to be worth the time.
    fileprivate func allowedSlots(
        _ filter: VectorStore.LabelFilter, width: Int
    ) throws(OutOfMemory) -> SlotSet? {
        guard filter.isFixed else { return nil }
        if let set = filter.cache.set(for: view, of: graph) { return set }
        let isScanned = filter.limit(count: view.count).map { plan(matches: $0, width: width) == .scan }
        guard isScanned == true || filter.cache.takesAll(of: view.count) else { return nil }
        let set = try resolve(filter)
        filter.cache.keep(set, of: graph)
        return set
    }

    /// Works out the slots that the filter allows: by looking its labels up where they are few, else by testing all
    /// slots.
    private func resolve(_ filter: VectorStore.LabelFilter) throws(OutOfMemory) -> SlotSet {
        let slots = graph.slots
        if let limit = filter.limit(count: view.count), SearchPlan.listsLabels(limit, slots: view.count),
            filter.isListed
        {
            try ProcessMemory.expect(growing: limit, stride: 8)
            return try SlotSet(labels.slots(of: filter.labels ?? [], in: view).sorted(), in: view)
        }
        return try SlotSet(graph, in: view) { filter.allows(slots.label($0)) }
    }

    /// What an exact search has to look at: the slots of the filter's labels where they are known or can be listed and
    /// are few, else all that it allows.
    func scope(_ filter: VectorStore.LabelFilter?) throws(OutOfMemory) -> ScanScope {
        guard let filter else { return ScanScope() }
        if let limit = filter.limit(count: view.count), SearchPlan.listsLabels(limit, slots: view.count) {
            let known = filter.cache.set(for: view, of: graph)
            let set = if let known { known } else { try resolve(filter) }
            filter.cache.keep(set, of: graph)
            if let list = set.list { return ScanScope(list) }
        }
        let slots = graph.slots
        return ScanScope { filter.allows(slots.label($0)) }
    }

    /// How many distances a walk by vectors may compute before a scan of what the filter allows is cheaper; nil if it
    /// is so from the start.
    func walkLimit(width: Int, _ filter: VectorStore.LabelFilter?) -> Int? {
        let scanned = filter.flatMap { $0.isListed ? $0.limit(count: view.count) : nil } ?? view.count
        return SearchPlan.walkLimit(slots: view.count, scanned: scanned, width: width)
    }
}
