package import Allocation
import CKernels

extension Graph {
    /// Finds the `count` nearest slots that `view` sees to `query`, nearest first, with search width `width`: more
    /// width, better recall. Fewer when the graph has fewer. Any number of threads may search, each with its own
    /// scratch.
    ///
    /// hnswlib's search, with a sorted pool for its two heaps and the memory of later hops asked for early. Where the
    /// graph has codes the walk compares those, and the vectors of the best decide (`rerank`).
    package func search(
        _ query: Query, count k: Int, width: Int, in view: GraphView, scratch: SearchScratch
    ) throws(OutOfMemory) -> UncheckedBuffer<Candidate> {
        guard view.maximumLevel >= 0, k > 0 else { return scratch.noResults }
        let width = min(max(width, k), view.count)
        if !view.hasDeadSlots {
            let walk = searchWidth(width, in: view)
            try prepare(scratch, slots: view.count, width: walk.kept, batch: parameters.capacity(level: 0))
            try beginReading(scratch, in: view)
            let computer = walkComputer(query, in: view, scratch)
            let entry = descend(computer, to: 0, in: view, scratch)
            let size = searchLevelZero(
                computer, from: entry, walk, in: view, rule: EverySlot(), wanting: k, scratch)
            if let results = results(query, k, of: size, in: view, scratch) { return results }
        }
        return try searchLiveSlots(query, count: k, width: width, in: view, scratch: scratch)
    }

    /// How many candidates a walk of `width` looks at, and how many it keeps. By codes, which put some of the nearest a
    /// few places back, a little more than asked for (on SIFT and on sentence embeddings with 4 bits, 2 and 4 %): then
    /// the same width finds as much as by vectors.
    func walkWidth(_ width: Int, in view: GraphView) -> WalkWidth {
        guard let codes = view.codes, codes.model.depth > 0 else { return WalkWidth(width) }
        // A bound on the work, whatever a file says.
        let depth = min(codes.model.depth, 160)
        let looked = width + (depth + 3) / 4 + width * depth / 160
        return WalkWidth(looked: min(looked, view.count), kept: min(max(looked, width + depth), view.count))
    }

    /// The same for a search, which looks further where it reads fewer vectors.
    func searchWidth(_ width: Int, in view: GraphView) -> WalkWidth {
        let readsDisk = lendRowReads != nil && view.codes != nil
        return walkWidth(readsDisk ? min(DiskReading.widened(width), view.count) : width, in: view)
    }

    /// Of the margin of the codes, what a search goes by.
    var searchMarginShare: Float { lendRowReads == nil ? 1 : DiskReading.marginShare }

    /// What a walk compares with the query: the codes, where there are any, else the vectors.
    @inline(__always)
    func walkComputer(_ query: Query, in view: GraphView, _ scratch: SearchScratch) -> DistanceComputer {
        guard let codes = view.codes else { return DistanceComputer(query, distances) }
        return codes.computer(query, distances, scratch)
    }

    /// The best `k` of a pool whose walk found every slot; nil if one of them became visible, or ceased to be, after
    /// the search began.
    func results(
        _ query: Query, _ k: Int, of size: Int, in view: GraphView, _ scratch: SearchScratch
    ) -> UncheckedBuffer<Candidate>? {
        let found: UncheckedBuffer<Candidate>
        if let codes = view.codes {
            found = rerank(query, codes, size: size, count: k, rule: EverySlot(), share: searchMarginShare, scratch)
        } else {
            found = scratch.results(min(k, size)).prefix(min(k, size))
            for index in 0..<found.count { found[index] = scratch.pool[index].unexpanded }
        }
        for index in 0..<found.count {
            unsafe cairn_prefetch(columns.slotTable + Int(found[index].slot) * Columns.slotEntrySize)
        }
        for index in 0..<found.count {
            let slot = found[index].slot
            if slots.hasRecord(slot) && !slots.isVisible(slot, at: view.sequence) { return nil }
        }
        return found
    }

    /// Finds the `count` nearest live slots where others are not live: those are walked through and not returned.
    func searchLiveSlots(
        _ query: Query, count k: Int, width: Int, in view: GraphView, scratch: SearchScratch
    ) throws(OutOfMemory) -> UncheckedBuffer<Candidate> {
        let rule = VisibleSlots(slots: slots, sequence: view.sequence), walk = searchWidth(width, in: view)
        try prepare(
            scratch, slots: view.count, width: VisibleSlots.poolLimit(width: walk.kept),
            batch: parameters.capacity(level: 0)
        )
        try beginReading(scratch, in: view)
        let computer = walkComputer(query, in: view, scratch)
        let entry = descend(computer, to: 0, in: view, scratch)
        let size = searchLevelZero(
            computer, from: entry, walk, in: view, rule: rule, wanting: k, scratch)
        return try liveResults(query, k, of: size, width: width, in: view, scratch)
    }

