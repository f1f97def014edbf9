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
        scan(query, in: view, among: chosen, scratch: scratch, isAllowed: isAllowed) { candidate in
            if !isBounded {
                all.append(candidate)
            } else if pool.admits(candidate, width: k) {
                _ = pool.insert(candidate, width: k)
            }
        }
        if !isBounded { all.sort() }
        let size = isBounded ? pool.size : min(k, all.count)
        let results = scratch.results(size)
        for index in 0..<size { results[index] = isBounded ? pool.candidates[index] : all[index] }
        return results.prefix(size)
    }

    /// How many distances a scan computes at once: what `scratch` has to be prepared for.
    static var scanBatch: Int { 256 }

    /// Calls `body` for each of `chosen` (nil: of all) that is live and allowed, with its distance. O(slots).
    @inline(__always)
    func scan(
        _ query: Query, in view: GraphView, among chosen: [UInt32]?, scratch: SearchScratch,
        isAllowed: ((UInt32) -> Bool)?, _ body: (Candidate) -> Void
    ) {
        var pending = 0
        func flush() {
            distances.compute(query, scratch.gathered, pending, scratch.distances)
            scratch.distanceCount += pending
            for index in 0..<pending {
                body(Candidate(distance: scratch.distances[index], slot: scratch.gathered[index]))
            }
            pending = 0
        }
        let records = slots
        for index in 0..<(chosen?.count ?? view.count) {
            let slot = chosen?[index] ?? UInt32(truncatingIfNeeded: index)
            guard records.isVisible(slot, at: view.sequence), isAllowed?(slot) ?? true else { continue }
            scratch.gathered[pending] = slot
            pending += 1
            if pending == Self.scanBatch { flush() }
        }
        flush()
    }
}
