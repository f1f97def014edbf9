import Testing

@testable import HNSW

/// Data on which greedy graphs fall apart.
@Suite struct ReachabilityTests {
    /// Groups larger than a link list: if a node's list held nothing but its equals, the group would be an island.
    @Test func `equal vectors do not cut nodes off`() {
        var random = SplitMix(state: 4)
        let centres = (0..<20).map { _ in (0..<8).map { _ in random.nextUnit() * 10 } }
        let vectors = (0..<2000).map { centres[$0 % 20] }
        let graph = TestGraph(vectors, connectivity: 8, width: 60)
        var missed = 0
        for (index, centre) in centres.enumerated() {
            let found = graph.search(centre, count: 10, width: 50)
            missed += found.filter { $0 % 20 != index }.count
        }
        #expect(missed == 0, "of 200 neighbours at distance 0")
    }

    @Test func `one vector among a thousand equal ones is found`() {
        var vectors = [[Float]](repeating: [1, 2, 3, 4], count: 1000)
        vectors[500] = [50, 60, 70, 80]
        let graph = TestGraph(vectors, connectivity: 8, width: 60)
        #expect(graph.search([50, 60, 70, 80], count: 1, width: 50) == [500])
    }

    @Test func `a graph of equal vectors is whole`() {
        let holder = TestGraph([[Float]](repeating: [1, 2], count: 1500), connectivity: 4, width: 30)
        let graph = holder.graph
        var seen: Set<UInt32> = [graph.entryPoint]
        var waiting = [graph.entryPoint]
        while let slot = waiting.popLast() {
            for next in graph.neighbors(slot, level: 0) where seen.insert(next).inserted { waiting.append(next) }
        }
        #expect(seen.count == 1500)
        withExtendedLifetime(holder) {}
    }
}
