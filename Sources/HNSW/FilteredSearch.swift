extension Graph {
    /// Finds the `count` nearest live slots for which `isAllowed` holds, nearest first, walking the graph through the
    /// others too, as hnswlib does: it stops when `width` allowed ones are found that are all nearer than what is left to
    /// look at.
    ///
    /// `isAllowed` is called for a slot that was not seen yet and is near enough. When `distanceLimit` distances have been
    /// computed the search gives up and returns nil: with few allowed slots a scan of them is cheaper.
    package func filteredSearch(
        _ query: Query, count k: Int, width: Int, in view: GraphView, distanceLimit: Int = .max, scratch: SearchScratch,
        isAllowed: (UInt32) -> Bool
    ) -> UncheckedBuffer<Candidate>? {
        let width = min(max(width, k), view.count)
        let capacity = parameters.capacity(level: 0), lists = view.levelZero, limit = UInt32(view.count)
        let slots = self.slots, sequence = view.sequence
        scratch.prepare(slots: view.count, width: width, batch: capacity)
        let entry = descend(query, to: 0, in: view, scratch)
        var pool = CandidatePool(scratch)
        var frontier = Frontier()
        frontier.insert(entry)
        var visited = scratch.visited.view(reserving: 1)
        _ = visited.insert(entry.slot)
        if slots.isVisible(entry.slot, at: sequence) && isAllowed(entry.slot) { _ = pool.insert(entry, width: width) }
        var distanceCount = 0, hopCount = 0, isComplete = true
        while let nearest = frontier.popMinimum() {
            if pool.size == width && nearest > pool.candidates[width - 1] { break }
            if distanceCount > distanceLimit {
                isComplete = false
                break
            }
            scratch.visited.update(visited)
            visited = scratch.visited.view(reserving: capacity)
            let (ids, length) = lists.list(nearest.slot)
            var found = 0
            for index in 0..<length {
                // Read once: the file may change between two looks at it.
                let id = ids[index]
                guard id < limit else { continue }
                scratch.gathered[found] = id
                found += visited.insert(id)
            }
            distances.compute(query, scratch.gathered, found, scratch.distances)
            distanceCount += found
            hopCount += 1
            for index in 0..<found {
                let slot = scratch.gathered[index]
                let candidate = Candidate(distance: scratch.distances[index], slot: slot)
                guard pool.admits(candidate, width: width) else { continue }
                frontier.insert(candidate)
                if slots.isVisible(slot, at: sequence) && isAllowed(slot) { _ = pool.insert(candidate, width: width) }
            }
        }
        scratch.visited.update(visited)
        scratch.visited.clear()
        scratch.distanceCount += distanceCount
        scratch.hopCount += hopCount
        guard isComplete else { return nil }
        let size = min(k, pool.size)
        let results = scratch.results(size)
        for index in 0..<size { results[index] = pool.candidates[index] }
        return results.prefix(size)
    }
}

/// Candidates whose neighbours have not been looked at, of any number: a binary heap, nearest first.
struct Frontier {
    private var heap: [Candidate] = []

    mutating func insert(_ candidate: Candidate) {
        heap.append(candidate)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            if heap[parent] <= candidate { break }
            heap[child] = heap[parent]
            child = parent
        }
        heap[child] = candidate
    }

    mutating func popMinimum() -> Candidate? {
        guard let result = heap.first, let last = heap.popLast() else { return nil }
        guard !heap.isEmpty else { return result }
        var parent = 0
        while true {
            var child = 2 * parent + 1
            if child >= heap.count { break }
            if child + 1 < heap.count && heap[child + 1] < heap[child] { child += 1 }
            if heap[child] >= last { break }
            heap[parent] = heap[child]
            parent = child
        }
        heap[parent] = last
        return result
    }
}
