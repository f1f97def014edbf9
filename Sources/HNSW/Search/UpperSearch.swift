extension Graph {
    /// The best `width` nodes of an upper level around `entry`, ascending in `scratch.pool`; returns how many.
    func searchUpperLevel(
        _ computer: DistanceComputer, from entry: Candidate, level: Int, width: Int, in view: GraphView,
        _ scratch: SearchScratch
    ) -> Int {
        let upper = view.upper
        var visited = scratch.visited.view(reserving: 1)
        var pool = CandidatePool(scratch)
        var cursor = 0
        _ = visited.insert(entry.slot)
        _ = pool.insert(entry, width: width)
        while cursor < pool.size {
            let node = pool.candidates[cursor].slot
            pool.candidates[cursor] |= Candidate.expandedFlag
            scratch.visited.update(visited)
            visited = scratch.visited.view(reserving: parameters.connectivity)
            let (ids, length) = upper.list(node, level: level)
            var found = 0
            for index in 0..<length {
                scratch.gathered[found] = ids[index]
                found += visited.insert(ids[index])
            }
            computer.prefetch(scratch.gathered, found)
            computer.compute(scratch.gathered, found, scratch.distances)
            scratch.distanceCount += found
            scratch.hopCount += 1
            repeat { cursor += 1 } while cursor < pool.size && pool.candidates[cursor].isExpanded
            for index in 0..<found {
                let candidate = Candidate(distance: scratch.distances[index], slot: scratch.gathered[index])
                guard pool.admits(candidate, width: width) else { continue }
                cursor = min(cursor, pool.insert(candidate, width: width))
            }
        }
        scratch.visited.update(visited)
        scratch.visited.clear()
        return pool.size
    }
}
