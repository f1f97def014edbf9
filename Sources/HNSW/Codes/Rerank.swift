extension Graph {
    /// The `k` nearest of the pool's first `size` candidates by their vectors, nearest first: the pool is in the order of the
    /// codes. Only those that `rule` finds.
    ///
    /// In stages: after the first, the k-th distance says how far a candidate's code may be for its vector to be nearer
    /// still, by the margin that was measured when the codes were trained; where the pool gets beyond that it ends.
    func rerank<Rule: SearchRule>(
        _ query: Query, _ codes: CodeColumn, size: Int, count k: Int, rule: Rule, _ scratch: SearchScratch
    ) -> UncheckedBuffer<Candidate> {
        let k = min(k, size)
        guard k > 0 else { return scratch.results(1).prefix(0) }
        let computer = DistanceComputer(query, distances),
            bound = codes.bound(for: query, distances, queryLoss: scratch.codeQueryLoss)
        let pool = scratch.pool, gathered = scratch.gathered, results = scratch.distances
        var best = CandidatePool(scratch.results(k + 1), scratch)
        let stage = min(gathered.count, Self.rerankStage)
        var index = 0, stageSize = min(gathered.count, k)
        while index < size {
            var pending = 0
            while index < size && pending < stageSize {
                let candidate = pool[index]
                if best.size == k && bound.least(candidate.distance) > best.candidates[k &- 1].distance {
                    index = size
                    break
                }
                gathered[pending] = candidate.slot
                pending &+= rule.finds(candidate.slot) ? 1 : 0
                index &+= 1
            }
            computer.prefetch(gathered, pending)
            computer.compute(gathered, pending, results)
            scratch.rerankCount &+= pending
            scratch.trace?.compared(computer, gathered, pending)
            for place in 0..<pending {
                let candidate = Candidate(distance: results[place], slot: gathered[place])
                if best.admits(candidate, width: k) { _ = best.insert(candidate, width: k) }
            }
            stageSize = stage
        }
        return best.candidates.prefix(best.size)
    }

    /// Vectors that a stage after the first reads: enough to overlap their way from memory.
    private static var rerankStage: Int { 8 }

    /// Puts the distances of the vectors in the place of those of the codes, for the pool's first `size` candidates, and
    /// sorts it anew. Returns how many there are.
    func rescore(_ query: Query, size: Int, _ scratch: SearchScratch) -> Int {
        let computer = DistanceComputer(query, distances)
        let pool = scratch.pool, gathered = scratch.gathered, results = scratch.distances
        var start = 0
        while start < size {
            let count = min(gathered.count, size &- start, 32)
            for index in 0..<count { gathered[index] = pool[start &+ index].slot }
            computer.prefetch(gathered, count)
            computer.compute(gathered, count, results)
            for index in 0..<count {
                pool[start &+ index] = Candidate(distance: results[index], slot: gathered[index])
            }
            start &+= count
        }
        scratch.rerankCount &+= size
        pool.sort(size)
        return size
    }
}

extension UncheckedBuffer where Element: Comparable {
    /// Sorts the first `count` elements by insertion: O(count) when few are far from their place.
    func sortNearlySorted(_ count: Int) {
        var index = 1
        while index < count {
            let element = self[index]
            var place = index
            while place > 0 && self[place &- 1] > element {
                self[place] = self[place &- 1]
                place &-= 1
            }
            self[place] = element
            index &+= 1
        }
    }
}
