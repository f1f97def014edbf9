import FileFormat
import Testing

@testable import HNSW

@Suite struct DocumentSearchTests {
    private let vectors = clusteredVectors(2000, dimensions: 12)
    private let queries = clusteredVectors(40, dimensions: 12, skipping: 5000)

    /// Documents of 1, 10 and 200 slots.
    @Test(arguments: [2000, 200, 10] as [UInt32])
    func `a walk finds the best documents`(documents: UInt32) throws {
        let graph = TestGraph(vectors)
        var hits = 0
        for query in queries {
            let found = try walk(graph, query, 8, width: min(40, Int(documents))) { UInt64($0 % documents) }
            let wanted = try model(graph, query, 8) { UInt64($0 % documents) }
            #expect(found.count == 8 && Set(found.map(\.document)).count == 8)
            #expect(found.allSatisfy { UInt64($0.neighbors[0].slot % documents) == $0.document })
            hits += Set(found.map { $0.neighbors[0].slot }).intersection(wanted.map { $0.neighbors[0].slot }).count
        }
        #expect(Double(hits) >= 0.98 * Double(8 * queries.count))
    }

    /// Ties are between slots, which sort as candidates do: nothing may differ. 2049: more than a sorted pool is used for.
    @Test(arguments: [0, 1, 3, 199, 200, 201, 2049], [1, 3, 1000])
    func `a scan finds the best documents and their nearest`(count: Int, neighborsEach: Int) throws {
        let graph = TestGraph(vectors)
        for query in queries.prefix(3) {
            let found = try scan(graph, query, count, neighborsEach) { $0 % 7 == 0 ? nil : UInt64($0 / 10) }
            let wanted = try model(graph, query, count, neighborsEach) { $0 % 7 == 0 ? nil : UInt64($0 / 10) }
            #expect(found.count == wanted.count && found.count == min(count, 200))
            for (found, wanted) in zip(found, wanted) {
                #expect(found.document == wanted.document && found.neighbors == wanted.neighbors)
            }
        }
    }

    @Test func `the neighbours of a document come nearest first, and the best is among them`() throws {
        let graph = TestGraph(vectors)
        for query in queries {
            let one = try walk(graph, query, 5, width: 30) { UInt64($0 % 100) }
            let several = try walk(graph, query, 5, width: 30, neighborsEach: 4) { UInt64($0 % 100) }
            #expect(one.map(\.document) == several.map(\.document))
            for (one, several) in zip(one, several) {
                #expect(one.neighbors == Array(several.neighbors.prefix(1)))
                #expect(several.neighbors.count == 4 && several.neighbors == several.neighbors.sorted())
                #expect(Set(several.neighbors).count == several.neighbors.count)
                #expect(several.neighbors.allSatisfy { UInt64($0.slot % 100) == several.document })
            }
        }
    }

    @Test func `slots of no document, and dead ones, are walked through`() throws {
        let holder = TestGraph(vectors, inPlace: 2000)
        for slot: UInt32 in 0..<2000 where slot % 3 != 0 {
            unsafe holder.graph.columns.slotTable.storeBytes(of: 2, toByteOffset: Int(slot) * 16 + 9, as: UInt8.self)
        }
        holder.graph.show(sequence: 0, hasDeadSlots: true)
        for query in queries {
            let found = try walk(holder, query, 10, width: 40) { slot in
                #expect(slot % 3 == 0, "asked for a slot that is not live")
                return slot % 2 == 0 ? UInt64(slot % 100) : nil
            }
            #expect(found.count == 10 && found.allSatisfy { $0.neighbors[0].slot % 6 == 0 })
        }
    }

    @Test func `the limit on distances gives up and leaves the scratch clean`() throws {
        let graph = TestGraph(vectors)
        let gaveUp = try graph.withQuery(queries[0]) { query in
            try graph.graph.documentSearch(
                query, count: 10, WalkLimits(width: 50, distances: 500), in: graph.view,
                scratch: graph.scratch
            ) { _ in 1 } == nil
        }
        #expect(gaveUp)
        let again = graph.search(queries[0], count: 10, width: 50)
        #expect(again == TestGraph(vectors).search(queries[0], count: 10, width: 50))
    }

    /// Where labels lead is in another file than the slots, and may be damaged.
    @Test func `a document keeps the slot that it was found by`() throws {
        let graph = TestGraph(clusteredVectors(500, dimensions: 6), connectivity: 8, width: 40)
        let found = try walk(graph, graph.vectors[3], 5, width: 30) { UInt64($0 / 4) }
        let complete = try graph.withQuery(graph.vectors[3]) { query in
            try graph.graph.addNeighbors(
                query, count: 3, to: found, DocumentMembers([499]) { UInt64($0 / 4) }, in: graph.view,
                scratch: graph.scratch)
        }
        #expect(complete.map(\.document) == found.map(\.document))
        #expect(complete.map(\.neighbors) == found.map(\.neighbors))
    }

    // MARK: -

    private func walk(
        _ graph: TestGraph, _ query: [Float], _ count: Int, width: Int, neighborsEach: Int = 1,
        document: @escaping (UInt32) -> UInt64?
    ) throws -> [RankedDocument] {
        try graph.withQuery(query) { query in
            let found = try graph.graph.documentSearch(
                query, count: count, WalkLimits(width: width), in: graph.view, scratch: graph.scratch,
                document: document)!
            guard neighborsEach > 1 else { return found }
            return try graph.graph.addNeighbors(
                query, count: neighborsEach, to: found, DocumentMembers(document: document), in: graph.view,
                scratch: graph.scratch)
        }
    }

    private func scan(
        _ graph: TestGraph, _ query: [Float], _ count: Int, _ neighborsEach: Int,
        document: @escaping (UInt32) -> UInt64?
    ) throws -> [RankedDocument] {
        try graph.withQuery(query) { query in
            let found = try graph.graph.exactDocumentSearch(
                query, count: count, in: graph.view, scratch: graph.scratch, document: document)
            return try graph.graph.addNeighbors(
                query, count: neighborsEach, to: found, DocumentMembers(document: document), in: graph.view,
                scratch: graph.scratch)
        }
    }

    /// All slots in order, put to their documents.
    private func model(
        _ graph: TestGraph, _ query: [Float], _ count: Int, _ neighborsEach: Int = 1,
        document: @escaping (UInt32) -> UInt64?
    ) throws -> [RankedDocument] {
        try graph.withQuery(query) { query in
            let all = try graph.graph.exactSearch(query, count: 2000, in: graph.view, scratch: graph.scratch)
            var order: [UInt64] = [], neighbors: [UInt64: [Candidate]] = [:]
            for index in 0..<all.count {
                guard let document = document(all[index].slot) else { continue }
                if neighbors[document] == nil { order.append(document) }
                neighbors[document, default: []].append(all[index])
            }
            return order.prefix(count).map {
                RankedDocument(document: $0, neighbors: Array(neighbors[$0]!.prefix(neighborsEach)))
            }
        }
    }
}
