import HNSW

extension VectorStore {
    /// A filtered search by the cheapest of three ways: comparing with each allowed vector, walking the graph through the
    /// allowed ones, or, where only trying tells what is allowed, learning on the walk how many there are.
    func filtered(
        _ query: Query, _ count: Int, _ width: Int, _ filter: LabelFilter, _ options: SearchOptions,
        _ contents: StoreContents,
        _ view: GraphView, _ scratch: SearchScratch
    ) -> UncheckedBuffer<HNSW.Candidate> {
        let graph = contents.graph, distances = graph.distances, isExact = options.isExact
        guard let (set, view) = allowedSlots(filter, width: width, isExact: isExact, contents, view) else {
            let slots = graph.slots, tested = scratch.testCount
            defer { filter.cache.add(tests: scratch.testCount - tested) }
            if isExact {
                scratch.testCount += view.count
                return graph.exactSearch(query, count: count, in: view, scratch: scratch) {
                    filter.allows(slots.label($0))
                }
            }
            return graph.search(
                query, distances, count: count, width: width, in: view, scratch: scratch,
                where: { filter.allows(slots.label($0)) })
        }
        let plan = isExact ? .scan : options.filterPlan ?? plan(matches: set.count, width: width, contents, view)
        return graph.search(
            query, distances, count: count, width: width, among: set, by: plan, in: view, scratch: scratch)
    }

    /// How to search where the filter allows `matches` slots.
    private func plan(matches: Int, width: Int, _ contents: StoreContents, _ view: GraphView) -> FilterPlan {
        FilterPlan(
            matches: matches, slots: view.count, width: width, rowBytes: contents.graph.columns.vectorStride)
    }

    /// The slots that the filter allows, and the view that they hold for. nil for a function, which may not answer the same
    /// tomorrow, and for a filter that has been used too little to be worth the time.
    private func allowedSlots(
        _ filter: LabelFilter, width: Int, isExact: Bool, _ contents: StoreContents, _ view: GraphView
    ) -> (set: SlotSet, view: GraphView)? {
        guard filter.isFixed else { return nil }
        let graph = contents.graph
        if let set = filter.cache.set(for: view, of: graph) { return (set, view) }
        let listed = filter.limit(count: view.count).map { limit in
            plan(matches: limit, width: width, contents, view) == .scan
        }
        guard listed == true || filter.cache.takesAll(of: view.count) else { return nil }
        let found = resolve(filter, contents, view)
        filter.cache.keep(found.set, of: graph)
        return found
    }

    /// Works out the slots that the filter allows: by looking its labels up where they are few, else by testing all slots.
    private func resolve(
        _ filter: LabelFilter, _ contents: StoreContents, _ view: GraphView
    ) -> (set: SlotSet, view: GraphView) {
        let graph = contents.graph, slots = graph.slots
        if let limit = filter.limit(count: view.count), limit < view.count / 8, let labels = filter.labels {
            // By the view that the labels lead to: a label may have moved since the other was taken.
            let (chosen, view) = self.labels.slots(of: labels)
            let visible = chosen.filter { slots.isVisible($0, at: view.sequence) }.sorted()
            return (SlotSet(visible, in: view), view)
        }
        return (SlotSet(graph, in: view) { filter.allows(slots.label($0)) }, view)
    }

    /// What an exact search has to look at: the slots of the filter's labels where they are known or can be listed and are few,
    /// else all that it allows.
    func scan(
        _ filter: LabelFilter?, _ contents: StoreContents, _ view: GraphView
    ) -> (slots: [UInt32]?, view: GraphView, isAllowed: ((UInt32) -> Bool)?) {
        guard let filter else { return (nil, view, nil) }
        if let limit = filter.limit(count: view.count), limit < view.count / 8 {
            let (set, view) =
                filter.cache.set(for: view, of: contents.graph).map { ($0, view) } ?? resolve(filter, contents, view)
            filter.cache.keep(set, of: contents.graph)
            if let list = set.list { return (list, view, nil) }
        }
        let slots = contents.graph.slots
        return (nil, view, { filter.allows(slots.label($0)) })
    }
}
