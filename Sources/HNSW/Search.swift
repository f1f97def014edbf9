import CKernels

extension Graph {
    /// Finds the `count` nearest slots that `view` sees to `query`, nearest first, with search width `width`: more width,
    /// better recall. Fewer when the graph has fewer. Any number of threads may search, each with its own scratch.
    ///
    /// hnswlib's search, with a sorted pool for its two heaps and the memory of later hops asked for early.
    package func search(
        _ query: Query, count k: Int, width: Int, in view: GraphView, scratch: SearchScratch
    ) -> UncheckedBuffer<Candidate> {
        guard view.maximumLevel >= 0, k > 0 else { return scratch.results(1).prefix(0) }
        let width = min(max(width, k), view.count)
        if !view.hasDeadSlots {
            scratch.prepare(slots: view.count, width: width, batch: parameters.capacity(level: 0))
            let entry = descend(query, to: 0, in: view, scratch)
            let size = searchLevelZero(query, from: entry, width: width, in: view, rule: EverySlot(), scratch)
            if let results = results(k, of: size, in: view, scratch) { return results }
        }
        return searchLiveSlots(query, count: k, width: width, in: view, scratch: scratch)
    }

    /// The first `k` of the pool; nil if one of them became visible, or ceased to be, after the search began.
    private func results(
        _ k: Int, of size: Int, in view: GraphView, _ scratch: SearchScratch
    ) -> UncheckedBuffer<Candidate>? {
        let results = scratch.results(min(k, size))
        for index in 0..<min(k, size) {
            let candidate = scratch.pool[index].unexpanded
            results[index] = candidate
            unsafe cairn_prefetch(columns.slotTable + Int(candidate.slot) * Columns.slotEntrySize)
            if slots.hasRecord(candidate.slot) && !slots.isVisible(candidate.slot, at: view.sequence) { return nil }
        }
        return results.prefix(min(k, size))
    }

    /// The same where some slots are not live: they are walked through and not returned.
    private func searchLiveSlots(
        _ query: Query, count k: Int, width: Int, in view: GraphView, scratch: SearchScratch
    ) -> UncheckedBuffer<Candidate> {
        let rule = VisibleSlots(slots: slots, sequence: view.sequence)
        scratch.prepare(
            slots: view.count, width: VisibleSlots.poolLimit(width: width), batch: parameters.capacity(level: 0))
        let entry = descend(query, to: 0, in: view, scratch)
        let size = searchLevelZero(query, from: entry, width: width, in: view, rule: rule, scratch)
        guard size >= 0 else {
            return filteredSearch(query, count: k, width: width, in: view, scratch: scratch) { _ in true }!
        }
        let results = scratch.results(k)
        var found = 0, index = 0
        while index < size && found < k {
            let candidate = scratch.pool[index].unexpanded
            results[found] = candidate
            found += rule.finds(candidate.slot) ? 1 : 0
            index += 1
        }
        return results.prefix(found)
    }

