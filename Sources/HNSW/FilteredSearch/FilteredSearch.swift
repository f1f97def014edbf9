package import Allocation

extension Graph {
    /// Finds the `count` nearest visible slots that pass a test, nearest first; fewer only where fewer pass.
    /// `isAllowed` is called at most once for each slot, and only for those that are near enough, or all if the walk
    /// has to be given up.
    ///
    /// A test may cost more than a distance. So the walk is the one through every slot, which makes fewest tests, and
    /// not that through a set.
    package func search(
        _ query: Query, count k: Int, width: Int, in view: GraphView, scratch: SearchScratch,
        where isAllowed: (UInt32) -> Bool
    ) throws(OutOfMemory) -> UncheckedBuffer<Candidate> {
        let memo = scratch.memo, width = max(width, k)
        try memo.prepare(slots: view.count)
        defer { memo.clear() }
        var testCount = 0
        func isAllowedOnce(_ slot: UInt32) -> Bool {
            if let known = memo.result(slot) { return known }
            testCount &+= 1
            let result = isAllowed(slot)
            memo.insert(slot, result)
            return result
        }
        defer { scratch.testCount += testCount }
        if SearchPlan(testing: k, width: width, slots: view.count) == .walkAll {
            let limit = SearchPlan.testLimit(slots: view.count, width: width)
            let found = try filteredSearch(
                query, count: k, WalkLimits(width: width, distances: limit), in: view, scratch: scratch,
                isAllowed: isAllowedOnce)
            // Fewer than asked for: no more that pass, or the walk could not get to the others. Only a scan can tell.
            if let found, found.count == k { return found }
        }
        return try withoutActuallyEscaping(isAllowedOnce) { (isAllowedOnce) throws(OutOfMemory) in
            try exactSearch(query, count: k, in: view, scratch: scratch, isAllowed: isAllowedOnce)
        }
    }

    /// Finds the `count` nearest live slots for which `isAllowed` holds, nearest first, walking the graph through the
    /// others too, as hnswlib does: it stops when as many allowed ones as the width are found that are all nearer than what is
    /// left to look at.
    ///
    /// `isAllowed` is called for a slot that was not seen yet and is near enough. At the limit of distances
    /// the search gives up and returns nil: with few allowed slots a scan of them is cheaper.
    package func filteredSearch(
        _ query: Query, count k: Int, _ limits: WalkLimits, in view: GraphView, scratch: SearchScratch,
        isAllowed: (UInt32) -> Bool
    ) throws(OutOfMemory) -> UncheckedBuffer<Candidate>? {
        guard view.maximumLevel >= 0, k > 0 else { return scratch.noResults }
        return try withoutActuallyEscaping(isAllowed) { (isAllowed) throws(OutOfMemory) in
            let rule = AllowedSlots(
                visible: VisibleSlots(slots: slots, sequence: view.sequence), isAllowed: isAllowed)
            let size = try walk(query, limits.holding(k, of: view.count), in: view, finding: rule, scratch)
            return size.map { best(k, of: $0, scratch) }
        }
    }

    /// The best slots that `rule` finds, as many as the width, ascending in `scratch.pool`; returns how many, nil once it has cost
    /// more distances than it may. Every slot is walked through; the rule is asked once about each that is
    /// near enough.
    func walk<Rule: SearchRule>(
        _ query: Query, _ limits: WalkLimits, in view: GraphView, finding rule: Rule, _ scratch: SearchScratch
    ) throws(OutOfMemory) -> Int? {
        let width = limits.width
        try prepare(scratch, slots: view.count, width: width, batch: parameters.capacity(level: 0))
        let entry = descend(query, to: 0, in: view, scratch)
        var pool = CandidatePool(scratch)
        // Of any number: most of them may be slots that the rule does not find.
        var frontier = CandidateHeap(scratch.frontierMemory)
        var scan = NeighborScan(self, query, from: entry, in: view, scratch)
        defer { scan.finish() }
        try frontier.insert(entry)
        if rule.finds(entry.slot) { _ = pool.insert(entry, width: width) }
        while let nearest = frontier.minimum, pool.admits(nearest, width: width) {
            if scan.distanceCount > limits.distances { return nil }
            frontier.removeMinimum()
            let found = scan.expand(nearest.slot, next: frontier.minimum?.slot)
            var index = 0
            while index < found {
                let slot = scan.slots[index]
                let candidate = Candidate(distance: scan.distances[index], slot: slot)
                index &+= 1
                guard pool.admits(candidate, width: width) else { continue }
                try frontier.insert(candidate)
                if frontier.minimum == candidate { columns.prefetchList(slot) }
                if rule.finds(slot) { _ = pool.insert(candidate, width: width) }
            }
        }
        return pool.size
    }
}
