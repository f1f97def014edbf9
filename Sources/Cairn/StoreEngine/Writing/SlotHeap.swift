/// Some slots, of which the lowest comes first: a binary heap, so that neither putting one in nor taking one out looks
/// at all of them.
struct SlotHeap {
    /// No slot is below that at half its index.
    private var slots: [UInt32]

    /// Slots in ascending order are a heap as they are.
    init(ascending slots: [UInt32] = []) {
        self.slots = slots
    }

    mutating func insert(_ slot: UInt32) {
        slots.append(slot)
        var index = slots.count - 1
        while index > 0 && slots[(index - 1) / 2] > slots[index] {
            slots.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    mutating func removeLowest() -> UInt32? {
        guard let lowest = slots.first else { return nil }
        let last = slots.removeLast()
        guard !slots.isEmpty else { return lowest }
        slots[0] = last
        var index = 0
        while true {
            var child = 2 * index + 1
            if child + 1 < slots.count && slots[child + 1] < slots[child] { child += 1 }
            guard child < slots.count, slots[child] < slots[index] else { return lowest }
            slots.swapAt(index, child)
            index = child
        }
    }
}
