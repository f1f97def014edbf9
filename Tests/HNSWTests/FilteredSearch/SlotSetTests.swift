import TestSupport
import Testing

@testable import HNSW

@Suite struct SlotSetTests {
    private static let graph = TestGraph(clusteredVectors(9000, dimensions: 2), connectivity: 4, width: 8)

    @Test(arguments: [0, 1, 2, 31, 63, 64, 65, 280, 281, 282, 3000, 8999, 9000])
    func `a set made of a list and one made by a test are the same`(count: Int) throws {
        let holder = Self.graph, view = holder.view
        var random = SeededGenerator(seed: UInt64(count))
        let slots = Array((0..<9000 as Range<UInt32>).shuffled(using: &random).prefix(count)).sorted(),
            known = Set(slots)
        var asked: [UInt32] = []
        let listed = try SlotSet(slots, in: view)
        let tested = try SlotSet(holder.graph, in: view) {
            asked.append($0)
            return known.contains($0)
        }
        #expect(asked == Array(0..<9000))
        for set in [listed, tested] {
            #expect(set.count == count && set.slotCount == 9000)
            #expect(set.list == nil || set.list == slots)
            #expect(set.list != nil || set.words != nil)
            if let bits = SlotBits(set) {
                #expect((0..<9000).filter { bits.has($0) == 1 } == slots)
                #expect((0..<9000).filter { bits.finds($0) } == slots)
            } else {
                #expect(count * SlotSet.sparsest < 9000)
            }
        }
        // A list of more than the bits of all is not made.
        #expect((tested.list == nil) == (count * 32 > 9000))
    }

    @Test func `slots that are not visible are not in a set`() throws {
        let holder = TestGraph(clusteredVectors(300, dimensions: 3), inPlace: 200)
        let before = try SlotSet(holder.graph, in: holder.view) { $0 % 2 == 0 }
        #expect(before.count == 150 && before.isValid(for: holder.view))
        holder.erase([2, 3, 4])
        #expect(!before.isValid(for: holder.view))
        let after = try SlotSet(holder.graph, in: holder.view) { $0 % 2 == 0 }
        #expect(after.count == 148 && after.isValid(for: holder.view))
        let bits = SlotBits(after)
        #expect(bits?.has(2) == 0 && bits?.has(4) == 0 && bits?.has(6) == 1)
    }
}
