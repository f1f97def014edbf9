import CKernels
import FileFormat
import Testing

@testable import HNSW

/// Searches by codes beside the same searches by vectors, of the same graph.
@Suite struct CodeSearchTests {
    static let kinds = [CodeModel.Kind.scalar8, .scalar4]

    /// So many real vectors are in the graph; the last ones and the example's questions are searched for.
    private static let count = 1500

    private func graph(_ metric: cairn_metric) -> (TestGraph, queries: [[Float]]) {
        let all = ExampleVectors.vectors, others = ExampleVectors.queries + all.suffix(100)
        let vectors = Array(all.prefix(Self.count))
        let isCosine = metric == CAIRN_COSINE
        return (
            TestGraph(
                isCosine ? TestGraph.normalized(vectors) : vectors, metric: metric, connectivity: 12, width: 60,
                threads: 2),
            isCosine ? TestGraph.normalized(others) : others
        )
    }

    @Test(arguments: [CAIRN_L2, CAIRN_INNER_PRODUCT, CAIRN_COSINE])
    func `on real vectors codes find as much at every width`(metric: cairn_metric) {
        let (holder, queries) = graph(metric), widths = [10, 15, 20, 30, 50, 100, 200]
        #expect(queries.count == 300)
        let exact = queries.map { Set(holder.exact($0, count: 10)) }
        func recalls() -> [Double] {
            widths.map { width in
                let hits = zip(queries, exact).reduce(0) { sum, pair in
                    sum + pair.1.intersection(holder.search(pair.0, count: 10, width: width)).count
                }
                return Double(hits) / Double(10 * queries.count)
            }
        }
        let byVectors = recalls()
        for kind in Self.kinds {
            holder.giveCodes(kind)
            var lost = 0.0
            for (width, (with, without)) in zip(widths, zip(recalls(), byVectors)) {
                // A few of 3,000 more or less are chance, but not at every width.
                #expect(with >= without - 0.005, "\(kind), width \(width): \(with), by vectors \(without)")
                lost += (without - with) / Double(widths.count)
            }
            #expect(lost <= 0.002, "\(kind)")
        }
        holder.graph.setCodes(nil)
        #expect(recalls() == byVectors)
    }

    @Test(arguments: zip(kinds, [CAIRN_L2, CAIRN_COSINE]))
    func `a graph that was built by codes is as good`(kind: CodeModel.Kind, metric: cairn_metric) {
        let vectors = TestGraph.normalized(clusteredVectors(1200, dimensions: 32))
        let queries = TestGraph.normalized(clusteredVectors(60, dimensions: 32, skipping: 9000))
        let plain = TestGraph(vectors, metric: metric, connectivity: 8, width: 50, inPlace: 500)
        var built: [[UInt64]] = []
        for threads in [1, 2] {
            let coded = TestGraph(
                Array(vectors[..<500]), metric: metric, connectivity: 8, width: 50, threads: threads, inPlace: 500,
                capacity: 1200)
            coded.giveCodes(kind, capacity: 1200)
            for first in stride(from: 500, to: 1200, by: 100) {
                for (row, vector) in vectors[first..<first + 100].enumerated() {
                    coded.write(vector, to: UInt32(first + row))
                }
                coded.encode(UInt32(first)..<UInt32(first + 100))
                coded.vectors.removeLast(100)
                coded.add(Array(vectors[first..<first + 100]))
            }
            #expect(problems(coded) == [])
            coded.graph.setCodes(nil)
            for width in [10, 40] {
                let with = coded.recall(queries, count: 10, width: width)
                let without = plain.recall(queries, count: 10, width: width)
                #expect(with >= without - 0.02, "width \(width): \(with), by vectors \(without)")
            }
            built.append(coded.newestLists.map { $0.reduce(0) { $0 &* 31 &+ UInt64($1) } })
        }
        #expect(built[0] == built[1], "whatever the threads")
    }

    @Test(arguments: kinds, [CAIRN_L2, CAIRN_INNER_PRODUCT, CAIRN_COSINE])
    func `distances are those of the vectors`(kind: CodeModel.Kind, metric: cairn_metric) {
        let vectors = TestGraph.normalized(clusteredVectors(600, dimensions: 24))
        let holder = TestGraph(vectors, metric: metric, connectivity: 8, width: 40)
        holder.giveCodes(kind)
        for query in TestGraph.normalized(clusteredVectors(12, dimensions: 24, skipping: 5000)) {
            let exact = holder.exactCandidates(query, count: 600)
            for (count, width) in [(1, 1), (10, 10), (10, 60), (100, 100), (600, 1), (2000, 5000)] {
                let found = holder.candidates(query, count: count, width: width)
                #expect(found.count == min(count, 600) && found == found.sorted())
                #expect(Set(exact).isSuperset(of: found), "count \(count), width \(width)")
            }
            #expect(holder.candidates(query, count: 600, width: 600) == exact)
        }
        #expect(holder.scratch.rerankCount > 0)
    }

