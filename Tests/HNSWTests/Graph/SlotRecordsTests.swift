import FileFormat
import Synchronization
import TestSupport
import Testing
import Threading

@testable import HNSW

@Suite struct SlotRecordsTests {
    private static let live = SlotState.live, marked = SlotState.marked, erased = SlotState.erased
    private let holder: TestGraph
    private let records: SlotRecords

    /// Slots 0..<20 are live in the slot table, 20..<40 are not in use.
    init() throws {
        holder = TestGraph([[Float]](repeating: [1], count: 20), connectivity: 4, capacity: 40)
        records = try SlotRecords(columns: holder.graph.columns, slots: 40)
        try records.extend(slots: 40)
    }

    private func visible(_ slot: UInt32, _ sequences: ClosedRange<UInt64>) -> [UInt64] {
        sequences.filter { records.isVisible(slot, at: BatchNumber(rawValue: $0)) }
    }

    @Test func `without a record the slot table speaks`() {
        #expect(records.isVisible(7, at: 0) && records.isVisible(7, at: 1_000_000))
        #expect(!records.isVisible(30, at: 5) && !records.hasLabel(30, at: 5) && records.hasLabel(7, at: 5))
        #expect(records.entry(7) == .init(label: 1007, level: holder.graph.columns.level(7), state: Self.live))
        #expect(!records.hasRecord(7) && records.changedSlots.isEmpty)
    }

    @Test func `a slot is visible from the batch that it is born in to the one that it dies in`() {
        records.setRow(25, label: 77, level: 3, state: Self.erased, sequence: 5)
        #expect(visible(25, 0...9) == [])
        records.setState(25, Self.live, sequence: 5)
        #expect(visible(25, 0...9) == [5, 6, 7, 8, 9])
        records.setState(25, Self.marked, sequence: 8)
        #expect(visible(25, 0...9) == [5, 6, 7])
        #expect(records.hasLabel(25, at: 9))
        records.setState(25, Self.erased, sequence: 9)
        #expect(visible(25, 0...9) == [5, 6, 7], "it was dead already")
        #expect(!records.hasLabel(25, at: 9) && records.hasLabel(25, at: 7))
        #expect(records.entry(25) == .init(label: 77, level: 3, state: Self.erased))
        records.setState(4, Self.erased, sequence: 6)
        #expect(visible(4, 0...9) == [0, 1, 2, 3, 4, 5])
        records.setRow(4, label: 5, level: 0, state: Self.live, sequence: 8)
        #expect(visible(4, 6...9) == [8, 9])
        #expect(records.changedSlots == [25, 4])
    }

    @Test func `it dies in the batch that it is born in`() {
        records.setRow(25, label: 77, level: 3, state: Self.live, sequence: 5)
        records.setState(25, Self.erased, sequence: 5)
        #expect(visible(25, 0...9) == [])
    }