    /// Walks greedily from the entry point down to the nearest node found above `level`.
    func descend(_ query: Query, to level: Int, in view: GraphView, _ scratch: SearchScratch) -> Candidate {
        scratch.gathered[0] = view.entryPoint
        distances.compute(query, scratch.gathered, 1, scratch.distances)
        let upper = view.upper, limit = UInt32(truncatingIfNeeded: view.count)
        var distanceCount = 1, hopCount = 0
        var nearest = Candidate(distance: scratch.distances[0], slot: view.entryPoint)
        var current = view.maximumLevel
        while current > level {
            var moved = true
            while moved {
                moved = false
                let (ids, length) = upper.list(nearest.slot, level: current)
                prefetchRows(ids, length)
                distances.compute(query, ids, length, scratch.distances)
                distanceCount += length
                hopCount += 1
                for index in 0..<length {
                    let candidate = Candidate(distance: scratch.distances[index], slot: ids[index])
                    // Equal distances must not move, or two equal nodes could send the walk to and fro. A node that was
                    // published after the view was taken is not followed.
                    if candidate >> 32 < nearest >> 32 && candidate.slot < limit {
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

    @inline(__always)
    func prefetchRows(_ ids: UncheckedBuffer<UInt32>, _ count: Int) {
        let lines = Int32(min(columns.vectorStride / 64, 8))
        for index in 0..<count { unsafe cairn_prefetch_lines(columns.vector(ids[index]), lines) }
    }

    /// The best `width` slots of level 0 around `entry`, ascending in `scratch.pool`; returns how many.
    ///
    /// Each hop first gathers the neighbours that were not seen yet and asks for their rows, then looks one hop ahead: it
    /// asks for the rows of the next candidate's neighbours and for the list of the one after. Only then does it compute,
    /// so that the memory is on its way while the CPU works (worth a quarter of the queries a second at 128 dimensions).
    ///
    /// What `rule` does not find is walked through, and takes no place from what it finds: the pool then holds the best
    /// `width` found ones and whatever else is nearer than the last of them. -1 if that is more than the pool holds.
    func searchLevelZero<Rule: SearchRule>(
        _ query: Query, from entry: Candidate, width: Int, in view: GraphView, rule: Rule, _ scratch: SearchScratch
    ) -> Int {
        let lists = view.levelZero, distances = self.distances, columns = self.columns
        let gathered = scratch.gathered, results = scratch.distances
        let limit = UInt32(truncatingIfNeeded: view.count), listCapacity = parameters.capacity(level: 0)
        let plan = PrefetchPlan(rowBytes: columns.vectorStride)
        var visited = scratch.visited.view(reserving: 1)
        var pool = CandidatePool(scratch)
        var live = 0
        var cursor = 0, distanceCount = 0, hopCount = 0
        _ = visited.insert(entry.slot)
        if Rule.isNeeded {
            _ = pool.insert(entry, width: width, live: &live, rule: rule)
        } else {
            _ = pool.insert(entry, width: width)
        }
        while cursor < pool.size {
            let node = pool.candidates[cursor].slot
            pool.candidates[cursor] |= Candidate.expandedFlag
            if visited.count &+ listCapacity > visited.touched.count {
                scratch.visited.update(visited)
                visited = scratch.visited.view(reserving: listCapacity)
            }
            let (ids, length) = lists.list(node)
            var found = 0, index = 0
            while index < length {
                let id = ids[index]
                index &+= 1
                if id >= limit { continue }
                gathered[found] = id
                found &+= visited.insert(id)
            }
            index = 0
            while index < found {
                unsafe cairn_prefetch_lines(columns.vector(gathered[index]), plan.rowLines)
                if Rule.isNeeded {
                    unsafe cairn_prefetch(columns.slotTable + Int(gathered[index]) &* Columns.slotEntrySize)
                }
                index &+= 1
            }
            cursor = nextUnexpanded(pool, after: cursor)
            if cursor < pool.size {
                let (nextIDs, nextLength) = lists.list(pool.candidates[cursor].slot)
                index = 0
                while index < nextLength {
                    unsafe cairn_prefetch_lines(columns.vector(nextIDs[index]), plan.pipelinedLines)
                    index &+= 1
                }
                let second = nextUnexpanded(pool, after: cursor)
                if second < pool.size { prefetchList(pool.candidates[second].slot) }
            }
            distances.compute(query, gathered, found, results)
            distanceCount &+= found
            hopCount &+= 1
            index = 0
            while index < found {
                let candidate = Candidate(distance: results[index], slot: gathered[index])
                let place: Int
                if Rule.isNeeded {
                    place =
                        pool.admits(candidate, width: width, live: live)
                        ? pool.insert(candidate, width: width, live: &live, rule: rule) : -1
                } else {
                    place = pool.admits(candidate, width: width) ? pool.insert(candidate, width: width) : -1
                }
                if place >= 0 {
                    if place < cursor { cursor = place }
                    if place <= cursor &+ PrefetchPlan.listDistance { prefetchList(gathered[index]) }
                }
                index &+= 1
            }
            if Rule.isNeeded && pool.size >= VisibleSlots.poolLimit(width: width) { break }
        }
        scratch.visited.update(visited)
        scratch.visited.clear()
        scratch.distanceCount += distanceCount
        scratch.hopCount += hopCount
        return Rule.isNeeded && pool.size >= VisibleSlots.poolLimit(width: width) ? -1 : pool.size
    }

    @inline(__always)
    private func nextUnexpanded(_ pool: CandidatePool, after cursor: Int) -> Int {
        var next = cursor &+ 1
        while next < pool.size && pool.candidates[next].isExpanded { next &+= 1 }
        return next
    }

    @inline(__always)
    func prefetchList(_ slot: UInt32) {
        unsafe cairn_prefetch(columns.linkHeads + Int(slot))
        unsafe cairn_prefetch_lines(
            columns.links + Int(slot) &* columns.linkStride, Int32(min(columns.linkStride / 16, 4)))
    }
}

/// How much memory a hop asks for ahead of its use. Measured on rows of 2, 8 and 24 cache lines: short rows gain most when
/// the next hop's are asked for whole, long ones when only their beginnings are, because the CPU has only so many
/// outstanding requests and its own prefetching follows a long row.
struct PrefetchPlan {
    /// Lines of each row that is about to be computed.
    let rowLines: Int32
    /// Lines of each row that the next hop will compute.
    let pipelinedLines: Int32
    /// Candidates that arrive at most this far behind the cursor have their lists asked for at once.
    static let listDistance = 8

    @inline(__always)
    init(rowBytes: Int) {
        let lines = rowBytes / 64
        rowLines = Int32(min(lines, 8))
        pipelinedLines = lines <= 12 ? Int32(min(lines, 8)) : 1
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
