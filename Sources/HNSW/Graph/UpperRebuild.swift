package import Allocation

extension Graph {
    /// Makes the upper layers again from the levels in the slot table, by inserting the slots that have one: what
    /// opening does when the file `upper` is missing or damaged. The same rows are searched and linked in the same
    /// sub-batches as a build in one go would, so after such a build the result is the same too.
    ///
    /// O(slots) to find the levels; then about one insertion in M. A level above the header's is taken for that; a free
    /// slot's may be higher, for it keeps its level. False if the levels are more than they can be in a store of this
    /// size.
    package func rebuildUpperLayers(threads: Int) throws(OutOfMemory) -> Bool {
        let slotCount = count, highestLevel = maximumLevel
        upper = try UpperLayers(connectivity: parameters.connectivity, slots: capacity)
        guard slotCount > 0 else { return true }
        let insertion = Insertion(into: self, threads: threads, lowestLevel: 1)
        maximumLevel = -1
        var first = 0
        while first < slotCount {
            let end = min(slotCount, first + 512)
            let levels = (first..<end).map { slot in
                let slot = UInt32(slot)
                return min(slots.level(slot), isLinked(slot) ? highestLevel : parameters.maximumLevel)
            }
            let size = Insertion.subBatch(levels: levels[...], count: first, maximumLevel: maximumLevel)
            let rows = (0..<size).filter { (levels[$0] > 0 || maximumLevel < 0) && isLinked(UInt32(first + $0)) }
            guard upper.hasRoom(level: levels[..<size].reduce(0, +)) else { return false }
            if !rows.isEmpty { try insertion.insert(slots: rows.map { (UInt32(first + $0), levels[$0]) }) {} }
            for row in 0..<size where levels[row] > 0 && upper.firstList(UInt32(first + row)) == nil {
                // Free: it keeps its level for whoever gets it.
                try upper.add(UInt32(first + row), level: levels[row])
            }
            first += size
        }
        showNewest()
        return true
    }
}
