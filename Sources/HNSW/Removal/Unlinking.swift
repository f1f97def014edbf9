package import Allocation

/// Taking erased and superseded slots out of the graph.
///
/// A node does not know who links to it. Those who do are nearly all among its neighbours and theirs: their lists lose
/// it and are refilled with its own neighbours, chosen as an insertion chooses (after FreshDiskANN, Singh et al.,
/// 2021). A link that is overlooked leads to a slot that is still a vector with links, and goes the next time its list
/// is rewritten. So the work for a slot does not grow with the graph.
extension Graph {
    /// Takes `slots` out of the graph, in the batch that is being written; their records say already that they are not
    /// live. They keep their lists, for searches that are there.
    package func unlink(_ slots: [UInt32], scratch: SearchScratch) throws(OutOfMemory) {
        guard !slots.isEmpty else { return }
        // Sets of slots: those that are looked around, and whose lists change.
        try ProcessMemory.expect(growing: min(count, slots.count * parameters.capacity(level: 0)), stride: 16)
        hasUnlinkedSlots = true
        neededLists = NeededLists()
        let formerLowest = lowestSlot
        findLowestSlot()
        guard lowestSlot < count else { return removeLastNode() }
        try prepare(scratch, slots: count, width: 1, batch: 64 * parameters.capacity(level: 0))
        var unsettled: Set<UInt32> = [formerLowest]
        // Looking at every list costs less than looking around each of so many slots, and overlooks nothing.
        let isSweep = slots.count > count / 500 + 1
        let owners = isSweep ? ownersOfUnlinked() : owners(of: slots, level: 0, scratch)
        for slot in slots { unsettled.formUnion(linkedNeighbors(slot)) }
        for owner in owners where try refill(owner, level: 0, scratch) { unsettled.insert(owner) }
        for slot in slots {
            for level in stride(from: 1, through: upper.level(slot), by: 1) {
                for owner in self.owners(of: [slot], level: level, scratch) {
                    _ = try refill(owner, level: level, scratch)
                }
            }
        }
        moveEntryPoint()
        for slot in unsettled.sorted() { try anchor(slot, scratch) }
        for slot in unsettled.sorted() { try linkFromNear(slot, scratch) }
    }

    /// No node is left. The slots stay, with their levels, to be used again.
    private func removeLastNode() {
        lowestSlot = UInt32(count)
        maximumLevel = -1
        entryPoint = 0
    }

    private func linkedNeighbors(_ slot: UInt32) -> [UInt32] {
        let (ids, count) = newestView.levelZero.list(slot)
        return (0..<count).map { ids[$0] }.filter { isLinked($0) }
    }

    /// Every linked slot whose level-0 list has an id that is not linked.
    private func ownersOfUnlinked() -> [UInt32] {
        let view = newestView
        return (0..<UInt32(count)).filter { slot in
            guard isLinked(slot) else { return false }
            let (ids, count) = view.levelZero.list(slot)
            for index in 0..<count where !isLinked(ids[index]) { return true }
            return false
        }
    }

    /// The linked slots that link to one of `slots`, among their neighbours and the neighbours of those.
    private func owners(of slots: [UInt32], level: Int, _ scratch: SearchScratch) -> [UInt32] {
        let view = newestView, limit = UInt32(truncatingIfNeeded: count)
        var owners: Set<UInt32> = []
        for slot in slots {
            var seen = scratch.visited.view(reserving: 1)
            func look(at other: UInt32) {
                scratch.hopCount += 1
                let (ids, length) = view.list(other, level: level)
                for index in 0..<length where ids[index] == slot {
                    if isLinked(other) { owners.insert(other) }
                    break
                }
            }
            let (ids, length) = view.list(slot, level: level)
            _ = seen.insert(slot)
            for index in 0..<length where ids[index] < limit {
                let neighbor = ids[index]
                scratch.visited.update(seen)
                seen = scratch.visited.view(reserving: parameters.capacity(level: level) + 1)
                if seen.insert(neighbor) == 1 { look(at: neighbor) }
                let (others, otherCount) = view.list(neighbor, level: level)
                for other in 0..<otherCount where others[other] < limit && seen.insert(others[other]) == 1 {
                    look(at: others[other])
                }
            }
            scratch.visited.update(seen)
            scratch.visited.clear()
        }
        return owners.sorted()
    }

