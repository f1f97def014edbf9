import CKernels
import FileFormat
import TestSupport
import Testing

@testable import HNSW

/// Lists and levels of a damaged file, as a writer meets them: whatever they say, changes read no list that is not there, and
/// write none that leads nowhere.
@Suite struct DamagedGraphTests {
    /// What a flipped bit, or somebody who means harm, may leave in the place of an id.
    private static let hostileIDs: [UInt32] = [0x8000_0000, .max, .max - 1, 0x7fff_ffff, 300, 301, 4_000_000]

    private let vectors = clusteredVectors(400, dimensions: 6)

    private func made(connectivity: Int = 4) -> TestGraph {
        TestGraph(Array(vectors[..<300]), connectivity: connectivity, width: 24, inPlace: 300, capacity: 600)
    }

    /// Puts an id into the list of every `step`-th slot.
    private func damageLinks(_ holder: TestGraph, step: Int, _ id: (Int) -> UInt32) {
        let capacity = holder.graph.parameters.capacity(level: 0)
        for slot in stride(from: 0, to: holder.graph.count, by: step) {
            let count = Int(holder.heads.buffer[slot] & 0xffff)
            holder.links.buffer[slot * capacity + slot % max(count, 1)] = id(slot)
        }
    }

    private func expectSoundLists(_ changes: GraphChanges, _ graph: Graph) {
        for list in changes.lists {
            let (ids, count, kept) = graph.contents(of: list)
            #expect(count <= graph.parameters.capacity(level: list.level))
            for index in kept..<count where ids[index] >= UInt32(graph.count) {
                Issue.record("slot \(list.slot) gets the link \(ids[index])")
            }
        }
    }

    @Test(arguments: [1, 3, 7])
    func `erasing and inserting beside links that lead nowhere`(step: Int) {
        let holder = made()
        damageLinks(holder, step: step) { Self.hostileIDs[$0 % Self.hostileIDs.count] }
        var random = SeededGenerator(seed: 5)
        for round in 0..<12 {
            let doomed = Array(holder.linkedSlots.shuffled(using: &random).prefix(round % 3 == 0 ? 1 : 9))
            let added = Array(vectors[(300 + 8 * round)..<(308 + 8 * round)])
            let (_, changes) = holder.makeBatch(adding: added, reusing: true, erasing: doomed)
            expectSoundLists(changes, holder.graph)
            holder.publish(changes)
        }
        #expect(holder.search(vectors[301], count: 5, width: 30).count == 5)
    }

    @Test func `lists whose length is no length, and that have one id many times`() {
        let holder = made(), capacity = holder.graph.parameters.capacity(level: 0)
        for slot in 0..<300 {
            if slot % 3 == 0 { holder.heads.buffer[slot] = [0xffff, UInt32(capacity + 1), 0x2_0009, 0][slot / 3 % 4] }
            if slot % 5 == 0 {
                for place in 0..<capacity { holder.links.buffer[slot * capacity + place] = UInt32(slot) }
            }
            if slot % 7 == 0 { for place in 0..<capacity { holder.links.buffer[slot * capacity + place] = 17 } }
        }
        var random = SeededGenerator(seed: 6)
        for round in 0..<12 {
            let doomed = Array(holder.linkedSlots.shuffled(using: &random).prefix(7))
            let (_, changes) = holder.makeBatch(
                adding: Array(vectors[(300 + 8 * round)..<(308 + 8 * round)]), reusing: true, erasing: doomed)
            expectSoundLists(changes, holder.graph)
            holder.publish(changes)
        }
    }

