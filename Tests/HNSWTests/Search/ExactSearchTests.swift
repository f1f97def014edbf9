import TestSupport
import Testing

@testable import HNSW

@Suite struct ExactSearchTests {
    /// Whole numbers: distances are exact, and many are equal.
    private let vectors: [[Float]]
    private let holder: TestGraph

    init() {
        var random = SeededGenerator(seed: 21)
        vectors = (0..<3000).map { _ in (0..<3).map { _ in Float(random.next() % 12) } }
        holder = TestGraph(vectors, connectivity: 4, width: 10)
    }

    /// Up to 2048 are kept in a sorted pool, more are sorted at the end.
    @Test(arguments: [0, 1, 10, 255, 256, 257, 2048, 2049, 2999, 3000])
    func `it is a sort by distance and slot`(count: Int) {
        for query: [Float] in [[0, 0, 0], [5, 6, 7], [30, -3, 2]] {
            #expect(holder.exact(query, count: count) == Array(sorted(query, Array(0..<3000)).prefix(count)))
        }
    }

    @Test(arguments: [5, 2500])
    func `more than there are gives all there are`(count: Int) throws {
        let slots: [UInt32] = [7, 2, 2999]
        let found = try search([1, 2, 3], count, slots) { _ in true }
        #expect(found == sorted([1, 2, 3], slots))
        #expect(try search([1, 2, 3], count, []) { _ in true } == [])
    }

    @Test(arguments: [20, 2500])
    func `only what is allowed and live comes back`(count: Int) throws {
        for slot in stride(from: 0, to: 3000, by: 2) {
            unsafe holder.graph.columns.slotTable.storeBytes(of: 3, toByteOffset: slot * 16 + 9, as: UInt8.self)
        }
        let found = try search([4, 4, 4], count, Array(0..<3000)) { $0 % 5 == 0 }
        #expect(found == Array(sorted([4, 4, 4], (0..<3000).filter { $0 % 2 == 1 && $0 % 5 == 0 }).prefix(count)))
    }

    private func search(
        _ query: [Float], _ count: Int, _ slots: [UInt32], isAllowed: @escaping (UInt32) -> Bool
    ) throws -> [UInt32] {
        try holder.withQuery(query) { query in
            let found = try holder.graph.exactSearch(
                query, count: count, in: holder.view, among: slots, scratch: holder.scratch, isAllowed: isAllowed)
            return (0..<found.count).map { found[$0].slot }
        }
    }

    private func sorted(_ query: [Float], _ slots: [UInt32]) -> [UInt32] {
        func distance(_ slot: UInt32) -> Float {
            zip(query, vectors[Int(slot)]).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        }
        return slots.map { Candidate(distance: distance($0), slot: $0) }.sorted().map(\.slot)
    }
}
