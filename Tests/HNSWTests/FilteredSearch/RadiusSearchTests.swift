import FileFormat
import TestSupport
import Testing

@testable import HNSW

@Suite struct RadiusSearchTests {
    private let vectors = clusteredVectors(2000, dimensions: 12)
    private let queries = clusteredVectors(40, dimensions: 12, skipping: 5000)

    @Test(arguments: [1, 10, 100, 700])
    func `a walk finds what is within the radius`(catches: Int) throws {
        let graph = TestGraph(vectors)
        var hits = 0
        for query in queries {
            let radius = try radius(graph, query, catches)
            let found = try walk(graph, query, radius, width: 30)
            let exact = try scan(graph, query, radius)
            #expect(exact.slots.count >= catches && !exact.isTruncated)
            #expect(found.slots == found.slots.filter(Set(exact.slots).contains), "in the order of a scan's")
            #expect(!found.isTruncated)
            hits += found.slots.count
        }
        #expect(Double(hits) >= 0.98 * Double(catches * queries.count))
    }

    /// Of 200 within the radius the nearest.
    @Test(arguments: [1, 7, 50, 199])
    func `a limit keeps the nearest`(limit: Int) throws {
        let graph = TestGraph(vectors)
        var hits = 0
        for query in queries {
            let radius = try radius(graph, query, 200)
            let found = try walk(graph, query, radius, limit: limit, width: 60),
                exact = try scan(graph, query, radius, limit: limit)
            #expect(found.isTruncated && exact.isTruncated)
            #expect(found.slots.count == limit)
            #expect(exact.slots == graph.exact(query, count: limit))
            hits += Set(found.slots).intersection(exact.slots).count
        }
        #expect(Double(hits) >= 0.97 * Double(limit * queries.count))
    }

    @Test func `as many as the limit allows is not too many`() throws {
        let graph = TestGraph(vectors)
        for query in queries {
            let radius = try radius(graph, query, 20), count = try scan(graph, query, radius).slots.count
            #expect(try !scan(graph, query, radius, limit: count).isTruncated)
            #expect(try scan(graph, query, radius, limit: count - 1).isTruncated)
            #expect(try !walk(graph, query, radius, limit: count, width: 60).isTruncated)
        }
    }

