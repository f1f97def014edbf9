import Allocation
import HNSW

extension VectorStore {
    /// A filtered search by the cheapest of three ways: comparing with each allowed vector, walking the graph through
    /// the allowed ones, or, where only trying tells what is allowed, learning on the walk how many there are.
    func filtered(
        _ query: Query, _ count: Int, _ width: Int, _ filter: LabelFilter, _ options: SearchOptions,
        _ contents: StoreContents,
        _ view: GraphView, _ scratch: SearchScratch
    ) throws(OutOfMemory) -> UncheckedBuffer<HNSW.Candidate> {
        let graph = contents.graph, distances = graph.distances, isExact = options.isExact
        guard let set = try allowedSlots(filter, width: width, isExact: isExact, contents, view) else {
            let slots = graph.slots, tested = scratch.testCount
            defer { filter.cache.add(tests: scratch.testCount - tested) }
            if isExact {
                scratch.testCount += view.count
                return try graph.exactSearch(query, count: count, in: view, scratch: scratch) {
                    filter.allows(slots.label($0))
                }
            }
            return try graph.search(
                query, distances, count: count, width: width, in: view, scratch: scratch,
                where: { filter.allows(slots.label($0)) })
        }
        let plan = isExact ? .scan : options.filterPlan ?? plan(matches: set.count, width: width, contents, view)
        return try graph.search(
            query, distances, count: count, width: width, among: set, by: plan, in: view, scratch: scratch)
    }

    /// How to search where the filter allows `matches` slots.
    private func plan(matches: Int, width: Int, _ contents: StoreContents, _ view: GraphView) -> FilterPlan {
        FilterPlan(
            matches: matches, slots: view.count, width: width, rowBytes: contents.graph.columns.vectorStride)
    }

    /// The slots that the filter allows. nil for a function, which may not answer the same
    /// tomorrow, and for a filter that has been used too little to be worth the time.
    private func allowedSlots(
        _ filter: LabelFilter, width: Int, isExact: Bool, _ contents: StoreContents, _ view: GraphView
    ) throws(OutOfMemory) -> SlotSet? {
        guard filter.isFixed else { return nil }
        let graph = contents.graph
        if let set = filter.cache.set(for: view, of: graph) { return set }
        let listed = filter.limit(count: view.count).map { limit in
            plan(matches: limit, width: width, contents, view) == .scan
        }
        guard listed == true || filter.cache.takesAll(of: view.count) else { return nil }
        let set = try resolve(filter, contents, view)
        filter.cache.keep(set, of: graph)
        return set
    }

    /// Works out the slots that the filter allows: by looking its labels up where they are few, else by testing all
    /// slots.
    private func resolve(
        _ filter: LabelFilter, _ contents: StoreContents, _ view: GraphView
    ) throws(OutOfMemory) -> SlotSet {
        let graph = contents.graph, slots = graph.slots
        if let limit = filter.limit(count: view.count), limit < view.count / 8, filter.isListed {
            try ProcessMemory.expect(growing: limit, stride: 8)
            return try SlotSet(labels.slots(of: filter.labels ?? [], in: view).sorted(), in: view)
        }
        return try SlotSet(graph, in: view) { filter.allows(slots.label($0)) }
    }

    /// What an exact search has to look at: the slots of the filter's labels where they are known or can be listed and
    /// are few, else all that it allows.
    func scan(
        _ filter: LabelFilter?, _ contents: StoreContents, _ view: GraphView
    ) throws(OutOfMemory) -> (slots: [UInt32]?, isAllowed: ((UInt32) -> Bool)?) {
        guard let filter else { return (nil, nil) }
        if let limit = filter.limit(count: view.count), limit < view.count / 8 {
            let known = filter.cache.set(for: view, of: contents.graph)
            let set = if let known { known } else { try resolve(filter, contents, view) }
            filter.cache.keep(set, of: contents.graph)
            if let list = set.list { return (list, nil) }
        }
        let slots = contents.graph.slots
        return (nil, { filter.allows(slots.label($0)) })
    }
}
