package import Allocation

extension Graph {
    /// The `count` nearest of `chosen` (nil: of all) that are live and allowed, nearest first, by computing every
    /// distance. O(slots).
    package func exactSearch(
        _ query: Query, count k: Int, in view: GraphView, among chosen: [UInt32]? = nil, scratch: SearchScratch,
        isAllowed: ((UInt32) -> Bool)? = nil
    ) throws(OutOfMemory) -> UncheckedBuffer<Candidate> {
        guard k > 0 else { return scratch.noResults }
        // A sorted pool costs O(k) an insertion; beyond this many it is cheaper to keep everything and sort once.
        let isBounded = k <= 2048
        try scratch.prepare(slots: 0, width: isBounded ? k : 1, batch: Self.scanBatch)
        guard isBounded else {
            return try exactSearchOfMany(query, count: k, in: view, among: chosen, scratch, isAllowed)
        }
        var pool = CandidatePool(scratch)
        scan(query, among: ScanScope(chosen, where: isAllowed), in: view, scratch: scratch) { slots, distances, count in
            // A copy, because what a closure captures is loaded and stored each time.
            var best = pool
            for index in 0..<count {
                let candidate = Candidate(distance: distances[index], slot: slots[index])
                if best.admits(candidate, width: k) { _ = best.insert(candidate, width: k) }
            }
            pool = best
        }
        let results = scratch.results(pool.size)
        for index in 0..<pool.size { results[index] = pool.candidates[index] }
        return results.prefix(pool.size)
    }

    private func exactSearchOfMany(
        _ query: Query, count k: Int, in view: GraphView, among chosen: [UInt32]?, _ scratch: SearchScratch,
        _ isAllowed: ((UInt32) -> Bool)?
    ) throws(OutOfMemory) -> UncheckedBuffer<Candidate> {
        var count = 0
        try scan(query, among: ScanScope(chosen, where: isAllowed), in: view, scratch: scratch) {
            (slots, distances, found) throws(OutOfMemory) in
            let all = try scratch.manyResults(count + found)
            for index in 0..<found {
                all[count + index] = Candidate(distance: distances[index], slot: slots[index])
            }
            count += found
        }
        let all = try scratch.manyResults(count)
        all.sort(count)
        return all.prefix(min(k, count))
    }

    /// How many distances a scan computes at once: what `scratch` has to be prepared for.
    static var scanBatch: Int { 256 }

    /// Computes the distances of the slots in `scope` that are live, and calls `body` with some at a time. O(slots).
    @inline(__always)
    func scan<Failure: Error>(
        _ query: Query, among scope: ScanScope, in view: GraphView, scratch: SearchScratch,
        _ body: (_ slots: UncheckedBuffer<UInt32>, _ distances: UncheckedBuffer<Float>, _ count: Int) throws(Failure) ->
            Void
    ) throws(Failure) {
        let chosen = scope.slots, isAllowed = scope.isAllowed
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
            try body(gathered, results, pending)
        }
    }
}