    /// The nearest vector is far outside: the walk ends after as many candidates as it is wide.
    @Test func `nothing within the radius costs what a search costs`() throws {
        let graph = TestGraph(vectors)
        for width in [1, 20, 60] {
            let before = graph.scratch.distanceCount
            for query in queries { #expect(try walk(graph, query, -1, width: width).slots == []) }
            let middle = graph.scratch.distanceCount
            for query in queries { _ = graph.search(query, count: 1, width: width) }
            #expect(middle - before <= graph.scratch.distanceCount - middle)
        }
    }

    /// The limit bounds the work: of 2000 within the radius, 10 are asked for.
    @Test func `a limit costs what a search for as many costs`() throws {
        let graph = TestGraph(vectors)
        let before = graph.scratch.distanceCount
        for query in queries { #expect(try walk(graph, query, .infinity, limit: 10, width: 30).slots.count == 10) }
        let middle = graph.scratch.distanceCount
        for query in queries { _ = graph.search(query, count: 10, width: 40) }
        #expect(Double(middle - before) <= 1.1 * Double(graph.scratch.distanceCount - middle))
    }

    @Test func `a walk of all reaches all`() throws {
        let graph = TestGraph(vectors)
        #expect(try Set(walk(graph, queries[0], .infinity, width: 10).slots).count == 2000)
        #expect(try scan(graph, queries[0], .infinity).slots.count == 2000)
        #expect(try walk(graph, queries[0], -.infinity, width: 10).slots == [])
    }

    @Test func `the limit on distances gives up and leaves the scratch clean`() throws {
        let graph = TestGraph(vectors)
        let gaveUp = try graph.withQuery(queries[0]) { query in
            try graph.graph.radiusSearch(
                query, within: SearchRadius(.infinity, limit: .max), WalkLimits(width: 50, distances: 500),
                in: graph.view, scratch: graph.scratch) == nil
        }
        #expect(gaveUp)
        let again = graph.search(queries[0], count: 10, width: 50)
        #expect(again == TestGraph(vectors).search(queries[0], count: 10, width: 50))
    }

    @Test func `what is dead or not allowed is walked through and takes no place`() throws {
        let holder = TestGraph(vectors, inPlace: 2000)
        for slot: UInt32 in 0..<2000 where slot % 3 != 0 {
            unsafe holder.graph.columns.slotTable.storeBytes(of: 2, toByteOffset: Int(slot) * 16 + 9, as: UInt8.self)
        }
        holder.graph.show(sequence: 0, hasDeadSlots: true)
        var hits = 0, wanted = 0
        for query in queries {
            let radius = try radius(holder, query, 60)
            let found = try walk(holder, query, radius, limit: 10, width: 30) { $0 % 2 == 0 }
            let exact = try scan(holder, query, radius, limit: 10) { $0 % 2 == 0 }
            #expect(exact.slots.count == 10 && exact.isTruncated)
            #expect(found.slots.allSatisfy { $0 % 6 == 0 })
            hits += Set(found.slots).intersection(exact.slots).count
            wanted += exact.slots.count
        }
        #expect(Double(hits) >= 0.97 * Double(wanted))
    }

    @Test func `an empty graph has nothing within any radius`() throws {
        let graph = TestGraph([[1, 2]], inPlace: 0, capacity: 10)
        _ = graph
        let empty = try Graph(
            columns: graph.graph.columns, distances: graph.graph.distances, parameters: graph.graph.parameters,
            levels: LevelGenerator(seed: 1, connectivity: 16), capacity: 10, writesInPlace: true)
        try graph.withQuery([1, 2]) { query in
            let view = empty.publishedView, scratch = SearchScratch()
            let radius = SearchRadius(5, limit: 5)
            let found = try empty.radiusSearch(query, within: radius, WalkLimits(width: 5), in: view, scratch: scratch)
            #expect(found?.candidates.count == 0 && found?.isTruncated == false)
            #expect(
                try empty.exactRadiusSearch(query, within: radius, in: view, scratch: scratch).candidates.count
                    == 0)
        }
    }

    @Test func `the heap gives the smallest first`() throws {
        var random = SeededGenerator(seed: 8)
        var heap = CandidateHeap(try Memory(1)), model: [Candidate] = []
        for slot: UInt32 in 0..<3000 {
            let candidate = Candidate(distance: Float(random.next() % 50), slot: slot)
            switch random.next() % 4 {
            case 0 where !model.isEmpty:
                heap.removeMinimum()
                model.removeFirst()
            case 1 where !model.isEmpty:
                heap.replaceMinimum(candidate)
                model.removeFirst()
                model.append(candidate)
            default:
                try heap.insert(candidate)
                model.append(candidate)
            }
            model.sort()
            #expect(heap.minimum == model.first && heap.count == model.count)
        }
        #expect((0..<heap.count).map { heap.candidates[$0] }.sorted() == model)
    }

    @Test func `a pool gives back the place of what is taken out`() throws {
        let scratch = SearchScratch()
        try scratch.prepare(slots: 0, width: 8, batch: 1)
        var pool = CandidatePool(scratch)
        let candidates = (0..<8).map { Candidate(distance: Float($0), slot: UInt32($0)) }
        for candidate in candidates { _ = pool.insert(candidate, width: 8) }
        pool.remove(Candidate(distance: 3, slot: 100))
        pool.remove(Candidate(distance: 9, slot: 1))
        #expect(pool.size == 8)
        for index in [0, 7, 3] { pool.remove(candidates[index]) }
        #expect((0..<pool.size).map { pool.candidates[$0].slot } == [1, 2, 4, 5, 6])
    }

    // MARK: -

    private struct Found {
        let slots: [UInt32]
        let isTruncated: Bool

        init(_ found: RegionFound) {
            slots = (0..<found.candidates.count).map { found.candidates[$0].slot }
            isTruncated = found.isTruncated
        }
    }

    /// The distance of the `count`th nearest.
    private func radius(_ graph: TestGraph, _ query: [Float], _ count: Int) throws -> Float {
        try graph.withQuery(query) { query in
            let found = try graph.graph.exactSearch(query, count: count, in: graph.view, scratch: graph.scratch)
            return found[found.count - 1].distance
        }
    }

    private func walk(
        _ graph: TestGraph, _ query: [Float], _ radius: Float, limit: Int = .max, width: Int,
        isAllowed: ((UInt32) -> Bool)? = nil
    ) throws -> Found {
        try graph.withQuery(query) { query in
            Found(
                try graph.graph.radiusSearch(
                    query, within: SearchRadius(radius, limit: limit), WalkLimits(width: width), in: graph.view,
                    scratch: graph.scratch,
                    isAllowed: isAllowed)!)
        }
    }

    private func scan(
        _ graph: TestGraph, _ query: [Float], _ radius: Float, limit: Int = .max,
        isAllowed: ((UInt32) -> Bool)? = nil
    ) throws -> Found {
        try graph.withQuery(query) { query in
            Found(
                try graph.graph.exactRadiusSearch(
                    query, within: SearchRadius(radius, limit: limit), among: ScanScope(where: isAllowed),
                    in: graph.view,
                    scratch: graph.scratch))
        }
    }
}
