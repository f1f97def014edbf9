import Testing

@testable import HNSW

@Suite struct LevelZeroWalkTests {
    @Test func `walks that nobody finishes give their memory back`() throws {
        let holder = TestGraph(clusteredVectors(100, dimensions: 4), connectivity: 4, width: 20)
        weak var borrowed: SearchScratch?
        try holder.withQuery(holder.vectors[7]) { query in
            let scratch = SearchScratch(), graph = holder.graph
            borrowed = scratch
            try holder.graph.prepare(scratch, slots: 100, width: 10, batch: 8)
            var walks = WalksInTurns<EverySlot>()
            walks.append(
                LevelZeroWalk(
                    graph, DistanceComputer(query, graph.distances), from: Candidate(distance: 1, slot: 0),
                    WalkWidth(10), in: holder.view, rule: EverySlot(), scratch))
        }
        #expect(borrowed == nil)
    }
}
