package import Allocation

extension Graph {
    /// How many searches a thread has under way at once in `search(_:count:width:in:_:)` of several queries.
    package static var searchesInTurns: Int { WalksInTurns<EverySlot>.most }

    /// Finds what `search` finds for each of up to `searchesInTurns` queries, each with its own scratch, and calls
    /// `body` with a query's number and what was found. The walks take turns: one computes while the others wait for
    /// memory, so that together they are done sooner than one after the other, and each later than alone.
    package func search(
        _ queries: [(query: Query, scratch: SearchScratch)], count k: Int, width: Int, in view: GraphView,
        _ body: (_ number: Int, UncheckedBuffer<Candidate>) throws(OutOfMemory) -> Void
    ) throws(OutOfMemory) {
        guard view.maximumLevel >= 0, k > 0, queries.count > 1 else {
            for (number, (query, scratch)) in queries.enumerated() {
                try body(number, search(query, count: k, width: width, in: view, scratch: scratch))
            }
            return
        }
        let width = min(max(width, k), view.count)
        if view.hasDeadSlots {
            let rule = VisibleSlots(slots: slots, sequence: view.sequence)
            try walk(queries, count: k, width: width, in: view, rule: rule) { (number, size) throws(OutOfMemory) in
                let (query, scratch) = queries[number]
                try body(
                    number,
                    liveResults(query, k, of: size, width: width, in: view, scratch))
            }
        } else {
            try walk(queries, count: k, width: width, in: view, rule: EverySlot()) {
                (number, size) throws(OutOfMemory) in
                let (query, scratch) = queries[number]
                if let found = results(query, k, of: size, in: view, scratch) { return try body(number, found) }
                try body(number, searchLiveSlots(query, count: k, width: width, in: view, scratch: scratch))
            }
        }
    }

    private func walk<Rule: SearchRule>(
        _ queries: [(query: Query, scratch: SearchScratch)], count k: Int, width: Int, in view: GraphView, rule: Rule,
        _ body: (_ number: Int, _ size: Int) throws(OutOfMemory) -> Void
    ) throws(OutOfMemory) {
        let walk = searchWidth(width, in: view)
        let room = Rule.isNeeded ? VisibleSlots.poolLimit(width: walk.kept) : walk.kept
        for (_, scratch) in queries {
            try prepare(scratch, slots: view.count, width: room, batch: parameters.capacity(level: 0))
            try beginReading(scratch, in: view)
        }
        var walks = WalksInTurns<Rule>()
        for (query, scratch) in queries {
            let computer = walkComputer(query, in: view, scratch)
            let entry = descend(computer, to: 0, in: view, scratch)
            walks.append(
                LevelZeroWalk(self, computer, from: entry, walk, in: view, rule: rule, scratch))
        }
        try walks.finish(
            walked: { number, size in if view.codes != nil { expectRows(k, of: size, queries[number].scratch) } }, body)
    }
}
