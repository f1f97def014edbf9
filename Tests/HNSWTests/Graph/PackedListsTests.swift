import Allocation
import TestSupport
import Testing

@testable import HNSW

/// Link lists in few bits: what comes out is what went in.
@Suite struct PackedListsTests {
    private func unpacked(_ lists: PackedLists, _ slot: UInt32, _ capacity: Int) throws -> [UInt32]? {
        let room = try Memory<UInt32>(capacity)
        return lists.unpack(slot, into: room.buffer).map { count in (0..<count).map { room.buffer[$0] } }
    }

    @Test(arguments: [0, 1, 255, 1 << 20, 1 << 24, UInt32.max])
    func `lists of any ids`(highest: UInt32) throws {
        var random = SeededGenerator(seed: UInt64(highest) + 1)
        let capacity = 32, lists = try PackedLists(capacity: capacity, slots: 500, count: 500)
        try lists.extend(slots: 500)
        var wanted: [[UInt32]] = []
        for slot in 0..<500 {
            let count = slot % (capacity + 1)
            let list = (0..<count).map { _ in
                highest == .max
                    ? UInt32(truncatingIfNeeded: random.next()) : UInt32(random.next() % (UInt64(highest) + 1))
            }
            wanted.append(list)
            let memory = try Memory<UInt32>(capacity)
            for (index, id) in list.enumerated() { memory.buffer[index] = id }
            lists.update([(UInt32(slot), memory.buffer, count)])
        }
        for slot in 0..<500 { #expect(try unpacked(lists, UInt32(slot), capacity) == wanted[slot]) }
        #expect(lists.byteCount < 500 * (4 * capacity + 8))
    }

    @Test func `a list that is replaced, and one that is not there`() throws {
        let lists = try PackedLists(capacity: 4, slots: 10, count: 10), memory = try Memory<UInt32>(4)
        try lists.extend(slots: 10)
        #expect(try unpacked(lists, 3, 4) == nil)
        for round in 0..<200 as Range<UInt32> {
            for index in 0..<4 { memory.buffer[index] = round &* 1000 &+ UInt32(index) }
            lists.update([(3, memory.buffer, 4)])
            // When there is no room for more the list is nowhere, and read from the column.
            guard let found = try unpacked(lists, 3, 4) else {
                #expect(round > 10)
                break
            }
            #expect(found == (0..<4).map { round &* 1000 &+ $0 })
        }
        #expect(lists.lostWords > 0)
    }

    /// Half of the lists are packed, as while a store is being opened, or all.
    @Test(arguments: [0, 700, 1500])
    func `walks find the same by packed lists, before and after changes`(packed: Int) throws {
        func made() -> TestGraph {
            TestGraph(clusteredVectors(1500, dimensions: 8), connectivity: 6, width: 30, capacity: 1700)
        }
        let plain = made(), holder = made()
        // From now on by batches, as in an open store.
        for graph in [plain, holder] { graph.reopen() }
        try holder.graph.usePackedLists()
        holder.graph.packLists(0..<packed)
        func compare() throws {
            for query in clusteredVectors(40, dimensions: 8, skipping: 5000) {
                #expect(holder.search(query, count: 10, width: 40) == plain.search(query, count: 10, width: 40))
            }
            #expect(holder.scratch.distanceCount == plain.scratch.distanceCount)
        }
        try compare()
        for graph in [plain, holder] {
            graph.add(clusteredVectors(60, dimensions: 8, skipping: 9000))
            graph.erase([5, 17, 800])
        }
        try compare()
        for graph in [plain, holder] { graph.graph.fold() }
        try compare()
    }
}