    @Test(arguments: kinds)
    func `slots that are not live are not found`(kind: CodeModel.Kind) {
        let vectors = clusteredVectors(1500, dimensions: 16)
        let holder = TestGraph(vectors, connectivity: 8, width: 50, inPlace: 1500)
        let queries = clusteredVectors(50, dimensions: 16, skipping: 6000)
        holder.mark((0..<1500).filter { $0 % 3 == 0 })
        holder.erase((0..<1500).filter { $0 % 3 == 1 && $0 % 2 == 0 })
        let without = holder.recall(queries, count: 10, width: 40)
        holder.giveCodes(kind)
        #expect(holder.recall(queries, count: 10, width: 40) >= without - 0.01)
        for query in queries {
            for width in [10, 100] {
                let found = holder.candidates(query, count: 10, width: width)
                #expect(found.count == 10)
                #expect(found.allSatisfy { holder.graph.slots.state($0.slot) == .live })
                #expect(Set(holder.exactCandidates(query, count: 1500)).isSuperset(of: found))
            }
        }
        // All but a few: the pool has no room for so many others, and another search takes over.
        holder.mark((0..<1500).filter { holder.graph.slots.state($0) == .live && $0 > 30 })
        for query in queries.prefix(10) {
            #expect(holder.candidates(query, count: 5, width: 5) == holder.exactCandidates(query, count: 5))
        }
    }

    /// A walk that keeps more than it looks at returns what it met besides.
    @Test func `walks keep more than they look at`() throws {
        let holder = TestGraph(clusteredVectors(1500, dimensions: 16), connectivity: 8, width: 50)
        let graph = holder.graph, scratch = holder.scratch, view = holder.view
        func walk(_ query: Query, width: Int, kept: Int) throws -> [Candidate] {
            try graph.prepare(scratch, slots: view.count, width: kept, batch: graph.parameters.capacity(level: 0))
            let computer = graph.walkComputer(query, in: view, scratch)
            let entry = graph.descend(computer, to: 0, in: view, scratch)
            let size = graph.searchLevelZero(
                computer, from: entry, WalkWidth(looked: width, kept: kept), in: view, rule: EverySlot(), scratch)
            return (0..<size).map { scratch.pool[$0] }
        }
        for vector in clusteredVectors(20, dimensions: 16, skipping: 5000) {
            try holder.withQuery(vector) { query in
                let plain = try walk(query, width: 20, kept: 20)
                for kept in [20, 21, 40, 200] {
                    let before = scratch.hopCount, found = try walk(query, width: 20, kept: kept)
                    let hops = scratch.hopCount - before
                    #expect(found.count <= kept && found.map { $0.unexpanded } == found.map { $0.unexpanded }.sorted())
                    #expect(found.prefix(20).map { $0.slot } == plain.map { $0.slot }, "kept \(kept)")
                    #expect(found.prefix(20).allSatisfy { $0.isExpanded })
                    #expect(found.count >= min(kept, 40))
                    _ = try walk(query, width: 20, kept: 20)
                    #expect(scratch.hopCount - before - hops == hops, "the same hops")
                }
            }
        }
    }

    /// Whoever read them has ended: nobody needs their memory any more.
    @Test func `codes that were replaced are given back`() {
        let holder = TestGraph(clusteredVectors(400, dimensions: 16), connectivity: 8, width: 20)
        weak let first = holder.giveCodes(.scalar8)
        #expect(first != nil)
        weak let second = holder.giveCodes(.scalar4)
        #expect(first == nil && second != nil)
        holder.graph.setCodes(nil)
        #expect(second == nil)
    }

    @Test func `codes are kept for the searches that began with them`() throws {
        let holder = TestGraph(clusteredVectors(400, dimensions: 16), connectivity: 8, width: 20),
            scratch = SearchScratch()
        weak let codes = holder.giveCodes(.scalar8)
        let place = try holder.graph.readers.enter()
        // As a search holds on to what it sees: by its place alone.
        func search(_ view: GraphView) throws {
            holder.giveCodes(.scalar4)
            #expect(codes != nil)
            try holder.withQuery(holder.vectors[5]) { query in
                let found = try holder.graph.search(query, count: 1, width: 20, in: view, scratch: scratch)
                #expect(found.count == 1 && found[0].slot == 5)
            }
        }
        try search(holder.graph.publishedView)
        holder.graph.releaseFormerCodes()
        #expect(codes != nil)
        holder.graph.readers.leave(place)
        holder.graph.releaseFormerCodes()
        #expect(codes == nil)
    }
}
