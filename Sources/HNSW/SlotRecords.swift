import Synchronization

/// Label, level and state of the slots that were changed since the last checkpoint, over a slot table that is not written
/// meanwhile; and the batches from which on, and up to which, searches find them. So a batch becomes visible as a whole:
/// a search goes by the number of the last batch that was published when it began.
@safe
package final class SlotRecords: @unchecked Sendable {
    /// Bit 0: the slot has a record. Bit 1: it is in the list of changed ones.
    private let flags: ReservedArray<Atomic<UInt8>>
    private let labels: ReservedArray<Atomic<UInt64>>
    private let levels: ReservedArray<UInt8>
    private let states: ReservedArray<Atomic<UInt8>>
    /// The first batch that has the slot live.
    private let born: ReservedArray<Atomic<UInt64>>
    /// The first batch that has it no longer; the highest number while it is live.
    private let died: ReservedArray<Atomic<UInt64>>
    /// How many checkpoints took the slot and have not forgotten it yet.
    private let takers: ReservedArray<UInt32>
    private let columns: Columns
    /// The slots with a record, in the order they came.
    package private(set) var changedSlots: [UInt32] = []

    /// What a slot table row says.
    package struct Entry: Sendable, Hashable {
        package var label: UInt64
        package var level: Int
        package var state: UInt8

        package init(label: UInt64, level: Int, state: UInt8) {
            self.label = label
            self.level = level
            self.state = state
        }
    }

    init(columns: Columns, slots: Int) {
        self.columns = columns
        flags = ReservedArray(capacity: slots)
        labels = ReservedArray(capacity: slots)
        levels = ReservedArray(capacity: slots)
        states = ReservedArray(capacity: slots)
        born = ReservedArray(capacity: slots)
        died = ReservedArray(capacity: slots)
        takers = ReservedArray(capacity: slots)
    }

    /// Makes room for slots below `count`.
    func extend(slots count: Int) {
        flags.extend(to: count)
        labels.extend(to: count)
        levels.extend(to: count)
        states.extend(to: count)
        born.extend(to: count)
        died.extend(to: count)
        takers.extend(to: count)
    }

    package var byteCount: Int { changedSlots.count * 35 }

    @inline(__always)
    package func hasRecord(_ slot: UInt32) -> Bool {
        unsafe (flags.base + Int(slot)).pointee.load(ordering: .acquiring) & 1 != 0
    }

    /// Whether a search that began after batch `sequence` was published finds the slot.
    @inline(__always)
    package func isVisible(_ slot: UInt32, at sequence: UInt64) -> Bool {
        guard hasRecord(slot) else { return columns.isLive(slot) }
        // In this order: what comes to life is born before it is immortal.
        let died = unsafe (died.base + Int(slot)).pointee.load(ordering: .acquiring)
        let born = unsafe (born.base + Int(slot)).pointee.load(ordering: .acquiring)
        return born <= sequence && sequence < died
    }

    /// Whether the slot is live or marked for readers that began after batch `sequence` was published.
    package func hasLabel(_ slot: UInt32, at sequence: UInt64) -> Bool {
        guard hasRecord(slot) else { return isSettled(slot) }
        return isVisible(slot, at: sequence) || state(slot) == Columns.markedState
    }

    /// Whether the slot was live or marked at the last checkpoint.
    package func isSettled(_ slot: UInt32) -> Bool {
        let state = columns.state(slot)
        return state == Columns.liveState || state == Columns.markedState
    }

    /// Whether the slot was live or marked at any time since the last checkpoint, or is about to be.
    package func mayHaveLabel(_ slot: UInt32) -> Bool { hasRecord(slot) || isSettled(slot) }

    /// The label of a slot that is visible, or that the writer asks for; of others what it is, was, or is about to be.
    @inline(__always)
    package func label(_ slot: UInt32) -> UInt64 {
        hasRecord(slot)
            ? unsafe (labels.base + Int(slot)).pointee.load(ordering: .relaxed) : columns.label(slot)
    }

    /// The newest level. Only the writer, and checks, ask.
    package func level(_ slot: UInt32) -> Int {
        hasRecord(slot) ? unsafe Int(levels.base[Int(slot)]) : columns.level(slot)
    }

    /// The newest state.
    @inline(__always)
    package func state(_ slot: UInt32) -> UInt8 {
        hasRecord(slot) ? unsafe (states.base + Int(slot)).pointee.load(ordering: .relaxed) : columns.state(slot)
    }

    package func entry(_ slot: UInt32) -> Entry {
        Entry(label: label(slot), level: level(slot), state: state(slot))
    }

    /// Gives the slot to a new row, of batch `sequence`: only for one that no search can find any more.
    package func setRow(_ slot: UInt32, label: UInt64, level: Int, state: UInt8, sequence: UInt64) {
        makeRecord(slot)
        unsafe (died.base + Int(slot)).pointee.store(0, ordering: .relaxed)
        unsafe (labels.base + Int(slot)).pointee.store(label, ordering: .relaxed)
        unsafe levels.base[Int(slot)] = UInt8(level)
        setState(slot, state, sequence: sequence)
    }

    /// Changes the state, for searches from batch `sequence` on.
    package func setState(_ slot: UInt32, _ state: UInt8, sequence: UInt64) {
        makeRecord(slot)
        let index = Int(slot)
        let death = unsafe (died.base + index).pointee.load(ordering: .relaxed)
        let wasLive = death == .max, isLive = state == Columns.liveState
        unsafe (states.base + index).pointee.store(state, ordering: .relaxed)
        if isLive && death == sequence {
            // It died in this batch, which nobody has seen.
            unsafe (died.base + index).pointee.store(.max, ordering: .releasing)
        } else if isLive && !wasLive {
            unsafe (born.base + index).pointee.store(sequence, ordering: .releasing)
            unsafe (died.base + index).pointee.store(.max, ordering: .releasing)
        } else if !isLive && wasLive {
            unsafe (died.base + index).pointee.store(sequence, ordering: .releasing)
        }
    }

    /// A slot's record, to go back to it.
    package struct Snapshot: Sendable {
        package let slot: UInt32
        fileprivate let label: UInt64, level: UInt8, state: UInt8, died: UInt64
    }

    package func snapshot(_ slot: UInt32) -> Snapshot {
        makeRecord(slot)
        let index = Int(slot)
        return unsafe Snapshot(
            slot: slot, label: (labels.base + index).pointee.load(ordering: .relaxed), level: levels.base[index],
            state: (states.base + index).pointee.load(ordering: .relaxed),
            died: (died.base + index).pointee.load(ordering: .relaxed))
    }

    /// The batch of birth stays what it is: no batch changes that of a live slot, and a slot that was not live is invisible
    /// by its death, whatever the order in which a search loads the two.
    package func restore(_ snapshot: Snapshot) {
        let index = Int(snapshot.slot)
        unsafe (labels.base + index).pointee.store(snapshot.label, ordering: .relaxed)
        unsafe levels.base[index] = snapshot.level
        unsafe (states.base + index).pointee.store(snapshot.state, ordering: .relaxed)
        unsafe (died.base + index).pointee.store(snapshot.died, ordering: .releasing)
    }

    private func makeRecord(_ slot: UInt32) {
        let index = Int(slot), flag = unsafe (flags.base + index).pointee.load(ordering: .relaxed)
        guard flag != 3 else { return }
        if flag == 0 {
            let isLive = columns.isLive(slot)
            unsafe (labels.base + index).pointee.store(columns.label(slot), ordering: .relaxed)
            unsafe levels.base[index] = UInt8(columns.level(slot))
            unsafe (states.base + index).pointee.store(columns.state(slot), ordering: .relaxed)
            unsafe (born.base + index).pointee.store(0, ordering: .relaxed)
            unsafe (died.base + index).pointee.store(isLive ? .max : 0, ordering: .relaxed)
        }
        unsafe (flags.base + index).pointee.store(3, ordering: .releasing)
        changedSlots.append(slot)
    }

    /// The slots changed since this was last called, for a checkpoint that writes them to the slot table. Their records
    /// stay until `forget`.
    package func takeChangedSlots() -> [UInt32] {
        for slot in changedSlots {
            unsafe takers.base[Int(slot)] += 1
            unsafe (flags.base + Int(slot)).pointee.store(1, ordering: .releasing)
        }
        defer { changedSlots.removeAll() }
        return changedSlots
    }

    /// Drops the records of those of `slots`, which `takeChangedSlots` gave, that were not changed again and that no later
    /// checkpoint took: the slot table says the same, and no search is left that began before it did.
    package func forget(_ slots: [UInt32]) {
        for slot in slots {
            unsafe takers.base[Int(slot)] -= 1
            guard unsafe takers.base[Int(slot)] == 0 else { continue }
            guard unsafe (flags.base + Int(slot)).pointee.load(ordering: .relaxed) == 1 else { continue }
            unsafe (flags.base + Int(slot)).pointee.store(0, ordering: .releasing)
        }
    }
}
