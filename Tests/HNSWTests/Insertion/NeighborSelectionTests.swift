import TestSupport
import Testing

@testable import HNSW

/// Vectors of small whole numbers, so that every distance is exact however it is summed.
@Suite struct NeighborSelectionTests {
    private let vectors: [[Float]]
    private let holder: TestGraph

    init() {
        var random = SeededGenerator(seed: 11)
        vectors = (0..<300).map { _ in (0..<4).map { _ in Float(random.next() % 16) } }
        holder = TestGraph(vectors, connectivity: 8, width: 20)
    }

    @Test(arguments: [1, 2, 3, 4, 5, 8, 16, 31, 64])
    func `it chooses as the plain heuristic does`(limit: Int) throws {
        let selection = NeighborSelection(), expansion = try Memory<Float>(64)
        try selection.prepare(limit: limit)
        for node: UInt32 in 0..<60 {
            for count in [0, 1, limit - 1, limit, limit + 1, 40, 299] {
                let candidates = nearest(to: node, count)
                let memory = try Memory<Candidate>(candidates.count)
                for (index, candidate) in candidates.enumerated() {
                    // A pool that was searched has flags; they must not matter.
                    memory.buffer[index] = index % 2 == 0 ? candidate : candidate | Candidate.expandedFlag
                }
                let kept = selection.choose(
                    memory.buffer, candidates.count, limit: limit, in: holder.graph, expansion: expansion.buffer)
                let expected = reference(candidates, limit: limit)
                #expect((0..<kept).map { selection.slots[$0] } == expected.map(\.slot))
                #expect((0..<kept).map { selection.chosen[$0] } == expected)
            }
        }
    }

    @Test func `its lists point apart`() throws {
        // A node amid a cluster on its left and one far point on its right.
        let line: [[Float]] = [[0], [-1], [-2], [-3], [-4], [10]]
        let graph = TestGraph(line, connectivity: 2, width: 10)
        let memory = try Memory<Candidate>(5), selection = NeighborSelection(), expansion = try Memory<Float>(64)
        for slot: UInt32 in 1...5 {
            memory.buffer[Int(slot) - 1] = Candidate(distance: line[Int(slot)][0] * line[Int(slot)][0], slot: slot)
        }
        try selection.prepare(limit: 3)
        let kept = selection.choose(memory.buffer, 5, limit: 3, in: graph.graph, expansion: expansion.buffer)
        #expect((0..<kept).map { selection.slots[$0] } == [1, 5])
        withExtendedLifetime((graph, memory, expansion)) {}
    }

    private func distance(_ a: UInt32, _ b: UInt32) -> Float {
        zip(vectors[Int(a)], vectors[Int(b)]).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }

    private func nearest(to node: UInt32, _ count: Int) -> [Candidate] {
        let all = (0..<UInt32(vectors.count)).filter { $0 != node }
            .map { Candidate(distance: distance(node, $0), slot: $0) }
        return Array(all.sorted().prefix(max(count, 0)))
    }

    /// Malkov and Yashunin's algorithm 4 as hnswlib has it: without extending, without filling up.
    private func reference(_ candidates: [Candidate], limit: Int) -> [Candidate] {
        if candidates.count < limit { return candidates }
        var kept: [Candidate] = []
        for candidate in candidates where kept.count < limit {
            if kept.allSatisfy({ distance($0.slot, candidate.slot) >= candidate.distance }) { kept.append(candidate) }
        }
        return kept
    }
}
