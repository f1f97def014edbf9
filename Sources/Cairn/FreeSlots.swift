import HNSW

/// The slots that new rows get: erased and superseded ones again, before the store grows. A slot keeps its level, so a row gets
/// one of the level that it was given; lowest first, so that the same calls give the same store.
///
/// A freed slot is used again only after the checkpoint that frees it in the file (until then its vector may be needed to
/// recover an earlier state), and after the searches of that time.
struct FreeSlots {
    /// Usable slots by level; the last of a list is the lowest slot.
    private var usable: [Int: [UInt32]] = [:]
    /// Freed since the last checkpoint.
    private var freed: [(slot: UInt32, level: Int)] = []
    /// Freed in the file, until the searches that may see them have ended.
    private var waiting: [(epoch: UInt64, slots: [(slot: UInt32, level: Int)])] = []

    /// The free slots of a store that was just opened, found by looking at each; none is used anywhere.
    mutating func collect(_ slots: SlotRecords, count: Int) {
        for slot in stride(from: UInt32(count), to: 0, by: -1) {
            let entry = slots.entry(slot - 1)
            if !VectorStore.hasLabel(entry.state) { usable[entry.level, default: []].append(slot - 1) }
        }
    }

    /// A slot of `level` to be used again.
    mutating func take(level: Int) -> UInt32? { usable[level]?.popLast() }

    /// Gives back slots that were taken and not used.
    mutating func putBack(_ slots: [(slot: UInt32, level: Int)]) {
        for entry in slots { insert(entry) }
    }

    /// Slots that the next checkpoint frees.
    var freedCount: Int { freed.count }

    mutating func free(_ slots: [(slot: UInt32, level: Int)]) { freed.append(contentsOf: slots) }

    /// The file knows of all that were freed; searches that began before `epoch` ended may still see them.
    mutating func checkpoint(epoch: UInt64) {
        if !freed.isEmpty { waiting.append((epoch, freed)) }
        freed.removeAll()
    }

    /// Makes usable what nobody can see any more.
    mutating func reclaim(_ readers: Readers) {
        while let first = waiting.first, readers.havePassed(first.epoch) {
            var levels: Set<Int> = []
            for entry in first.slots {
                usable[entry.level, default: []].append(entry.slot)
                levels.insert(entry.level)
            }
            for level in levels { usable[level]?.sort(by: >) }
            waiting.removeFirst()
        }
    }

    private mutating func insert(_ entry: (slot: UInt32, level: Int)) {
        var slots = usable[entry.level] ?? []
        let place = slots.firstIndex { $0 < entry.slot } ?? slots.count
        slots.insert(entry.slot, at: place)
        usable[entry.level] = slots
    }
}
