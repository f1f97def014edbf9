extension Graph {
    /// The `k` nearest of the pool's first `size` candidates by their vectors, nearest first: the pool is in the order
    /// of the codes. Only those that `rule` finds.
    ///
    /// In stages: after the first, the k-th distance says how far a candidate's code may be for its vector to be nearer
    /// still, by `share` of the margin that was measured when the codes were trained; where the pool gets beyond that it
    /// ends.
    func rerank<Rule: SearchRule>(
        _ query: Query, _ codes: CodeColumn, size: Int, count k: Int, rule: Rule, share: Float, _ scratch: SearchScratch
    ) -> UncheckedBuffer<Candidate> {
        defer { scratch.endReading() }
        let k = min(k, size)
        guard k > 0 else { return scratch.noResults }
        let computer = DistanceComputer(query, distances),
            bound = codes.bound(
                for: query, distances, scratch, share: share)
        let pool = scratch.pool, gathered = scratch.gathered, results = scratch.distances
        var best = CandidatePool(scratch.results(k + 1), scratch)
        let readsDisk = share < 1
        let stage = min(gathered.count, readsDisk ? DiskReading.stage : Self.rerankStage)
        var index = 0, stageSize = min(gathered.count, k + (readsDisk ? DiskReading.stageExtra : 0))
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
            compareFetched(computer, gathered, pending, results, scratch)
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

    /// Puts the distances of the vectors in the place of those of the codes, for the pool's first `size` candidates,
    /// and sorts them again.
    ///
    /// Returns what the codes made of the order of the nearest.
    func rescore(_ query: Query, _ codes: CodeColumn, size: Int, _ scratch: SearchScratch) -> CodeOrder {
        let computer = DistanceComputer(query, distances)
        let pool = scratch.pool, gathered = scratch.gathered, results = scratch.distances
        let first = codes.model.trustedRank(size), places = scratch.results(first)
        var start = 0
        while start < size {
            let count = min(gathered.count, size &- start, 32)
            for index in 0..<count { gathered[index] = pool[start &+ index].slot }
            fetchRows?(gathered, count)
            computer.prefetch(gathered, count)
            computer.compute(gathered, count, results)
            for index in 0..<count {
                let candidate = Candidate(distance: results[index], slot: gathered[index])
                pool[start &+ index] = candidate
                if start &+ index < first { places[start &+ index] = candidate }
            }
            start &+= count
        }
        scratch.rerankCount &+= size
        pool.sort(size)
        guard first < size else { return .kept }
        // Equal distances count, whichever of them came first.
        let last = pool[9] | 0xffff_ffff, narrow = min(codes.model.narrowRank, first)
        var nearest = 0
        for index in 0..<narrow { nearest &+= places[index] <= last ? 1 : 0 }
        let atOnce = nearest
        for index in narrow..<first { nearest &+= places[index] <= last ? 1 : 0 }
        return nearest < 10 ? .lost : atOnce < CodeOrder.expected ? .loosened : .kept
    }

    /// Computes by codes the distances of a pool of `size` candidates that are in the order of their vectors, and says
    /// what the codes do to that order. The pool stays as it is.
    func order(_ query: Query, by codes: CodeColumn, size: Int, _ scratch: SearchScratch) -> CodeOrder {
        let first = codes.model.trustedRank(size)
        guard first < size && scratch.gathered.count >= 10 else { return .kept }
        let computer = codes.computer(query, distances, scratch)
        guard scratch.walksByCodes else { return .kept }
        let pool = scratch.pool, gathered = scratch.gathered, results = scratch.distances
        let limit = pool[9] | 0xffff_ffff
        var start = 0, last = -Float.infinity, before = 0
        while start < size {
            let count = min(gathered.count, size &- start, 32)
            for index in 0..<count { gathered[index] = pool[start &+ index].slot }
            computer.prefetch(gathered, count)
            computer.compute(gathered, count, results)
            for index in 0..<count {
                // The first chunk has the ten nearest.
                if start == 0 && index < 10 {
                    last = max(last, results[index])
                } else if pool[start &+ index] > limit {
                    before &+= results[index] <= last ? 1 : 0
                }
            }
            start &+= count
        }
        if before + 10 > first { return .lost }
        return before + 10 > codes.model.narrowRank + 10 - CodeOrder.expected ? .loosened : .kept
    }
}

/// What codes made of the order of the ten nearest among the candidates of an insertion.
enum CodeOrder {
    /// Nearly all of them are where a search for ten looks.
    case kept
    /// They are among the first half, where wide searches find them and narrow ones do not.
    case loosened
    /// They are anywhere. Others that are as near may never have come among the candidates.
    case lost

    /// How many of the ten nearest a search for ten should come upon.
    static let expected = 8
}

extension CodeModel {
    /// How many candidates a search for ten keeps.
    fileprivate var narrowRank: Int { 10 + min(depth, 160) }

    /// Among the first so many of `size` candidates by their codes the ten nearest are expected.
    fileprivate func trustedRank(_ size: Int) -> Int {
        size < 20 ? size : max(size / 2, min(3 * size / 4, 10 + 2 * depth))
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
