import FileFormat
import HNSW

/// The slots that new rows get: erased and superseded ones again, before the store grows. A slot keeps its level, so a
/// row gets one of the level that it was given; lowest first, so that the same calls give the same store.
///
/// A freed slot is used again only after the checkpoint that frees it in the file (until then its vector may be needed
/// to recover an earlier state), and after the searches of that time.
struct FreeSlots {
    /// Usable slots by level.
    private var usable: [Int: SlotHeap] = [:]
    /// Freed since the last checkpoint.
    private var freed: [(slot: UInt32, level: Int)] = []
    /// Freed in the file, until the searches that may see them have ended.
    private var waiting: [(epoch: Epoch, slots: [(slot: UInt32, level: Int)])] = []

    /// The free slots of a store that was just opened, found by looking at each; none is used anywhere. False, and none
    /// is, if they are not as many as the store counts: then it is damaged.
    mutating func collect(_ slots: SlotRecords, count: Int, free: Int) -> Bool {
        var found: [Int: [UInt32]] = [:]
        for slot in 0..<UInt32(count) {
            let entry = slots.entry(slot)
            if entry.state.isFree { found[entry.level, default: []].append(slot) }
        }
        guard found.values.reduce(0, { $0 + $1.count }) == free else { return false }
        usable = found.mapValues { SlotHeap(ascending: $0) }
        return true
    }

    /// A slot of `level` to be used again.
    mutating func take(level: Int) -> UInt32? { usable[level]?.removeLowest() }

    /// Gives back slots that were taken and not used.
    mutating func putBack(_ slots: [(slot: UInt32, level: Int)]) {
        for entry in slots { usable[entry.level, default: SlotHeap()].insert(entry.slot) }
    }

    /// Slots that the next checkpoint frees.
    var freedCount: Int { freed.count }

    mutating func free(_ slots: [(slot: UInt32, level: Int)]) { freed.append(contentsOf: slots) }

    /// The file knows of all that were freed; searches that began before `epoch` ended may still see them.
    mutating func checkpoint(epoch: Epoch) {
        if !freed.isEmpty { waiting.append((epoch, freed)) }
        freed.removeAll()
    }

    /// Makes usable what nobody can see any more.
    mutating func reclaim(_ readers: Readers) {
        while let first = waiting.first, readers.havePassed(first.epoch) {
            putBack(first.slots)
            waiting.removeFirst()
        }
    }
}
