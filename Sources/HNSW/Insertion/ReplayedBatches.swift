package import Allocation
package import FileFormat

/// Applying batches that a log has: the lists as they were written, not the insertions that led to them.
extension Graph {
    /// Gives `slot` a row of the batch that is being written, live, with empty lists. False if that cannot be: the slot
    /// is past the end, or has another level. Without `hasUpper` it gets a list of level 0 only.
    package func replayRow(
        _ slot: UInt32, label: UInt64, level: Int, hasUpper: Bool = true, sequence: BatchNumber
    ) throws(OutOfMemory) -> Bool {
        guard slot <= count, slot < capacity, level <= parameters.maximumLevel else { return false }
        guard upper.firstList(slot) != nil || upper.hasRoom(level: level) else { return false }
        if slot < count {
            guard !isLinked(slot), slots.level(slot) == level, !hasUpper || upper.level(slot) == level else {
                return false
            }
        } else {
            count += 1
        }
        slots.setRow(slot, label: label, level: level, state: .live, sequence: sequence)
        lowestSlot = min(lowestSlot, slot)
        let listedLevel = hasUpper ? level : 0
        if listedLevel > 0 && upper.firstList(slot) == nil { try upper.add(slot, level: listedLevel) }
        for level in 0...listedLevel { try startList(slot, level: level) }
        return true
    }

    /// Changes a slot's state. False if the slot is past the end.
    package func replayState(_ slot: UInt32, _ state: SlotState, sequence: BatchNumber) -> Bool {
        guard slot < count else { return false }
        slots.setState(slot, state, sequence: sequence)
        if !state.hasLabel { hasUnlinkedSlots = true }
        return true
    }

    /// Makes a list the first `kept` ids that it has and then `added`. False if an id is no node of that level.
    package func replayList(_ slot: UInt32, level: Int, kept: Int, added: [UInt32]) throws(OutOfMemory) -> Bool {
        guard slot < count, level <= upper.level(slot) else { return false }
        for id in added {
            guard id < count, level <= upper.level(id) else { return false }
        }
        let list = try writableList(slot, level: level), before = Int(list[0])
        let length = kept + added.count
        guard kept <= before, length <= parameters.capacity(level: level) else { return false }
        for index in added.indices { list[1 + kept + index] = added[index] }
        for index in length..<max(length, before) { list[1 + index] = 0 }
        list[0] = UInt32(length)
        return true
    }

    /// Takes over what a commit says besides the lists. False if it does not fit them.
    package func replayCommit(
        count: Int, entryPoint: UInt32, maximumLevel: Int, levelState: UInt32, hasUpper: Bool = true
    ) -> Bool {
        guard count == self.count else { return false }
        guard maximumLevel < 0 || isEntryPoint(entryPoint, level: maximumLevel, hasUpper: hasUpper) else {
            return false
        }
        self.entryPoint = maximumLevel < 0 ? 0 : entryPoint
        self.maximumLevel = maximumLevel
        levels = LevelGenerator(state: levelState, connectivity: parameters.connectivity)
        return true
    }

    private func isEntryPoint(_ slot: UInt32, level: Int, hasUpper: Bool) -> Bool {
        isLinked(slot) && (!hasUpper || upper.level(slot) == level)
    }

    /// Whether searches can begin where the writer's state says, and only an empty graph says nowhere.
    package func hasEntryPoint(isEmpty: Bool) -> Bool {
        isEmpty ? maximumLevel < 0 : maximumLevel >= 0 && isEntryPoint(entryPoint, level: maximumLevel, hasUpper: true)
    }
}