    @Test(arguments: [1, 3, 62, 200, 255])
    func `erasing slots whose row has another level than their lists`(level: UInt64) {
        let holder = made()
        for slot in 0..<300 where slot % 2 == 0 {
            holder.table.buffer[2 * slot + 1] = holder.table.buffer[2 * slot + 1] & ~0xff | level
        }
        let before = upperLists(holder, except: [])
        let doomed = holder.linkedSlots.filter { $0 % 14 == 0 }
        for slot in doomed { holder.erase([slot]) }
        // Lists above level 0 lose the erased ones at the most.
        let after = upperLists(holder, except: doomed)
        for (slot, lists) in after where !doomed.contains(slot) { #expect(lists.count == before[slot]?.count) }
        #expect(holder.graph.upper.level(0) == before[0]?.count ?? 0)
    }

    private func upperLists(_ holder: TestGraph, except erased: [UInt32]) -> [UInt32: [[UInt32]]] {
        let upper = holder.graph.upper
        return Dictionary(
            uniqueKeysWithValues: upper.nodesBySlot.map { slot, level in
                (slot, (1...level).map { level in holder.graph.neighbors(slot, level: level) })
            })
    }

    @Test func `levels are those of the lists`() {
        let holder = made(connectivity: 2), graph = holder.graph
        for slot in 0..<UInt32(300) { #expect(graph.upper.level(slot) == graph.slots.level(slot)) }
        for slot: UInt32 in [300, 5000, 0x8000_0000, .max] {
            #expect(graph.upper.level(slot) == 0 && graph.upper.firstList(slot) == nil)
            #expect(graph.neighbors(slot, level: 0) == [] && graph.neighbors(slot, level: 3) == [])
        }
        let highest = graph.entryPoint
        #expect(graph.neighbors(highest, level: graph.maximumLevel + 1) == [])
        #expect(graph.neighbors(highest, level: 255) == [])
    }

    @Test(arguments: [1, 3, 63, 64, 255])
    func `checking finds levels that are not those of the lists`(level: UInt64) throws {
        let holder = made(connectivity: 2)
        let wrong = (0..<300).filter { $0 % 3 == 0 && holder.graph.slots.level(UInt32($0)) != Int(level) }
        for slot in wrong { holder.table.buffer[2 * slot + 1] = holder.table.buffer[2 * slot + 1] & ~0xff | level }
        var found: [String] = []
        var check = GraphCheck(holder.graph, holder.view) { found.append($0) }
        try check.run()
        for slot in wrong { #expect(found.contains { $0.hasPrefix("slot \(slot) ") }, "slot \(slot)") }
    }

    // MARK: The log

    /// Begins a batch as replaying a log does.
    private func replaying(_ holder: TestGraph) -> Graph {
        holder.sequence = holder.sequence.next
        holder.graph.beginBatch(holder.sequence)
        return holder.graph
    }

    @Test func `a log gives a slot no level that its lists do not have`() throws {
        let holder = made(connectivity: 2)
        let node = try #require(
            holder.graph.upper.nodesBySlot.first { $0.level == 1 && $0.slot != holder.graph.entryPoint })
        holder.erase([node.slot])
        let graph = replaying(holder)
        // The row of the slot table says what the log says.
        graph.slots.setRow(node.slot, label: 5, level: 3, state: .erased, sequence: holder.sequence)
        #expect(try !graph.replayRow(node.slot, label: 5, level: 3, sequence: holder.sequence))
        graph.slots.setRow(node.slot, label: 5, level: 1, state: .erased, sequence: holder.sequence)
        #expect(try graph.replayRow(node.slot, label: 5, level: 1, sequence: holder.sequence))
    }

    @Test func `a log changes no list that a slot does not have`() throws {
        let holder = made(connectivity: 2)
        let nodes = holder.graph.upper.nodesBySlot
        let low = try #require(nodes.first { $0.level == 1 }), high = try #require(nodes.first { $0.level == 2 })
        let flat = try #require((0..<UInt32(300)).first { holder.graph.slots.level($0) == 0 })
        for slot in [low.slot, flat] {
            holder.table.buffer[2 * Int(slot) + 1] = holder.table.buffer[2 * Int(slot) + 1] & ~0xff | 2
        }
        let graph = replaying(holder)
        #expect(try !graph.replayList(low.slot, level: 2, kept: 0, added: [high.slot]))
        #expect(try !graph.replayList(flat, level: 2, kept: 0, added: [high.slot]))
        #expect(try !graph.replayList(high.slot, level: 2, kept: 0, added: [low.slot]))
        #expect(try !graph.replayList(high.slot, level: 1, kept: 0, added: [flat]))
        #expect(try graph.replayList(high.slot, level: 1, kept: 0, added: [low.slot]))
        #expect(try !graph.replayList(high.slot, level: 1, kept: 0, added: [.max]))
    }

    @Test func `a log names no entry point whose lists are not so many`() throws {
        let holder = made(connectivity: 2), entry = holder.graph.entryPoint, top = holder.graph.maximumLevel
        let low = try #require(holder.graph.upper.nodesBySlot.first { $0.level < top })
        holder.table.buffer[2 * Int(low.slot) + 1] = holder.table.buffer[2 * Int(low.slot) + 1] & ~0xff | UInt64(top)
        let graph = replaying(holder), state = graph.levels.state
        func commits(_ entryPoint: UInt32, _ level: Int) -> Bool {
            graph.replayCommit(count: graph.count, entryPoint: entryPoint, maximumLevel: level, levelState: state)
        }
        #expect(!commits(low.slot, top))
        #expect(!commits(entry, top + 1))
        #expect(commits(entry, top))
    }
}
