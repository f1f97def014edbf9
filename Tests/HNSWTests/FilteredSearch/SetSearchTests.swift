import TestSupport
import Testing

@testable import HNSW

/// One after the other: they share a graph, and with it the memory of its searches.
@Suite(.serialized) struct SetSearchTests {
    private static let vectors = clusteredVectors(4000, dimensions: 12)
    private static let queries = clusteredVectors(25, dimensions: 12, skipping: 8000)
    private static let graph = TestGraph(vectors)

    @Test(arguments: [1, 2, 10, 100, 1000, 4000])
    func `a scan of a set finds what a test of every slot finds`(everyNth: UInt32) throws {
        let holder = Self.graph, set = try SlotSet(holder.graph, in: holder.view) { $0 % everyNth == 0 }
        for (query, count) in zip(Self.queries, [1, 10, 100, 2048, 2049, 4000]) {
            let found = try search(holder, query, count, 10, set, .scan)
            let exact = try holder.withQuery(query) { query in
                let found = try holder.graph.exactSearch(
                    query, count: count, in: holder.view, scratch: holder.scratch, isAllowed: { $0 % everyNth == 0 })
                return (0..<found.count).map { found[$0].slot }
            }
            #expect(found.slots == exact && found.slots.count == min(count, set.count))
            #expect(found.distances == set.count)
        }
    }

    @Test(arguments: [SearchPlan.walkAll, .walkSet], [1, 2, 4, 10, 20])
    func `a walk finds nearly all, with fewer distances than a scan`(plan: SearchPlan, everyNth: UInt32) throws {
        let holder = Self.graph
        // By chance: slots that follow each other are no nearer than others.
        let set = try SlotSet(holder.graph, in: holder.view) { $0 &* 2_654_435_761 >> 8 % everyNth == 0 }
        var hits = 0, distances = 0
        for query in Self.queries {
            let found = try search(holder, query, 10, 40, set, plan)
            let exact = try search(holder, query, 10, 40, set, .scan)
            #expect(found.slots.count == 10 && Set(found.slots).count == 10)
            hits += Set(found.slots).intersection(exact.slots).count
            distances += found.distances
        }
        #expect(hits >= 238)
        if plan == .walkSet {
            // Only slots of the set: those of the upper layers apart, never more than a scan computes.
            #expect(distances < Self.queries.count * (set.count + 100))
            if everyNth > 1 && everyNth < 20 { #expect(distances < Self.queries.count * set.count / 2) }
        } else if everyNth <= 4 {
            #expect(distances < Self.queries.count * 2500)
        }
    }

    @Test(arguments: [SearchPlan.walkAll, .walkSet], [0, 1, 2, 9, 10, 11, 39, 40, 41, 300])
    func `min of k and the size of the set are found`(plan: SearchPlan, count: Int) throws {
        let holder = Self.graph
        var random = SeededGenerator(seed: UInt64(count))
        let slots = Array((0..<4000 as Range<UInt32>).shuffled(using: &random).prefix(count)).sorted()
        let set = try SlotSet(slots, in: holder.view)
        for query in Self.queries.prefix(8) {
            for k in [0, 1, 10, 40, 500] {
                let found = try search(holder, query, k, 20, set, plan)
                #expect(found.slots.count == min(k, count))
                #expect(found.slots.allSatisfy(Set(slots).contains) && Set(found.slots).count == found.slots.count)
                if k >= count { #expect(Set(found.slots) == Set(slots)) }
            }
        }
    }

    /// The nearest ones are exactly those that are not allowed: a walk has to cross them, or be given up. As many are allowed as
    /// where the store would choose such a walk.
    @Test(arguments: [(SearchPlan.walkAll, 2), (.walkAll, 8), (.walkSet, 8), (.walkSet, 20)])
    func `the far part is found, and the near one`(plan: SearchPlan, oneIn: Int) throws {
        let holder = Self.graph, count = 4000 / oneIn
        var hits = (near: 0, far: 0)
        for query in Self.queries.prefix(15) {
            let all = holder.exact(query, count: 4000)
            for isNear in [true, false] {
                let part = isNear ? all.prefix(count) : all.suffix(count)
                let found = try search(holder, query, 10, 40, try SlotSet(part.sorted(), in: holder.view), plan)
                let common = Set(found.slots).intersection(part.prefix(10)).count
                #expect(found.slots.count == 10)
                if isNear { hits.near += common } else { hits.far += common }
                // A walk that does not get there is given up before it costs much more than the scan.
                #expect(found.distances < 2 * count + 40 * 16 + 1200)
            }
        }
        #expect(hits.near >= 143)
        #expect(hits.far >= 143)
    }

    @Test func `a walk through a set does not depend on where it can get by itself`() throws {
        // Two clusters that nothing links, and queries in the one of which nothing is allowed.
        let near = clusteredVectors(2000, dimensions: 4), far = near.map { $0.map { $0 + 1000 } }
        let holder = TestGraph(near + far, connectivity: 4, width: 20)
        let set = try SlotSet(holder.graph, in: holder.view) { $0 >= 2000 }
        for query in clusteredVectors(5, dimensions: 4, skipping: 5000) {
            for plan in [SearchPlan.walkAll, .walkSet] {
                let found = try search(holder, query, 20, 30, set, plan)
                #expect(found.slots.count == 20 && found.slots.allSatisfy { $0 >= 2000 })
            }
        }
    }

    @Test func `the scratch is left clean`() throws {
        let holder = Self.graph, set = try SlotSet(holder.graph, in: holder.view) { $0 % 9 == 0 }
        let fresh = holder.search(Self.queries[0], count: 10, width: 50)
        for plan in [SearchPlan.scan, .walkAll, .walkSet] {
            let first = try search(holder, Self.queries[1], 10, 40, set, plan)
            #expect(holder.search(Self.queries[0], count: 10, width: 50) == fresh)
            #expect(try search(holder, Self.queries[1], 10, 40, set, plan).slots == first.slots)
        }
    }

    @Test func `a plan scans few slots, and walks among many`() {
        for rowBytes in [64, 512, 1536, 4096] {
            for width in [1, 10, 50, 400, .max] {
                for slots in [100, 10_000, 1_000_000, 100_000_000] {
                    let plans = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000].filter { $0 <= slots }.map {
                        SearchPlan(matches: $0, slots: slots, width: width, rowBytes: rowBytes)
                    }
                    // Once a walk is the better way it stays so.
                    #expect(plans.drop { $0 == .scan }.allSatisfy { $0 != .scan })
                    #expect(plans[0] == .scan)
                    if slots == 1_000_000 && width < 400 { #expect(plans.last == .walkAll) }
                }
            }
            #expect(SearchPlan(matches: 0, slots: 0, width: 1, rowBytes: rowBytes) == .scan)
        }
    }

    private func search(
        _ holder: TestGraph, _ query: [Float], _ count: Int, _ width: Int, _ set: SlotSet, _ plan: SearchPlan
    ) throws -> (slots: [UInt32], distances: Int) {
        try holder.withQuery(query) { query in
            let before = holder.scratch.distanceCount
            let found = try holder.graph.search(
                query, count: count, width: width, among: PlannedSet(set, by: plan), in: holder.view,
                scratch: holder.scratch)
            return ((0..<found.count).map { found[$0].slot }, holder.scratch.distanceCount - before)
        }
    }
}
