import CKernels
import FileFormat
import TestSupport
import Testing

@testable import HNSW

@Suite struct AnchorTests {
    /// Rows of which many crowd around one vector.
    enum Rows: CaseIterable {
        case equal, fifthEqual, aroundZero

        func vectors(_ count: Int) -> [[Float]] {
            var random = SeededGenerator(seed: 7)
            return (0..<count).map { row in
                let others = (0..<16).map { _ in random.nextUnit() + random.nextUnit() - 1 }
                return switch self {
                case .equal: [Float](repeating: 1, count: 16)
                case .fifthEqual: row % 5 == 0 ? [Float](repeating: 1, count: 16) : others
                case .aroundZero: row % 20 == 0 ? [Float](repeating: 0, count: 16) : others
                }
            }
        }
    }

    /// Link lists read for each row of the second half.
    private func listsPerRow(_ rows: Rows, count: Int, batch: Int?) -> (lists: Double, graph: TestGraph) {
        let vectors = rows.vectors(count)
        let graph = TestGraph(
            Array(vectors[..<(count / 2)]), connectivity: 8, width: 32, inPlace: batch == nil ? nil : count / 2,
            capacity: count)
        if batch == nil { graph.reopen() }
        let before = graph.insertion.work.hops
        var next = count / 2
        while next < count {
            let end = min(count, next + (batch ?? 64))
            graph.add(Array(vectors[next..<end]))
            next = end
        }
        return (Double(graph.insertion.work.hops - before) / Double(count - count / 2), graph)
    }

    @Test(arguments: Rows.allCases, [1, 64])
    func `a row among many equal ones reads no more lists than one among few`(rows: Rows, batch: Int) throws {
        let (few, _) = listsPerRow(rows, count: 300, batch: batch)
        let (many, graph) = listsPerRow(rows, count: 1200, batch: batch)
        #expect(many < 2.5 * few, "\(few) lists a row among 300, \(many) among 1,200")
        var problems: [String] = []
        var check = GraphCheck(graph.graph, graph.view) { problems.append($0) }
        try check.run()
        #expect(check.unreachable.isEmpty && check.repeating.isEmpty && problems.isEmpty)
    }

    // MARK: Full lists

    /// A chain of `count` slots, each of which is the anchor of the next and of two later ones: with M of 2 no list of the chain has
    /// room. The slot after the last has no links.
    private func fullChain(_ count: Int) -> TestGraph {
        let total = 3 * count + 3
        let holder = TestGraph(
            [[Float]](repeating: [1], count: total), connectivity: 2, width: 4, inPlace: total, capacity: total + 10)
        for slot in 0..<count {
            let next = slot + 1 < count ? slot + 1 : total - 2, before = slot > 0 ? slot - 1 : total - 1
            link(holder, slot, [next, 2 * slot + count + 1, 2 * slot + count + 2, before])
            for child in [2 * slot + count + 1, 2 * slot + count + 2] { link(holder, child, [slot]) }
        }
        link(holder, count, [])
        link(holder, total - 2, [count - 1])
        link(holder, total - 1, [0])
        return holder
    }

    private func link(_ holder: TestGraph, _ slot: Int, _ list: [Int]) {
        holder.heads.buffer[slot] = UInt32(list.count)
        for (index, id) in list.enumerated() { holder.links.buffer[4 * slot + index] = UInt32(id) }
    }

    private func hasAnchor(_ graph: Graph, _ slot: UInt32) -> Bool {
        graph.neighbors(slot, level: 0).contains {
            $0 < slot && graph.isLinked($0) && graph.neighbors($0, level: 0).contains(slot)
        }
    }

    @Test func `finding one does not look at every earlier slot`() throws {
        let count = 1000, holder = fullChain(count), graph = holder.graph, scratch = SearchScratch()
        let slot = UInt32(count)
        #expect(!hasAnchor(graph, slot))
        let before = (0..<UInt32(graph.count)).filter { hasAnchor(graph, $0) }
        #expect(before.count == graph.count - 2, "all but the first and this one")
        holder.sequence = holder.sequence.next
        graph.beginBatch(holder.sequence)
        try graph.prepare(scratch, slots: graph.count, width: 1, batch: 64 * graph.parameters.capacity(level: 0))
        try graph.anchor(slot, scratch)
        holder.publish(graph.endBatch())
        #expect(hasAnchor(graph, slot))
        for other in before where !hasAnchor(graph, other) { Issue.record("slot \(other) lost its anchor") }
        #expect(scratch.hopCount > 0 && scratch.hopCount < 1000, "lists looked at: \(scratch.hopCount)")
    }

    /// The hint is a slot's number, and slots are used again for other vectors.
    @Test func `a slot among equal ones that has another vector now is no longer one of them`() {
        let equal = Rows.equal.vectors(60)
        let graph = TestGraph(Array(equal[..<40]), connectivity: 4, inPlace: 40, capacity: 80)
        graph.reopen()
        let stranger = graph.add([[Float](repeating: -50, count: 16)])[0]
        for slot in 0..<40 as Range<UInt32> { graph.graph.lastOfEquals.remember(stranger, of: slot) }
        for row in equal[40...] {
            let slot = graph.add([row])[0]
            #expect(!graph.graph.contains(slot, stranger, in: graph.view))
        }
    }

    @Test func `when near neighbors are erased, one of the nearest that are left links back`() {
        var random = SeededGenerator(seed: 3)
        let vectors = (0..<900).map { _ in (0..<12).map { _ in random.nextUnit() } }
        let graph = TestGraph(vectors, connectivity: 5, width: 40, inPlace: 900)
        graph.reopen()
        for target in stride(from: 0, to: 900, by: 15) {
            let near = graph.exact(vectors[target], count: 5).dropFirst().filter { Int($0) % 15 != 0 }
            graph.erase(Array(near))
        }
        let changed = graph.graph, view = graph.view
        var lonely: [UInt32] = []
        for slot in 0..<UInt32(900) where changed.isLinked(slot) {
            let near = changed.nearNeighbors(slot, in: view, graph.scratch)
            if !near.contains(where: { changed.contains($0, slot, in: view) }) { lonely.append(slot) }
        }
        #expect(lonely.count <= 3, "\(lonely)")
    }
}