    /// Takes what is not linked out of a list and puts neighbours of those slots in. Whether anything changed.
    private func refill(_ owner: UInt32, level: Int, _ scratch: SearchScratch) throws(OutOfMemory) -> Bool {
        let (ids, listed) = newestView.list(owner, level: level)
        var kept: [UInt32] = [], lost: [UInt32] = []
        for index in 0..<listed {
            if isLinked(ids[index]) { kept.append(ids[index]) } else { lost.append(ids[index]) }
        }
        guard !lost.isEmpty else { return false }
        let candidates = replacements(for: lost, of: owner, kept: kept, level: level)
        for candidate in choose(
            candidates, for: owner, kept: &kept, upTo: parameters.capacity(level: level), level: level, scratch)
        {
            kept.append(candidate)
        }
        // Nearest first, as in a list that an insertion chose.
        if level == 0 { kept = sorted(kept, from: owner, scratch) }
        try makeWritable(owner, level: level)
        for (index, id) in kept.enumerated() { scratch.gathered[index] = id }
        setList(owner, level: level, scratch.gathered, count: kept.count)
        return true
    }

    /// Linked slots that the `lost` ones lead to, through others that are not linked where they must.
    private func replacements(for lost: [UInt32], of owner: UInt32, kept: [UInt32], level: Int) -> [UInt32] {
        let view = newestView, capacity = parameters.capacity(level: level)
        var seen = Set(kept), found: [UInt32] = [], way = lost, next = 0
        seen.insert(owner)
        seen.formUnion(lost)
        while next < way.count && next < lost.count + 32 && (next < lost.count || found.count < capacity) {
            let (ids, length) = view.list(way[next], level: level)
            next += 1
            for index in 0..<length where ids[index] < count && seen.insert(ids[index]).inserted {
                if isLinked(ids[index]) { found.append(ids[index]) } else { way.append(ids[index]) }
            }
        }
        return Array(found.prefix(32 * capacity))
    }

    /// Those of `candidates` that an insertion would add to `kept`, nearest first; and, for a list that would be left
    /// less than half full, the nearest of the others.
    private func choose(
        _ candidates: [UInt32], for owner: UInt32, kept: inout [UInt32], upTo limit: Int, level: Int,
        _ scratch: SearchScratch
    ) -> [UInt32] {
        let dimensions = distances.dimensions
        let expansion = scratch.expansion(2 * dimensions)
        for (index, id) in candidates.enumerated() { scratch.gathered[index] = id }
        let query = distances.query(forRow: owner, expansion: expansion)
        distances.compute(query, scratch.gathered, candidates.count, scratch.distances)
        scratch.distanceCount += candidates.count
        let sorted = candidates.indices.map {
            Candidate(distance: scratch.distances[$0], slot: candidates[$0])
        }.sorted()
        var chosen: [UInt32] = [], passed: [UInt32] = []
        let least = min(limit, parameters.capacity(level: level) / 2)
        for candidate in sorted where kept.count + chosen.count < limit {
            let others = kept + chosen
            for (index, id) in others.enumerated() { scratch.gathered[index] = id }
            let row = distances.query(forRow: candidate.slot, expansion: expansion.dropFirst(dimensions))
            distances.compute(row, scratch.gathered, others.count, scratch.distances)
            scratch.distanceCount += others.count
            let isCovered = others.indices.contains {
                Candidate(distance: scratch.distances[$0], slot: 0) >> 32 < candidate >> 32
            }
            if isCovered { passed.append(candidate.slot) } else { chosen.append(candidate.slot) }
        }
        for slot in passed where kept.count + chosen.count < least { chosen.append(slot) }
        return chosen
    }

    /// Finds another entry point if the present one is no longer linked: a node of the highest level there is.
    private func moveEntryPoint() {
        guard !isLinked(entryPoint) else { return }
        var best: (slot: UInt32, level: Int) = (lowestSlot, 0)
        for node in 0..<upper.nodeCount {
            let slot = upper.nodes.buffer[2 * node], level = Int(upper.nodes.buffer[2 * node + 1])
            if level > best.level && isLinked(slot) { best = (slot, level) }
        }
        (entryPoint, maximumLevel) = best
    }
}
