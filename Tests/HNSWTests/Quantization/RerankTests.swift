import CKernels
import Testing

@testable import HNSW

/// The vectors decide among what a walk by codes found.
@Suite struct RerankTests {
    /// Every third slot.
    private struct Thirds: SearchRule {
        static var isNeeded: Bool { true }
        func finds(_ slot: UInt32) -> Bool { slot % 3 == 0 }
    }

    /// Fills the pool with slots in the order of their codes, and reranks it.
    private func rerank(
        _ holder: TestGraph, _ column: CodeColumn, _ vector: [Float], pool: [UInt32], count: Int, rule: some SearchRule
    ) -> (found: [Candidate], byCode: [Candidate], exact: [Candidate], bound: CodeColumn.Bound) {
        let graph = holder.graph, scratch = holder.scratch
        return holder.withQuery(vector) { query in
            try! graph.prepare(scratch, slots: graph.count, width: pool.count, batch: 32)
            func candidates(_ computer: DistanceComputer) -> [Candidate] {
                pool.map { slot in
                    scratch.gathered[0] = slot
                    computer.compute(scratch.gathered, 1, scratch.distances)
                    return Candidate(distance: scratch.distances[0], slot: slot)
                }
            }
            let byCode = candidates(column.computer(query, graph.distances, scratch)).sorted()
            let exact = candidates(DistanceComputer(query, graph.distances)).filter { rule.finds($0.slot) }.sorted()
            // As a walk leaves it.
            for (place, candidate) in byCode.enumerated() { scratch.pool[place] = candidate | Candidate.expandedFlag }
            let found = graph.rerank(query, column, size: pool.count, count: count, rule: rule, share: 1, scratch)
            return (
                (0..<found.count).map { found[$0] }, byCode, exact, column.bound(for: query, graph.distances)
            )
        }
    }

    private func check(_ holder: TestGraph, _ column: CodeColumn, rule: some SearchRule) {
        var reads = 0, size = 0
        for (number, vector) in clusteredVectors(30, dimensions: 20, skipping: 3000).enumerated() {
            let pool = (0..<UInt32(200)).map { $0 * 4 + UInt32(number % 4) }
            for count in [1, 2, 7, 8, 9, 10, 50, 199, 200, 1000] {
                let before = holder.scratch.rerankCount
                let (found, byCode, exact, bound) = rerank(holder, column, vector, pool: pool, count: count, rule: rule)
                if count == 1 {
                    reads += holder.scratch.rerankCount - before
                    size += exact.count
                }
                #expect(found.count == min(count, exact.count))
                #expect(found == found.sorted() && Set(found).count == found.count)
                #expect(Set(exact).isSuperset(of: found), "with the vectors' distances")
                // What is missing lies so far away by its code that the margin rules it out.
                let last = found.last?.distance ?? .infinity
                for missed in Set(exact.prefix(count)).subtracting(found) {
                    let code = byCode.first { $0.slot == missed.slot }?.distance ?? 0
                    #expect(bound.least(code) > last, "count \(count)")
                }
            }
        }
        #expect(reads < size / 2, "the margin saves reading most vectors: \(reads) of \(size)")
    }

    @Test(arguments: [CodeModel.Kind.scalar8, .scalar4], [CAIRN_L2, CAIRN_INNER_PRODUCT])
    func `the nearest of the pool come first, in their true order`(kind: CodeModel.Kind, metric: cairn_metric) {
        let holder = TestGraph(clusteredVectors(800, dimensions: 20), metric: metric, connectivity: 4, width: 20)
        let column = holder.giveCodes(kind)
        check(holder, column, rule: EverySlot())
        check(holder, column, rule: Thirds())
    }

    @Test(arguments: [CodeModel.Kind.scalar8, .scalar4])
    func `equal vectors come in the order of their slots`(kind: CodeModel.Kind) {
        let different = clusteredVectors(40, dimensions: 20)
        let holder = TestGraph((0..<400).map { different[$0 % 40] }, connectivity: 4, width: 20)
        let column = holder.giveCodes(kind)
        for (number, vector) in different.enumerated().prefix(10) {
            let (found, _, exact, _) = rerank(
                holder, column, vector, pool: Array(0..<400), count: 10, rule: EverySlot())
            #expect(found == Array(exact.prefix(10)))
            #expect(found.map { Int($0.slot) } == (0..<10).map { number + 40 * $0 })
        }
    }

    @Test func `nothing of nothing`() {
        let holder = TestGraph(clusteredVectors(300, dimensions: 20), connectivity: 4, width: 20)
        let column = holder.giveCodes(.scalar4)
        for (pool, count) in [([], 5), ([], 0), ([1, 2, 3], 0)] as [([UInt32], Int)] {
            let found = rerank(holder, column, holder.vectors[0], pool: pool, count: count, rule: EverySlot()).found
            #expect(found == [])
        }
        let one = rerank(holder, column, holder.vectors[7], pool: [7], count: 5, rule: EverySlot()).found
        #expect(one.map { $0.slot } == [7])
        #expect(rerank(holder, column, holder.vectors[7], pool: [7], count: 5, rule: Thirds()).found == [])
    }

    @Test func `a pool is scored anew and sorted`() {
        let holder = TestGraph(clusteredVectors(300, dimensions: 20), connectivity: 4, width: 20)
        let column = holder.giveCodes(.scalar4), vector = clusteredVectors(1, dimensions: 20, skipping: 900)[0]
        for size in [0, 1, 31, 32, 33, 200] {
            let pool = (0..<UInt32(size)).map { $0 }
            let (_, byCode, _, _) = rerank(holder, column, vector, pool: pool, count: 1, rule: EverySlot())
            let expected = holder.withQuery(vector) { query in
                byCode.prefix(size).map { candidate in
                    holder.scratch.gathered[0] = candidate.slot
                    holder.graph.distances.compute(query, holder.scratch.gathered, 1, holder.scratch.distances)
                    return Candidate(distance: holder.scratch.distances[0], slot: candidate.slot)
                }.sorted()
            }
            let isTrusted = holder.withQuery(vector) { holder.graph.rescore($0, column, size: size, holder.scratch) }
            #expect((0..<size).map { holder.scratch.pool[$0] } == expected, "\(size)")
            #expect(isTrusted != .lost, "4 bits of such vectors do not put the nearest into the second half")
        }
    }
}
