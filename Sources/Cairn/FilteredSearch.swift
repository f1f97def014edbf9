import HNSW

extension VectorStore {
    /// A filtered search by the cheaper of two ways: walking the graph and keeping what is allowed, or comparing the query
    /// with each allowed vector. A walk that turns out to find too little is given up for the other.
    func filtered(
        _ query: Query, _ count: Int, _ width: Int, _ filter: LabelFilter, isExact: Bool, _ contents: StoreContents,
        _ view: GraphView, _ scratch: SearchScratch
    ) -> UncheckedBuffer<HNSW.Candidate> {
        let graph = contents.graph, slots = graph.slots, total = view.count
        let limit = filter.limit(count: total)
        // A walk computes more distances the fewer it may keep: about width * total / limit of them. A scan computes `limit`,
        // and looks each label up first.
        let scanIsCheaper = limit.map { Double($0) * Double($0) < 4 * Double(width) * Double(total) } ?? false
        if !isExact && !scanIsCheaper && width < total / 4 {
            let found = graph.filteredSearch(
                query, count: count, width: width, in: view, distanceLimit: total / 5 + 16 * width, scratch: scratch,
                isAllowed: { filter.allows(slots.label($0)) })
            // Fewer than asked for: no more match, or the walk could not get to the others. Only a scan can tell.
            if let found, found.count == min(count, total) { return found }
        }
        let scan = scan(filter, contents, view)
        return graph.exactSearch(
            query, count: count, in: scan.view, among: scan.slots, scratch: scratch, isAllowed: scan.isAllowed)
    }

    /// What an exact search has to look at: the slots of the filter's labels where they can be listed and are few, else all
    /// that it allows.
    func scan(
        _ filter: LabelFilter?, _ contents: StoreContents, _ view: GraphView
    ) -> (slots: [UInt32]?, view: GraphView, isAllowed: ((UInt32) -> Bool)?) {
        guard let filter else { return (nil, view, nil) }
        if let limit = filter.limit(count: view.count), limit < view.count / 8, let labels = filter.labels {
            // By the view that the labels lead to: a label may have moved since the other was taken.
            let (chosen, view) = self.labels.slots(of: labels)
            return (chosen.sorted(), view, nil)
        }
        let slots = contents.graph.slots
        return (nil, view, { filter.allows(slots.label($0)) })
    }
}
