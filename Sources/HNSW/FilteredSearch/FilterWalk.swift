import Allocation
import CKernels

extension Graph {
    /// How many neighbours in the set a node has to have, before those that are not in it are looked through. With
    /// twice as many as a list holds a walk of a set finds as much as one of the same width finds among all.
    private static func degree(capacity: Int) -> Int { 2 * capacity }

    /// Lists that are asked for ahead of the one that is looked through.
    private static var listsAhead: Int { 8 }

    /// The best `width` slots of a set, ascending in `scratch.pool`; returns how many, nil once it has cost more than
    /// `costLimit` distances and lists.
    ///
    /// Only slots of the set become candidates and have their distances computed. Where a node has few such neighbours,
    /// the others are looked through to theirs (Patel and others, ACORN, 2024), until it has as many as a node in a
    /// graph of the set alone would have; so a hop reads at most the lists that one list names. Where the query's
    /// surroundings have less than half as many slots of the set as its share makes expect, two hops may not lead to
    /// the nearest: then the walk is given up, too.
    func walk(
        _ query: Query, width: Int, in view: GraphView,
        through set: SlotBits, costLimit: Int, _ scratch: SearchScratch
    ) throws(OutOfMemory) -> Int? {
        let listCapacity = parameters.capacity(level: 0), target = Self.degree(capacity: listCapacity)
        try prepare(
            scratch, slots: view.count, width: width, batch: target + 3 * listCapacity + 1)
        let entry = descend(query, to: 0, in: view, scratch)
        let lists = view.levelZero, columns = self.columns, distances = self.distances
        let gathered = scratch.gathered, results = scratch.distances
        // Behind the most that a hop gathers: those to look through.
        let through = gathered.dropFirst(target &+ 2 &* listCapacity)
        let plan = PrefetchPlan(rowBytes: columns.vectorStride), limit = UInt32(truncatingIfNeeded: view.count)
        let mostInserted = target &+ 3 &* listCapacity
        var visited = scratch.visited.view(reserving: mostInserted)
        var pool = CandidatePool(scratch)
        var cursor = 0, distanceCount = 0, hopCount = 0, isComplete = true
        // Neighbours, and those of them that are in the set; slots count as often as they are met.
        var metCount = 0, metInSet = 0
        _ = visited.insert(entry.slot)
        if set.has(entry.slot) == 1 {
            _ = pool.insert(entry, width: width)
            pool.candidates[0] |= Candidate.expandedFlag
        }
        var node = entry.slot
        while true {
            if visited.count &+ mostInserted > visited.touched.count {
                scratch.visited.update(visited)
                visited = scratch.visited.view(reserving: mostInserted)
            }
            let (ids, length) = lists.list(node)
            scratch.trace?.readList(ids, length)
            var found = 0, passed = 0, degree = 0, index = 0
            while index < length {
                // Read once: the file may change between two looks at it.
                let id = ids[index]
                index &+= 1
                if id >= limit { continue }
                let isAllowed = set.has(id)
                through[passed] = id
                passed &+= (1 &- isAllowed) & visited.lacks(id)
                gathered[found] = id
                found &+= visited.insert(id, if: isAllowed)
                degree &+= isAllowed
            }
            index = 0
            while index < found {
                unsafe cairn_prefetch_lines(columns.vector(gathered[index]), plan.rowLines)
                index &+= 1
            }
            hopCount &+= 1
            metCount &+= length
            if degree < target {
                index = 0
                while index < passed && index < Self.listsAhead {
                    columns.prefetchList(through[index])
                    index &+= 1
                }
                var next = 0
                while next < passed && degree < target {
                    let other = through[next]
                    next &+= 1
                    if index < passed {
                        columns.prefetchList(through[index])
                        index &+= 1
                    }
                    // Nobody looks through it again.
                    _ = visited.insert(other)
                    let (ids, length) = lists.list(other)
                    scratch.trace?.readList(ids, length, isHop: false)
                    metCount &+= length
                    let before = found
                    var place = 0
                    while place < length {
                        let id = ids[place]
                        place &+= 1
                        if id >= limit { continue }
                        let isAllowed = set.has(id)
                        gathered[found] = id
                        found &+= visited.insert(id, if: isAllowed)
                        degree &+= isAllowed
                    }
                    place = before
                    while place < found {
                        unsafe cairn_prefetch_lines(columns.vector(gathered[place]), plan.rowLines)
                        place &+= 1
                    }
                }
                hopCount &+= next
            }
            cursor = pool.nextUnexpanded(from: cursor)
            if cursor < pool.size {
                prefetchHop(pool.candidates[cursor].slot, lists, set, plan, limit)
                let second = pool.nextUnexpanded(from: cursor &+ 1)
                if second < pool.size { columns.prefetchList(pool.candidates[second].slot) }
            }
            distances.compute(query, gathered, found, results)
            scratch.trace?.compared(DistanceComputer(query, distances), gathered, found)
            distanceCount &+= found
            metInSet &+= degree
            index = 0
            while index < found {
                let candidate = Candidate(distance: results[index], slot: gathered[index])
                if pool.admits(candidate, width: width) {
                    let place = pool.insert(candidate, width: width)
                    if place < cursor { cursor = place }
                    if place <= cursor &+ PrefetchPlan.listDistance { columns.prefetchList(gathered[index]) }
                }
                index &+= 1
            }
            cursor = pool.nextUnexpanded(from: cursor)
            guard cursor < pool.size else { break }
            let isSparse = metCount > 512 && Double(2 &* metInSet) < set.share * Double(metCount)
            if distanceCount &+ hopCount > costLimit || isSparse {
                isComplete = false
                break
            }
            node = pool.candidates[cursor].slot
            pool.candidates[cursor] |= Candidate.expandedFlag
        }
        scratch.visited.update(visited)
        scratch.visited.clear()
        scratch.distanceCount += distanceCount
        scratch.hopCount += hopCount
        return isComplete ? pool.size : nil
    }

    /// Asks for what the hop after this one will read, if nothing nearer comes in between.
    @inline(__always)
    private func prefetchHop(
        _ node: UInt32, _ lists: LevelZeroLists, _ set: SlotBits, _ plan: PrefetchPlan, _ limit: UInt32
    ) {
        let (ids, length) = lists.list(node)
        var index = 0
        while index < length {
            let id = ids[index]
            index &+= 1
            if id >= limit { continue }
            if set.has(id) == 1 {
                unsafe cairn_prefetch_lines(columns.vector(id), plan.pipelinedLines)
            } else {
                columns.prefetchList(id)
            }
        }
    }
}

extension CandidatePool {
    /// The first place from `start` on whose neighbours have not been looked at; `size` if there is none.
    @inline(__always)
    func nextUnexpanded(from start: Int) -> Int {
        var next = start
        while next < size && candidates[next].isExpanded { next &+= 1 }
        return next
    }
}