    @Test func `the writer's own view sees what is live now`() {
        records.setRow(25, label: 77, level: 3, state: Self.live, sequence: 5)
        records.setState(3, Self.erased, sequence: 5)
        let newest = holder.graph.newestView.sequence
        #expect(
            records.isVisible(25, at: newest) && !records.isVisible(3, at: newest) && records.isVisible(4, at: newest))
    }

    /// Random changes against a list of what each slot was after each batch.
    @Test func `visibility is that of a history`() {
        var random = SeededGenerator(seed: 9), history: [[SlotState]] = (0..<40).map { [$0 < 20 ? .live : .unused] }
        for number in 1...400 as ClosedRange<UInt64> {
            let sequence = BatchNumber(rawValue: number)
            for slot in 0..<40 {
                history[slot].append(history[slot].last!)
                guard random.next() % 8 == 0 else { continue }
                let now = history[slot].last!
                let next =
                    now == Self.live || now == Self.marked
                    ? [Self.live, Self.marked, Self.erased].randomElement(using: &random)! : Self.live
                history[slot][Int(number)] = next
                if now != Self.live && now != Self.marked {
                    records.setRow(UInt32(slot), label: number, level: 0, state: Self.erased, sequence: sequence)
                }
                records.setState(UInt32(slot), next, sequence: sequence)
            }
            if number % 50 == 0 { records.forget(records.takeChangedSlotsInto(holder.graph.columns)) }
            for slot in 0..<40 {
                let states = history[slot]
                // Searches that began before a slot came to life again may miss its former life.
                let lastDeath = states.lastIndex { $0 != Self.live } ?? -1
                let lastBirth = states.last == Self.live ? lastDeath + 1 : (states.lastIndex(of: Self.live) ?? 0)
                for seen in number - 1...number where Int(seen) >= lastBirth && number % 50 != 0 {
                    #expect(
                        records.isVisible(UInt32(slot), at: BatchNumber(rawValue: seen))
                            == (states[Int(seen)] == Self.live))
                }
                #expect(records.state(UInt32(slot)) == states.last!)
                #expect(records.isVisible(UInt32(slot), at: sequence) == (states.last! == Self.live))
            }
        }
    }

    @Test func `a snapshot goes back to what was`() {
        records.setRow(25, label: 77, level: 3, state: Self.live, sequence: 5)
        let slots: [UInt32] = [3, 25, 30], before = slots.map { records.entry($0) }
        let visibleBefore = slots.map { visible($0, 0...12) }
        let snapshots = slots.map { records.snapshot($0) }
        records.setState(3, Self.marked, sequence: 9)
        records.setState(25, Self.erased, sequence: 9)
        records.setRow(30, label: 1, level: 1, state: Self.live, sequence: 9)
        #expect(slots.map { visible($0, 0...12) } != visibleBefore)
        for snapshot in snapshots { records.restore(snapshot) }
        #expect(slots.map { records.entry($0) } == before)
        #expect(slots.map { visible($0, 0...12) } == visibleBefore)
    }

    /// A batch that makes a marked slot live again and is undone must not show the slot to anybody.
    @Test func `nobody sees a slot while its snapshot is restored`() {
        records.setState(3, Self.marked, sequence: 2)
        let snapshot = records.snapshot(3), isOver = Atomic<Bool>(false), seen = Atomic<Int>(0), records = records
        WorkerTeam(2).run { thread in
            if thread == 0 {
                for _ in 0..<200_000 {
                    records.setState(3, Self.live, sequence: 10)
                    records.restore(snapshot)
                }
                isOver.store(true, ordering: .releasing)
            } else {
                while !isOver.load(ordering: .acquiring) {
                    if records.isVisible(3, at: 9) { seen.add(1, ordering: .relaxed) }
                }
            }
        }
        #expect(seen.load(ordering: .relaxed) == 0)
    }

    /// ThreadSanitizer sees to it that this is no race.
    @Test func `labels may be read while slots get others`() {
        let isOver = Atomic<Bool>(false), wrong = Atomic<Int>(0), records = records
        records.setRow(25, label: 0, level: 0, state: Self.erased, sequence: 1)
        WorkerTeam(2).run { thread in
            if thread == 0 {
                for round in 1...50_000 as ClosedRange<UInt64> {
                    // Both halves of a label are the same.
                    records.setRow(
                        25, label: round << 32 | round, level: 0, state: Self.marked,
                        sequence: BatchNumber(rawValue: round))
                }
                isOver.store(true, ordering: .releasing)
            } else {
                while !isOver.load(ordering: .acquiring) {
                    let label = records.label(25)
                    if label >> 32 != label & 0xffff_ffff { wrong.add(1, ordering: .relaxed) }
                }
            }
        }
        #expect(wrong.load(ordering: .relaxed) == 0)
    }

    @Test func `records are dropped once the slot table has them`() {
        records.setState(3, Self.marked, sequence: 2)
        records.setRow(25, label: 77, level: 3, state: Self.live, sequence: 2)
        let taken = records.takeChangedSlots()
        #expect(taken == [3, 25] && records.changedSlots == [] && records.hasRecord(3))
        #expect(records.takeChangedSlots() == [])
        records.setState(25, Self.erased, sequence: 4)
        #expect(records.changedSlots == [25])
        records.forget(taken)
        #expect(!records.hasRecord(3), "the slot table says the same")
        #expect(records.hasRecord(25) && visible(25, 0...6) == [2, 3], "it was changed again")
        records.forget(records.takeChangedSlots())
        #expect(!records.hasRecord(25) && records.byteCount == 0)
    }

    @Test func `what a later checkpoint took stays for the searches of that time`() {
        // Two checkpoints, and a search that began between them: only it holds the second one's records.
        records.setRow(25, label: 77, level: 0, state: Self.live, sequence: 2)
        let first = records.takeChangedSlots()
        records.setState(25, Self.erased, sequence: 4)
        let second = records.takeChangedSlots()
        #expect(second == [25])
        records.forget(first)
        #expect(records.hasRecord(25) && visible(25, 0...6) == [2, 3])
        records.forget(second)
        #expect(!records.hasRecord(25))
        // However often.
        var taken: [[UInt32]] = []
        for number in 10..<300 as Range<UInt64> {
            let state = number % 2 == 0 ? Self.marked : Self.live
            records.setState(7, state, sequence: BatchNumber(rawValue: number))
            taken.append(records.takeChangedSlots())
        }
        for slots in taken.dropLast() {
            records.forget(slots)
            #expect(records.hasRecord(7) && visible(7, 299...310) == Array(299...310))
        }
    }
}

extension SlotRecords {
    /// What a checkpoint does, without a file.
    fileprivate func takeChangedSlotsInto(_ columns: Columns) -> [UInt32] {
        let slots = takeChangedSlots()
        for slot in slots { columns.setEntry(slot, entry(slot)) }
        return slots
    }
}
