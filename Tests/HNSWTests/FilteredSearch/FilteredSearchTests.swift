import FileFormat
import TestSupport
import Testing

@testable import HNSW

@Suite struct FilteredSearchTests {
    private let vectors = clusteredVectors(2000, dimensions: 12)
    private let queries = clusteredVectors(40, dimensions: 12, skipping: 5000)

    @Test(arguments: [1, 2, 10, 100])
    func `it finds the nearest of what is allowed`(everyNth: UInt32) throws {
        let graph = TestGraph(vectors)
        var hits = 0, wanted = 0
        for query in queries {
            let found = try filtered(graph, query, 10, 60) { $0 % everyNth == 0 }
            let exact = try allowed(graph, query, 10) { $0 % everyNth == 0 }
            #expect(found?.count == exact.count)
            #expect(found?.allSatisfy { $0 % everyNth == 0 } == true)
            hits += Set(found ?? []).intersection(exact).count
            wanted += exact.count
        }
        #expect(Double(hits) / Double(wanted) > 0.95)
    }

    @Test func `nothing allowed, nothing found`() throws {
        let graph = TestGraph(vectors)
        #expect(try filtered(graph, queries[0], 10, 50) { _ in false } == [])
    }

    @Test func `the limit on distances gives up`() throws {
        let graph = TestGraph(vectors)
        #expect(try filtered(graph, queries[0], 10, 50, limit: 300) { _ in false } == nil)
        #expect(try filtered(graph, queries[0], 10, 50, limit: 300) { $0 == 1999 } == nil)
        // The scratch is left clean for the next search.
        let fresh = SearchScratch()
        let again = try graph.withQuery(queries[0]) { query in
            let found = try graph.graph.search(query, count: 10, width: 50, in: graph.view, scratch: fresh)
            return (0..<found.count).map { found[$0].slot }
        }
        #expect(graph.search(queries[0], count: 10, width: 50) == again)
    }

    @Test func `with all allowed it finds what a search finds`() throws {
        let graph = TestGraph(vectors)
        for query in queries {
            #expect(try filtered(graph, query, 10, 50) { _ in true } == graph.search(query, count: 10, width: 50))
        }
    }

    @Test func `slots that the slot table has as dead are walked through and not returned`() {
        let holder = TestGraph(vectors, inPlace: 2000), graph = holder.graph
        for slot: UInt32 in 0..<2000 where slot % 3 != 0 {
            unsafe graph.columns.slotTable.storeBytes(of: 2, toByteOffset: Int(slot) * 16 + 9, as: UInt8.self)
        }
        graph.show(sequence: 0, hasDeadSlots: true)
        var hits = 0
        for query in queries {
            let found = holder.search(query, count: 10, width: 60), exact = holder.exact(query, count: 10)
            #expect(found.count == 10 && found.allSatisfy { $0 % 3 == 0 })
            #expect(exact.allSatisfy { $0 % 3 == 0 })
            hits += Set(found).intersection(exact).count
        }
        #expect(hits > 380)
    }

    @Test func `the frontier is a queue by distance`() throws {
        var random = SeededGenerator(seed: 8)
        let memory = try Memory<Candidate>(1)
        var frontier = CandidateHeap(memory), model: [Candidate] = []
        for slot: UInt32 in 0..<3000 {
            if random.next() % 3 > 0 {
                let candidate = Candidate(distance: Float(random.next() % 50), slot: slot)
                try frontier.insert(candidate)
                model.append(candidate)
            } else {
                let smallest = model.min()
                #expect(frontier.minimum == smallest)
                if smallest != nil { frontier.removeMinimum() }
                model.removeAll { $0 == smallest }
            }
        }
        for candidate in model.sorted() {
            #expect(frontier.minimum == candidate)
            frontier.removeMinimum()
        }
        #expect(frontier.minimum == nil)
    }

    @Test(arguments: [1, 3, 50, 700, 5000])
    func `a test is made once for each slot, and only for visible ones`(everyNth: UInt32) throws {
        let graph = TestGraph(vectors, inPlace: 1000)
        graph.erase((0..<2000).filter { $0 % 7 == 3 })
        var tested = 0, hits = 0, wanted = 0
        for query in queries {
            var asked: [UInt32: Int] = [:]
            let found = try tests(graph, query, 10, 40) { slot in
                asked[slot, default: 0] += 1
                return slot % everyNth == 1 % everyNth
            }
            #expect(asked.values.allSatisfy { $0 == 1 } && asked.keys.allSatisfy { $0 % 7 != 3 })
            tested += asked.count
            let exact = try allowed(graph, query, 10) { $0 % everyNth == 1 % everyNth }
            #expect(found.count == exact.count)
            #expect(found.allSatisfy { $0 % 7 != 3 && $0 % everyNth == 1 % everyNth })
            hits += Set(found).intersection(exact).count
            wanted += exact.count
        }
        #expect(Double(hits) > 0.95 * Double(wanted))
        // Those that are too far away are not asked about, unless too few are found.
        if everyNth < 50 { #expect(tested < queries.count * 1000) } else { #expect(tested >= queries.count * 1500) }
    }

    private func filtered(
        _ graph: TestGraph, _ query: [Float], _ count: Int, _ width: Int, limit: Int = .max,
        isAllowed: (UInt32) -> Bool
    ) throws -> [UInt32]? {
        try graph.withQuery(query) { query in
            let found = try graph.graph.filteredSearch(
                query, count: count, WalkLimits(width: width, distances: limit), in: graph.view, scratch: graph.scratch,
                isAllowed: isAllowed)
            return found.map { found in (0..<found.count).map { found[$0].slot } }
        }
    }

    private func tests(
        _ graph: TestGraph, _ query: [Float], _ count: Int, _ width: Int, where isAllowed: (UInt32) -> Bool
    ) throws -> [UInt32] {
        try graph.withQuery(query) { query in
            let found = try graph.graph.search(
                query, count: count, width: width, in: graph.view, scratch: graph.scratch,
                where: isAllowed)
            return (0..<found.count).map { found[$0].slot }
        }
    }

    private func allowed(
        _ graph: TestGraph, _ query: [Float], _ count: Int, isAllowed: @escaping (UInt32) -> Bool
    ) throws -> [UInt32] {
        try graph.withQuery(query) { query in
            let found = try graph.graph.exactSearch(
                query, count: count, in: graph.view, scratch: graph.scratch, isAllowed: isAllowed)
            return (0..<found.count).map { found[$0].slot }
        }
    }
}
