import Allocation

/// The links back to the rows of a sub-batch: each target by itself.
extension Insertion {
    /// Groups the links that the rows chose by where they lead, and makes those lists writable.
    func collectBackLinks() throws(OutOfMemory) {
        backLinkCount = 0
        try backLinks.grow(to: edgeDistances.buffer.count)
        let links = backLinks.buffer
        for (index, row) in rows.enumerated() {
            let highest = min(row.level, graph.maximumLevel)
            guard highest >= lowestLevel else { continue }
            for level in lowestLevel...highest {
                let chosen = edges(row, level: level)
                for position in 0..<graph.listCount(row.slot, level: level) {
                    links[backLinkCount] = BackLink(
                        level: level, target: chosen[position].slot, row: index, position: position)
                    backLinkCount += 1
                }
            }
        }
        links.sort(backLinkCount)
        groups.removeAll(keepingCapacity: true)
        var start = 0
        for index in 0..<backLinkCount {
            let link = links[index]
            guard index + 1 == backLinkCount || links[index + 1].group != link.group else { continue }
            groups.append(start..<(index + 1))
            start = index + 1
            try graph.makeWritable(link.target, level: link.level)
        }
    }

    /// Adds a group's rows to its target's list: at the end while there is room, else by choosing among all again.
    func addBackLinks(_ index: Int, _ scratch: SearchScratch, _ unsettled: UnsettledSlots) {
        let group = groups[index], links = backLinks.buffer
        if index + 2 < groups.count {
            let ahead = links[groups[index + 2].lowerBound]
            if ahead.level == 0 { graph.columns.prefetchList(ahead.target) }
        }
        let level = links[group.lowerBound].level, target = links[group.lowerBound].target
        let capacity = graph.parameters.capacity(level: level)
        let (ids, listed) = graph.list(target, level: level)
        if listed + group.count <= capacity && !graph.hasUnlinkedSlots {
            for (offset, link) in group.enumerated() { ids[listed + offset] = rows[links[link].row].slot }
            graph.setList(target, level: level, ids, count: listed + group.count)
            return
        }
        let gathered = scratch.gathered
        var count = 0
        for index in 0..<listed {
            let id = ids[index]
            guard id < slotLimit, !graph.hasUnlinkedSlots || graph.isLinked(id) else { continue }
            gathered[count] = id
            count += 1
        }
        guard count + group.count <= capacity else {
            return chooseAmong(gathered, count, and: group, for: target, level: level, scratch, unsettled)
        }
        for link in group {
            gathered[count] = rows[links[link].row].slot
            count += 1
        }
        graph.setList(target, level: level, gathered, count: count)
    }

    /// Makes the list of `target` the best of the ids that were in it and of a group's rows.
    private func chooseAmong(
        _ ids: UncheckedBuffer<UInt32>, _ listed: Int, and group: Range<Int>, for target: UInt32, level: Int,
        _ scratch: SearchScratch, _ unsettled: UnsettledSlots
    ) {
        let links = backLinks.buffer, pool = scratch.pool
        let expansion = scratch.expansion(2 * graph.distances.dimensions)
        let query = graph.distances.query(forRow: target, expansion: expansion)
        let computer = DistanceComputer(query, graph.distances)
        computer.prefetch(ids, listed)
        computer.compute(ids, listed, scratch.distances)
        scratch.distanceCount += listed
        for index in 0..<listed { pool[index] = Candidate(distance: scratch.distances[index], slot: ids[index]) }
        var count = listed
        for link in group {
            let row = rows[links[link].row], chosen = edges(row, level: level)[links[link].position]
            pool[count] = chosen.replacingSlot(row.slot)
            count += 1
        }
        pool.sort(count)
        let kept = scratch.selection.choose(
            pool, count, limit: graph.parameters.capacity(level: level), in: graph,
            expansion: expansion.dropFirst(graph.distances.dimensions))
        graph.setList(target, level: level, scratch.selection.slots, count: kept)
        if level == 0 { noteDropped(by: target, among: pool, count, kept: kept, scratch, unsettled) }
    }

    /// Notes whom the links that `target` dropped may have anchored: the later slot of the two. In a batch also whom
    /// they led to.
    private func noteDropped(
        by target: UInt32, among pool: UncheckedBuffer<Candidate>, _ count: Int, kept: Int, _ scratch: SearchScratch,
        _ unsettled: UnsettledSlots
    ) {
        guard kept < count else { return }
        var seen = scratch.visited.view(reserving: count + kept)
        for index in 0..<kept { _ = seen.insert(scratch.selection.slots[index]) }
        var hasDroppedEarlier = false
        for index in 0..<count where seen.insert(pool[index].slot) == 1 {
            let dropped = pool[index].slot
            if dropped > target || isLive { unsettled.append(dropped) }
            if dropped < target { hasDroppedEarlier = true }
        }
        if hasDroppedEarlier { unsettled.append(target) }
        scratch.visited.update(seen)
        scratch.visited.clear()
    }
}
