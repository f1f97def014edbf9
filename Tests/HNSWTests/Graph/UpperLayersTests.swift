import Testing

@testable import HNSW

@Suite struct UpperLayersTests {
    /// Three nodes: slot 4 of level 2, slot 9 of level 1, slot 2 of level 2; M is 3.
    private struct Arrays {
        var nodes: [UInt32] = [4, 2, 9, 1, 2, 2]
        var lists: [UInt32] = [
            2, 9, 2, 0,  // slot 4, level 1
            1, 2, 0, 0,  // slot 4, level 2
            1, 4, 77, 77,  // slot 9, level 1, with stale ids
            1, 4, 0, 0,  // slot 2, level 1
            1, 4, 0, 0,  // slot 2, level 2
        ]
        var listCount = 5
        var slotCount = 10
        var entryPoint: UInt32 = 4
        var maximumLevel = 2

        func read() -> UpperLayers? {
            let nodeMemory = memory(nodes), listMemory = memory(lists)
            defer { withExtendedLifetime((nodeMemory, listMemory)) {} }
            return try! UpperLayers(
                connectivity: 3, slots: 1000, nodes: nodeMemory.buffer, nodeCount: nodes.count / 2,
                lists: listMemory.buffer, listCount: listCount, slotCount: slotCount, entryPoint: entryPoint,
                maximumLevel: maximumLevel)
        }

        private func memory(_ values: [UInt32]) -> Memory<UInt32> {
            let memory = try! Memory<UInt32>(values.count)
            for (index, value) in values.enumerated() { memory.buffer[index] = value }
            return memory
        }

        func with(_ change: (inout Arrays) -> Void) -> Arrays {
            var copy = self
            change(&copy)
            return copy
        }
    }

    @Test func `sound arrays are taken over`() throws {
        let upper = try #require(Arrays().read())
        #expect(upper.nodeCount == 3 && upper.listCount == 5)
        #expect(ids(upper, 4, 1) == [9, 2] && ids(upper, 4, 2) == [2])
        #expect(ids(upper, 9, 1) == [4] && ids(upper, 2, 1) == [4] && ids(upper, 2, 2) == [4])
    }

    @Test func `nodes can be added to what was taken over`() throws {
        let upper = try #require(Arrays().read())
        for slot: UInt32 in 100..<400 { try upper.add(slot, level: 1 + Int(slot % 3)) }
        #expect(ids(upper, 4, 1) == [9, 2] && ids(upper, 2, 2) == [4])
        for slot: UInt32 in 100..<400 {
            for level in 1...(1 + Int(slot % 3)) { #expect(ids(upper, slot, level) == []) }
        }
    }

    @Test func `what a graph built is read back the same`() throws {
        let holder = TestGraph(clusteredVectors(3000, dimensions: 8), connectivity: 4, width: 30)
        let graph = holder.graph, built = graph.upper
        let lists = try Memory<UInt32>(built.listCount * built.listLength)
        for number in 0..<built.listCount {
            lists.buffer.dropFirst(number * built.listLength).copy(
                built.list(number: number), length: built.listLength)
        }
        let copy = try #require(
            try UpperLayers(
                connectivity: 4, slots: 3000, nodes: built.nodes.buffer, nodeCount: built.nodeCount,
                lists: lists.buffer, listCount: built.listCount, slotCount: graph.count, entryPoint: graph.entryPoint,
                maximumLevel: graph.maximumLevel))
        withExtendedLifetime(lists) {}
        for slot: UInt32 in 0..<3000 where graph.columns.level(slot) > 0 {
            for level in 1...graph.columns.level(slot) { #expect(ids(copy, slot, level) == ids(built, slot, level)) }
        }
        withExtendedLifetime(holder) {}
    }

    @Test func `lists of many nodes are found`() throws {
        let upper = try UpperLayers(connectivity: 2, slots: 80_000)
        for slot: UInt32 in 0..<5000 {
            try upper.add(slot * 16, level: 1 + Int(slot % 4))
            for level in 1...(1 + Int(slot % 4)) {
                let list = upper.list(number: upper.firstList(slot * 16)! + level - 1)
                list[0] = 1
                list[1] = slot * 4 + UInt32(level)
            }
        }
        for slot: UInt32 in 0..<5000 {
            for level in 1...(1 + Int(slot % 4)) {
                #expect(ids(upper, slot * 16, level) == [slot * 4 + UInt32(level)])
            }
        }
    }

    @Test func `hostile nodes are refused`() {
        #expect(Arrays().with { $0.nodes[0] = 10 }.read() == nil, "a slot that is not in use")
        #expect(Arrays().with { $0.nodes[0] = .max }.read() == nil, "slot + 1 overflows")
        #expect(Arrays().with { $0.nodes[2] = 4 }.read() == nil, "a node twice")
        #expect(Arrays().with { $0.nodes[3] = 0 }.read() == nil, "a level of 0")
        #expect(Arrays().with { $0.nodes[3] = 3 }.read() == nil, "a level above the highest")
        #expect(Arrays().with { $0.nodes[3] = .max }.read() == nil)
        #expect(Arrays().with { $0.nodes[1] = 1 }.read() == nil, "a list left over")
        #expect(Arrays().with { $0.nodes[3] = 2 }.read() == nil, "a list too few")
        #expect(Arrays().with { $0.listCount = 4 }.read() == nil)
        #expect(Arrays().with { $0.nodes = [] }.read() == nil)
    }

    @Test func `hostile lists are refused`() {
        #expect(Arrays().with { $0.lists[0] = 4 }.read() == nil, "more ids than M")
        #expect(Arrays().with { $0.lists[0] = 0xffff }.read() == nil)
        #expect(Arrays().with { $0.lists[1] = 10 }.read() == nil, "a slot that is not in use")
        #expect(Arrays().with { $0.lists[1] = 3 }.read() == nil, "a slot that is no node")
        #expect(Arrays().with { $0.lists[1] = .max }.read() == nil)
        #expect(Arrays().with { $0.lists[5] = 9 }.read() == nil, "a node without this level")
        #expect(Arrays().with { $0.lists[3] = .max }.read() != nil, "a stale id is nobody's business")
    }

    @Test func `an entry point without the highest level is refused`() {
        #expect(Arrays().with { $0.entryPoint = 9 }.read() == nil)
        #expect(Arrays().with { $0.entryPoint = 3 }.read() == nil)
        #expect(Arrays().with { $0.maximumLevel = 3 }.read() == nil)
        #expect(Arrays().with { $0.entryPoint = 2 }.read() != nil, "another node of that level will do")
    }

    @Test func `no nodes are fine where no level is`() {
        func empty(_ maximumLevel: Int) -> UpperLayers? {
            Arrays().with {
                $0.nodes = []
                $0.lists = []
                $0.listCount = 0
                $0.maximumLevel = maximumLevel
            }.read()
        }
        #expect(empty(0) != nil && empty(-1) != nil)
        #expect(empty(1) == nil)
    }

    private func ids(_ upper: UpperLayers, _ slot: UInt32, _ level: Int) -> [UInt32] {
        let (ids, count) = upper.publishedView.list(slot, level: level)
        #expect((0..<count).map { ids[$0] } == (0..<count).map { upper.newestView.list(slot, level: level).ids[$0] })
        return (0..<count).map { ids[$0] }
    }
}
