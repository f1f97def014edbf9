import CKernels

extension Graph {
    /// Finds the `count` nearest live slots to `query`, nearest first, with search width `width`: more width, better
    /// recall. Returns how many there are in `scratch`'s results: fewer when the graph has fewer. Any number of threads
    /// may search, each with its own scratch.
    ///
    /// hnswlib's search, with a sorted pool for its two heaps and the memory of later hops asked for early.
    package func search(_ query: Query, count k: Int, width: Int, scratch: SearchScratch) -> UncheckedBuffer<Candidate>
    {
        guard count > 0, k > 0 else { return scratch.results(1).prefix(0) }
        if hasDeadSlots { return filteredSearch(query, count: k, width: width, scratch: scratch) { _ in true }! }
        let width = min(max(width, k), count)
        scratch.prepare(slots: count, width: width, batch: parameters.capacity(level: 0))
        let entry = descend(query, to: 0, scratch)
        let size = searchLevelZero(query, from: entry, width: width, scratch)
        let results = scratch.results(min(k, size))
        for index in 0..<min(k, size) {
            results[index] = scratch.pool[index].unexpanded
            unsafe cairn_prefetch(columns.slotTable + Int(results[index].slot) * Columns.slotEntrySize)
        }
        return results.prefix(min(k, size))
    }

    /// Walks greedily from the entry point down to `level`'s upper neighbour: the nearest node found above `level`.
    func descend(_ query: Query, to level: Int, _ scratch: SearchScratch) -> Candidate {
        scratch.gathered[0] = entryPoint
        distances.compute(query, scratch.gathered, 1, scratch.distances)
        let upper = upper.view
        var distanceCount = 1, hopCount = 0
        var nearest = Candidate(distance: scratch.distances[0], slot: entryPoint)
        var current = maximumLevel
        while current > level {
            var moved = true
            while moved {
                moved = false
                let list = upper.list(nearest.slot, level: current)
                let length = min(Int(list[0] & 0xffff), parameters.connectivity)
                let ids = list.dropFirst(1)
                prefetchRows(ids, length)
                distances.compute(query, ids, length, scratch.distances)
                distanceCount += length
                hopCount += 1
                for index in 0..<length {
                    let candidate = Candidate(distance: scratch.distances[index], slot: ids[index])
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
    func searchLevelZero(_ query: Query, from entry: Candidate, width: Int, _ scratch: SearchScratch) -> Int {
        let lists = levelZero, distances = self.distances, columns = self.columns
        let gathered = scratch.gathered, results = scratch.distances
        let limit = UInt32(truncatingIfNeeded: count), listCapacity = parameters.capacity(level: 0)
        let plan = PrefetchPlan(rowBytes: columns.vectorStride)
        var visited = scratch.visited.view(reserving: 1)
        var pool = CandidatePool(scratch)
        var cursor = 0, distanceCount = 0, hopCount = 0
        _ = visited.insert(entry.slot)
        _ = pool.insert(entry, width: width)
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
                if pool.admits(candidate, width: width) {
                    let place = pool.insert(candidate, width: width)
                    if place < cursor { cursor = place }
                    if place <= cursor &+ PrefetchPlan.listDistance { prefetchList(gathered[index]) }
                }
                index &+= 1
            }
        }
        scratch.visited.update(visited)
        scratch.visited.clear()
        scratch.distanceCount += distanceCount
        scratch.hopCount += hopCount
        return pool.size
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