    /// The best `k` live slots of a pool; found another way if there was no room for all that the walk met.
    func liveResults(
        _ query: Query, _ k: Int, of size: Int, width: Int, in view: GraphView, _ scratch: SearchScratch
    ) throws(OutOfMemory) -> UncheckedBuffer<Candidate> {
        let rule = VisibleSlots(slots: slots, sequence: view.sequence)
        guard size >= 0 else {
            return try filteredSearch(query, count: k, WalkLimits(width: width), in: view, scratch: scratch) { _ in true
            }!
        }
        if let codes = view.codes {
            return rerank(query, codes, size: size, count: k, rule: rule, share: searchMarginShare, scratch)
        }
        let results = scratch.results(min(k, size))
        var found = 0, index = 0
        while index < size && found < k {
            let candidate = scratch.pool[index].unexpanded
            results[found] = candidate
            found += rule.finds(candidate.slot) ? 1 : 0
            index += 1
        }
        return results.prefix(found)
    }

    /// Walks greedily from the entry point down to the nearest node found above `level`, comparing vectors.
    func descend(_ query: Query, to level: Int, in view: GraphView, _ scratch: SearchScratch) -> Candidate {
        descend(DistanceComputer(query, distances), to: level, in: view, scratch)
    }

    /// Walks greedily from the entry point down to the nearest node found above `level`.
    func descend(
        _ computer: DistanceComputer, to level: Int, in view: GraphView, _ scratch: SearchScratch
    ) -> Candidate {
        scratch.gathered[0] = view.entryPoint
        computer.compute(scratch.gathered, 1, scratch.distances)
        scratch.trace?.compared(computer, scratch.gathered, 1)
        let upper = view.upper, limit = UInt32(truncatingIfNeeded: view.count)
        var distanceCount = 1, hopCount = 0
        var nearest = Candidate(distance: scratch.distances[0], slot: view.entryPoint)
        var current = view.maximumLevel
        while current > level {
            var moved = true
            while moved {
                moved = false
                let (ids, length) = upper.list(nearest.slot, level: current), gathered = scratch.gathered
                // A node that was published after the view was taken is not followed, nor compared: codes of then may
                // have no row for it.
                var found = 0
                for index in 0..<length {
                    let id = ids[index]
                    gathered[found] = id
                    found &+= id < limit ? 1 : 0
                }
                computer.prefetch(gathered, found)
                computer.compute(gathered, found, scratch.distances)
                scratch.trace?.readList(ids, length)
                scratch.trace?.compared(computer, gathered, found)
                distanceCount += found
                hopCount += 1
                for index in 0..<found {
                    let candidate = Candidate(distance: scratch.distances[index], slot: gathered[index])
                    // Equal distances must not move, or two equal nodes could send the walk to and fro.
                    if candidate >> 32 < nearest >> 32 {
                        nearest = candidate
                        moved = true
                    }
                }
            }
            current -= 1
        }
        scratch.distanceCount += distanceCount
        scratch.hopCount += hopCount
        return nearest
    }

    /// The best `width` slots of level 0 around `entry`, ascending in `scratch.pool`; returns how many. -1 if more
    /// belong there than it has room for, which only a `rule` can cause. `count`: how many of their vectors the search
    /// will want.
    func searchLevelZero<Rule: SearchRule>(
        _ computer: DistanceComputer, from entry: Candidate, _ width: WalkWidth, in view: GraphView, rule: Rule,
        wanting count: Int = 0, _ scratch: SearchScratch
    ) -> Int {
        var walk = LevelZeroWalk(self, computer, from: entry, width, in: view, rule: rule, scratch)
        if scratch.rowReads != nil && computer.distances.isOfCodes {
            var hops = 0
            let beginning = DiskReading.beginning(ofWalk: width.looked)
            while walk.hasNext {
                let before = hops
                if let lists = scratch.listReads {
                    hops &+= walk.gather(by: lists)
                } else {
                    walk.gather()
                    walk.lookAhead()
                    hops &+= 1
                }
                walk.compare()
                if before < beginning && hops >= beginning { expectRows(count, of: walk.size, scratch) }
            }
            return walk.finish()
        }
        while walk.hasNext {
            walk.gather()
            walk.lookAhead()
            walk.compare()
        }
        return walk.finish()
    }
}

extension UncheckedBuffer {
    /// The first `count` elements.
    @inline(__always)
    package func prefix(_ count: Int) -> UncheckedBuffer {
        assert(count <= self.count)
        return unsafe UncheckedBuffer(base, count: count)
    }
}
