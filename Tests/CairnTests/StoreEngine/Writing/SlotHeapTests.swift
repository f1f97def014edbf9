import TestSupport
import Testing

@testable import Cairn

@Suite struct SlotHeapTests {
    @Test func `the lowest comes first, whatever the order they came in`() {
        var random = SeededGenerator(seed: 4), heap = SlotHeap(ascending: [3, 10, 11, 40]),
            model: [UInt32] = [3, 10, 11, 40]
        for _ in 0..<5000 {
            if random.next() % 5 < 3 {
                let slot = UInt32(random.next() % 1000)
                heap.insert(slot)
                model.append(slot)
            } else {
                model.sort(by: >)
                #expect(heap.removeLowest() == model.popLast())
            }
        }
        for slot in model.sorted() { #expect(heap.removeLowest() == slot) }
        #expect(heap.removeLowest() == nil)
    }
}
