import Allocation
import FileFormat
import HNSW
import SystemPackage

/// The slots of a store that go along when it is written elsewhere: live and marked ones, with new numbers, without the
/// gaps that erased and superseded ones leave. 4 bytes a slot if there are such.
struct DenseSlots {
    /// How many there are.
    let count: Int
    /// The nodes above level 0 among them, by slot.
    let nodes: [(slot: UInt32, level: Int)]
    /// The new number of each slot, the highest u32 for those that stay behind; nil if all go along.
    let numbers: UncheckedBuffer<UInt32>?
    private let memory: Memory<UInt32>?
    private let view: GraphView

    /// `keepsAll`: whatever the slots' states are. Throws `corrupt` where states or levels are not those that the
    /// store's counts and lists have: what is made of such a store would have the damage and right checksums. `path`:
    /// the store's, for the message.
    init(
        _ graph: Graph, _ view: GraphView, _ counts: StoreCounts, keepsAll: Bool = false, path: FilePath?
    ) throws(StoreError) {
        self.view = view
        try Self.check(graph, view, counts, path)
        // Twice, once as they are and once without those that stay behind.
        try takingMemory(for: path, ProcessMemory.expect(2 * 16 * graph.upper.nodeCount))
        let all = graph.upper.nodesBySlot
        guard !keepsAll && counts.free > 0 else {
            (count, nodes, numbers, memory) = (view.count, all, nil, nil)
            return
        }
        let memory = try takingMemory(for: path, Memory<UInt32>(view.count))
        var next: UInt32 = 0
        for slot in 0..<UInt32(view.count) {
            let goes = graph.slots.state(slot).hasLabel
            memory.buffer[Int(slot)] = goes ? next : .max
            next += goes ? 1 : 0
        }
        count = Int(next)
        nodes = all.filter { memory.buffer[Int($0.slot)] != .max }
        self.memory = memory
        numbers = memory.buffer
    }

    private static func check(
        _ graph: Graph, _ view: GraphView, _ counts: StoreCounts, _ path: FilePath?
    ) throws(StoreError) {
        var found = StoreCounts()
        found.position = counts.position
        for slot in 0..<UInt32(view.count) {
            let entry = graph.slots.entry(slot)
            guard entry.state.isUsed,
                entry.level == graph.upper.level(slot)
            else { throw .damagedSlots("slot \(slot) has state \(entry.state) and level \(entry.level)", path) }
            found.move(from: .unused, to: entry.state)
        }
        guard found == counts else { throw .damagedSlots("its slots are not in the states that it counts", path) }
    }

    /// The new number of a slot; nil if it stays behind.
    func number(_ slot: UInt32) -> UInt32? {
        guard let numbers else { return slot }
        return numbers[Int(slot)] == .max ? nil : numbers[Int(slot)]
    }

    /// Copies a list, under the new numbers, to `words`: head and ids.
    func copyList(_ slot: UInt32, level: Int, to words: UncheckedBuffer<UInt32>) {
        if let numbers {
            view.copyList(slot, level: level, to: words, numbers: numbers)
        } else {
            view.copyList(slot, level: level, to: words)
        }
    }

    /// The new number of the entry point, and the highest level, which is its own; nil if there is no slot. A damaged
    /// store's entry point may be of a lower level, or not go along: then it is another one.
    var entryPoint: (slot: UInt32, level: Int)? {
        guard count > 0 else { return nil }
        let highest = nodes.reduce(0) { max($0, $1.level) }
        let level = nodes.first { $0.slot == view.entryPoint }?.level ?? 0
        let entry = level == highest ? view.entryPoint : nodes.first { $0.level == highest }!.slot
        return (number(entry) ?? 0, highest)
    }
}
