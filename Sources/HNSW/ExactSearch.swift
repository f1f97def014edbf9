extension Graph {
    /// The `count` nearest of `chosen` (nil: of all) that are live and allowed, nearest first, by computing every distance.
    /// O(slots).
    package func exactSearch(
        _ query: Query, count k: Int, in view: GraphView, among chosen: [UInt32]? = nil, scratch: SearchScratch,
        isAllowed: ((UInt32) -> Bool)? = nil
    ) -> UncheckedBuffer<Candidate> {
        guard k > 0 else { return scratch.results(1).prefix(0) }
        // A sorted pool costs O(k) an insertion; beyond this many it is cheaper to keep everything and sort once.
        let isBounded = k <= 2048
        scratch.prepare(slots: 0, width: isBounded ? k : 1, batch: Self.scanBatch)
        var pool = CandidatePool(scratch)
        var all: [Candidate] = []
        scan(query, in: view, among: chosen, scratch: scratch, isAllowed: isAllowed) { slots, distances, count in
            // A copy, because what a closure captures is loaded and stored each time.
            var best = pool
            for index in 0..<count {
                let candidate = Candidate(distance: distances[index], slot: slots[index])
                if !isBounded {
                    all.append(candidate)
                } else if best.admits(candidate, width: k) {
                    _ = best.insert(candidate, width: k)
                }
            }
            pool = best
        }
        if !isBounded { all.sort() }
        let size = isBounded ? pool.size : min(k, all.count)
        let results = scratch.results(size)
        for index in 0..<size { results[index] = isBounded ? pool.candidates[index] : all[index] }
        return results.prefix(size)
    }

    /// How many distances a scan computes at once: what `scratch` has to be prepared for.
    static var scanBatch: Int { 256 }

    /// Computes the distances of `chosen` slots (nil: of all) that are live and allowed, and calls `body` with some at a time.
    /// O(slots).
    @inline(__always)
    func scan(
        _ query: Query, in view: GraphView, among chosen: [UInt32]?, scratch: SearchScratch,
        isAllowed: ((UInt32) -> Bool)?,
        _ body: (_ slots: UncheckedBuffer<UInt32>, _ distances: UncheckedBuffer<Float>, _ count: Int) -> Void
    ) {
        let records = slots, gathered = scratch.gathered, results = scratch.distances
        let total = chosen?.count ?? view.count
        var index = 0
        while index < total {
            var pending = 0
            while index < total && pending < Self.scanBatch {
                let slot = chosen?[index] ?? UInt32(truncatingIfNeeded: index)
                index &+= 1
                guard records.isVisible(slot, at: view.sequence), isAllowed?(slot) ?? true else { continue }
                gathered[pending] = slot
                pending &+= 1
            }
            distances.compute(query, gathered, pending, results)
            scratch.distanceCount &+= pending
            scratch.trace?.compared(DistanceComputer(query, distances), gathered, pending)
            body(gathered, results, pending)
        }
    }
}
