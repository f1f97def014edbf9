package import Allocation
import CKernels

extension Graph {
    /// The `count` nearest slots of a set, nearest first, by computing every distance: O(set). The set holds for the
    /// view that the search goes by.
    package func exactSearch(
        _ query: Query, count k: Int, among set: SlotSet, scratch: SearchScratch
    ) throws(OutOfMemory) -> UncheckedBuffer<Candidate> {
        guard k > 0, set.count > 0 else { return scratch.noResults }
        // A sorted pool costs O(k) an insertion; beyond this many it is cheaper to keep everything and sort once.
        let width = k <= 2048 ? min(k, set.count) : set.count, isBounded = k <= 2048
        try scratch.prepare(slots: 0, width: width, batch: 2 * Self.setBatch)
        var pool = CandidatePool(scratch)
        let results = scratch.distances, distances = distances
        scanRows(of: set, scratch) { slots, count in
            distances.compute(query, slots, count, results)
            scratch.trace?.compared(DistanceComputer(query, distances), slots, count)
            var best = pool, index = 0
            while index < count {
                let candidate = Candidate(distance: results[index], slot: slots[index])
                index &+= 1
                if !isBounded {
                    best.candidates[best.size] = candidate
                    best.size &+= 1
                } else if best.admits(candidate, width: width) {
                    _ = best.insert(candidate, width: width)
                }
            }
            pool = best
        }
        scratch.distanceCount &+= set.count
        if !isBounded { pool.candidates.sort(pool.size) }
        let size = min(k, pool.size), found = scratch.results(size)
        for index in 0..<size { found[index] = pool.candidates[index] }
        return found.prefix(size)
    }

    /// Rows whose memory is asked for while the ones before are compared with.
    private static var setBatch: Int { 16 }

    /// Calls `body` with a few slots at a time, in the set's order, whose rows have been asked for.
    @inline(__always)
    private func scanRows(of set: SlotSet, _ scratch: SearchScratch, _ body: (UncheckedBuffer<UInt32>, Int) -> Void) {
        let lines = Int32(min(columns.vectorStride / 64, 16)), batch = Self.setBatch
        // Two halves: the slots that are compared with and the ones after them.
        var present = scratch.gathered, coming = scratch.gathered.dropFirst(batch), pending = 0
        var source = SlotSource(set)
        func fill(_ slots: UncheckedBuffer<UInt32>) -> Int {
            var count = 0
            while count < batch, let slot = source.next() {
                slots[count] = slot
                unsafe cairn_prefetch_lines(columns.vector(slot), lines)
                count &+= 1
            }
            return count
        }
        pending = fill(present)
        while pending > 0 {
            let following = fill(coming)
            body(present, pending)
            (present, coming) = (coming, present)
            pending = following
        }
    }

    /// Finds the `count` nearest slots of a set, nearest first, with search width `width`, the way that its plan says.
    /// The set holds for `view`. A walk that takes much longer than planned, or ends with fewer than there are, is
    /// given up for a scan.
    package func search(
        _ query: Query, count k: Int, width: Int, among target: PlannedSet, in view: GraphView,
        scratch: SearchScratch
    ) throws(OutOfMemory) -> UncheckedBuffer<Candidate> {
        let set = target.set, plan = target.plan
        if plan != .scan && view.maximumLevel >= 0 && k > 0, let bits = SlotBits(set) {
            let width = min(max(width, k), set.count)
            if plan == .walkAll,
                SearchPlan.keepsOnePool(
                    matches: set.count, slots: view.count, width: width, pool: VisibleSlots.poolLimit(width: width))
            {
                let found = try searchSorted(query, count: k, width: width, in: view, finding: bits, scratch)
                if let found { return found }
            }
            let limit = plan.limit(matches: set.count, slots: view.count, width: width)
            let size =
                plan == .walkAll
                ? try walk(query, WalkLimits(width: width, distances: limit), in: view, finding: bits, scratch)
                : try walk(query, width: width, in: view, through: bits, costLimit: limit, scratch)
            if let size, size == width { return best(k, of: size, scratch) }
        }
        return try exactSearch(query, count: k, among: set, scratch: scratch)
    }

    /// A walk through every slot with one sorted pool for all candidates, which is quicker than two as long as those of
    /// the set are not too few among them; nil when they are, or there are fewer than `count`.
    private func searchSorted(
        _ query: Query, count k: Int, width: Int, in view: GraphView, finding bits: SlotBits, _ scratch: SearchScratch
    ) throws(OutOfMemory) -> UncheckedBuffer<Candidate>? {
        let walk = searchWidth(width, in: view)
        try prepare(
            scratch, slots: view.count, width: VisibleSlots.poolLimit(width: walk.kept),
            batch: parameters.capacity(level: 0)
        )
        try beginReading(scratch, in: view)
        let computer = walkComputer(query, in: view, scratch)
        let entry = descend(computer, to: 0, in: view, scratch)
        let size = searchLevelZero(
            computer, from: entry, walk, in: view, rule: bits, scratch)
        if let codes = view.codes, size >= 0 {
            let found = rerank(query, codes, size: size, count: k, rule: bits, share: searchMarginShare, scratch)
            return found.count == k ? found : nil
        }
        guard size >= k else { return nil }
        let results = scratch.results(k)
        var found = 0, index = 0
        while index < size && found < k {
            let candidate = scratch.pool[index].unexpanded
            results[found] = candidate
            found += bits.has(candidate.slot)
            index += 1
        }
        return found == k ? results.prefix(k) : nil
    }

    /// The first `k` of the `size` candidates in the pool.
    func best(_ k: Int, of size: Int, _ scratch: SearchScratch) -> UncheckedBuffer<Candidate> {
        let size = min(k, size), results = scratch.results(size)
        for index in 0..<size { results[index] = scratch.pool[index].unexpanded }
        return results.prefix(size)
    }
}

/// The slots of a set, one after the other: from its list, or from its bits.
private struct SlotSource {
    private let list: [UInt32]
    private let words: UncheckedBuffer<UInt64>
    private var index = 0
    private var word: UInt64 = 0

    init(_ set: SlotSet) {
        list = set.list ?? []
        words = set.list == nil ? set.words?.buffer ?? .none : .none
    }

    @inline(__always)
    mutating func next() -> UInt32? {
        if words.count == 0 {
            guard index < list.count else { return nil }
            index &+= 1
            return list[index &- 1]
        }
        while word == 0 {
            guard index < words.count else { return nil }
            word = words[index]
            index &+= 1
        }
        let slot = UInt32(truncatingIfNeeded: (index &- 1) &* 64 &+ word.trailingZeroBitCount)
        word &= word &- 1
        return slot
    }
}
