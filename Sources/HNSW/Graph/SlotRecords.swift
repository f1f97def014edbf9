package import Allocation
package import FileFormat
import Synchronization

/// Label, level and state of the slots that were changed since the last checkpoint, over a slot table that is not
/// written meanwhile; and the batches from which on, and up to which, searches find them. So a batch becomes visible as
/// a whole: a search goes by the number of the last batch that was published when it began.
@safe
package final class SlotRecords: @unchecked Sendable {
    // Sendable because what searches read of a record is atomic, and the rest belongs to the thread that writes, or
    // that checks while it waits.

    /// Bit 0: the slot has a record. Bit 1: it is in the list of changed ones.
    private let flags: ReservedArray<Atomic<UInt8>>
    private let records: ReservedArray<Record>
    private let columns: Columns
    /// The slots with a record, in the order they came.
    package private(set) var changedSlots: [UInt32] = []

    /// What a slot table row says.
    package struct Entry: Sendable, Hashable {
        package var label: UInt64
        package var level: Int
        package var state: SlotState

        package init(label: UInt64, level: Int, state: SlotState) {
            self.label = label
            self.level = level
            self.state = state
        }
    }

    /// What is kept of a slot, all zeros at first.
    private struct Record: ~Copyable {
        let label: Atomic<UInt64>
        /// The first batch that has the slot live.
        let born: Atomic<UInt64>
        /// The first batch that has it no longer; the highest number while it is live.
        let died: Atomic<UInt64>
        /// How many checkpoints took the slot and have not forgotten it yet.
        var takers: UInt32
        var level: UInt8
        let state: Atomic<UInt8>
    }

    init(columns: Columns, slots: Int) throws(OutOfMemory) {
        self.columns = columns
        flags = try ReservedArray(capacity: slots)
        records = try ReservedArray(capacity: slots)
    }

    /// Makes room for slots below `count`.
    func extend(slots count: Int) throws(OutOfMemory) {
        try flags.extend(to: count)
        try records.extend(to: count)
    }

    /// Throws unless `count` more slots can be noted as changed.
    package func expectRoom(for count: Int) throws(OutOfMemory) {
        try changedSlots.expectRoom(for: count)
    }

    package var byteCount: Int { changedSlots.count * (MemoryLayout<Record>.stride + 5) }

    @inline(__always)
    private func record(_ slot: UInt32) -> UnsafeMutablePointer<Record> { unsafe records.base + Int(slot) }

    @inline(__always)
    package func hasRecord(_ slot: UInt32) -> Bool {
        unsafe (flags.base + Int(slot)).pointee.load(ordering: .acquiring) & 1 != 0
    }

    /// Whether a search that began after batch `sequence` was published finds the slot.
    @inline(__always)
    package func isVisible(_ slot: UInt32, at sequence: BatchNumber) -> Bool {
        guard hasRecord(slot) else { return columns.isLive(slot) }
        // In this order: what comes to life is born before it is immortal.
        let record = unsafe record(slot)
        let died = unsafe record.pointee.died.load(ordering: .acquiring)
        let born = unsafe record.pointee.born.load(ordering: .acquiring)
        return born <= sequence.rawValue && sequence.rawValue < died
    }

    /// Whether the slot is live or marked for readers that began after batch `sequence` was published.
    package func hasLabel(_ slot: UInt32, at sequence: BatchNumber) -> Bool {
        guard hasRecord(slot) else { return isSettled(slot) }
        return isVisible(slot, at: sequence) || state(slot) == .marked
    }

    /// Whether the slot was live or marked at the last checkpoint.
    package func isSettled(_ slot: UInt32) -> Bool {
        SlotState.isLinked(columns.stateByte(slot))
    }

    /// Whether the slot was live or marked at any time since the last checkpoint, or is about to be.
    package func mayHaveLabel(_ slot: UInt32) -> Bool { hasRecord(slot) || isSettled(slot) }

    /// The label of a slot that is visible, or that the writer asks for; of others what it is, was, or is about to be.
    @inline(__always)
    package func label(_ slot: UInt32) -> UInt64 {
        hasRecord(slot) ? unsafe record(slot).pointee.label.load(ordering: .relaxed) : columns.label(slot)
    }

    /// The newest level. Only the writer, and checks, ask.
    package func level(_ slot: UInt32) -> Int {
        hasRecord(slot) ? unsafe Int(record(slot).pointee.level) : columns.level(slot)
    }

    /// The newest state.
    @inline(__always)
    func stateByte(_ slot: UInt32) -> UInt8 {
        hasRecord(slot) ? unsafe record(slot).pointee.state.load(ordering: .relaxed) : columns.stateByte(slot)
    }

    /// The newest state.
    package func state(_ slot: UInt32) -> SlotState { SlotState(rawValue: stateByte(slot)) }

    package func entry(_ slot: UInt32) -> Entry {
        Entry(label: label(slot), level: level(slot), state: state(slot))
    }

    /// Gives the slot to a new row, of batch `sequence`: only for one that no search can find any more.
    package func setRow(_ slot: UInt32, label: UInt64, level: Int, state: SlotState, sequence: BatchNumber) {
        makeRecord(slot)
        let record = unsafe record(slot)
        unsafe record.pointee.died.store(0, ordering: .relaxed)
        unsafe record.pointee.label.store(label, ordering: .relaxed)
        unsafe record.pointee.level = UInt8(level)
        setState(slot, state, sequence: sequence)
    }

    /// Changes the state, for searches from batch `sequence` on.
    package func setState(_ slot: UInt32, _ state: SlotState, sequence: BatchNumber) {
        makeRecord(slot)
        let record = unsafe record(slot)
        let death = unsafe record.pointee.died.load(ordering: .relaxed)
        let wasLive = death == .max, isLive = state == .live
        unsafe record.pointee.state.store(state.rawValue, ordering: .relaxed)
        if isLive && death == sequence.rawValue {
            // It died in this batch, which nobody has seen.
            unsafe record.pointee.died.store(.max, ordering: .releasing)
        } else if isLive && !wasLive {
            unsafe record.pointee.born.store(sequence.rawValue, ordering: .releasing)
            unsafe record.pointee.died.store(.max, ordering: .releasing)
        } else if !isLive && wasLive {
            unsafe record.pointee.died.store(sequence.rawValue, ordering: .releasing)
        }
    }

    /// A slot's record, to go back to it.
    package struct Snapshot: Sendable {
        package let slot: UInt32
        fileprivate let label: UInt64, level: UInt8, state: UInt8, died: UInt64
    }

    package func snapshot(_ slot: UInt32) -> Snapshot {
        makeRecord(slot)
        let record = unsafe record(slot)
        return unsafe Snapshot(
            slot: slot, label: record.pointee.label.load(ordering: .relaxed), level: record.pointee.level,
            state: record.pointee.state.load(ordering: .relaxed), died: record.pointee.died.load(ordering: .relaxed))
    }

    /// The batch of birth stays what it is: no batch changes that of a live slot, and a slot that was not live is
    /// invisible by its death, whatever the order in which a search loads the two.
    package func restore(_ snapshot: Snapshot) {
        let record = unsafe record(snapshot.slot)
        unsafe record.pointee.label.store(snapshot.label, ordering: .relaxed)
        unsafe record.pointee.level = snapshot.level
        unsafe record.pointee.state.store(snapshot.state, ordering: .relaxed)
        unsafe record.pointee.died.store(snapshot.died, ordering: .releasing)
    }

    private func makeRecord(_ slot: UInt32) {
        let index = Int(slot), flag = unsafe (flags.base + index).pointee.load(ordering: .relaxed)
        guard flag != 3 else { return }
        if flag == 0 {
            let record = unsafe record(slot), isLive = columns.isLive(slot)
            unsafe record.pointee.label.store(columns.label(slot), ordering: .relaxed)
            unsafe record.pointee.level = UInt8(columns.level(slot))
            unsafe record.pointee.state.store(columns.stateByte(slot), ordering: .relaxed)
            unsafe record.pointee.born.store(0, ordering: .relaxed)
            unsafe record.pointee.died.store(isLive ? .max : 0, ordering: .relaxed)
        }
        unsafe (flags.base + index).pointee.store(3, ordering: .releasing)
        changedSlots.append(slot)
    }

    /// The slots changed since this was last called, for a checkpoint that writes them to the slot table. Their records
    /// stay until `forget`.
    package func takeChangedSlots() -> [UInt32] {
        for slot in changedSlots {
            unsafe record(slot).pointee.takers += 1
            unsafe (flags.base + Int(slot)).pointee.store(1, ordering: .releasing)
        }
        defer { changedSlots.removeAll() }
        return changedSlots
    }

    /// Drops the records of those of `slots`, which `takeChangedSlots` gave, that were not changed again and that no
    /// later checkpoint took: the slot table says the same, and no search is left that began before it did.
    package func forget(_ slots: [UInt32]) {
        for slot in slots {
            unsafe record(slot).pointee.takers -= 1
            guard unsafe record(slot).pointee.takers == 0 else { continue }
            guard unsafe (flags.base + Int(slot)).pointee.load(ordering: .relaxed) == 1 else { continue }
            unsafe (flags.base + Int(slot)).pointee.store(0, ordering: .releasing)
        }
    }
}
