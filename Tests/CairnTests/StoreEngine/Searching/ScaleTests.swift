import TestSupport
import Testing

@testable import Cairn

/// Vectors that are all multiplied by the same power of two have the same neighbours, whichever way they are looked for.
@Suite struct ScaleTests {
    private static let scales: [Float] = [0x1p-10, 0x1p-20, 0x1p-40, 0x1p30]

    private func store(
        _ elements: [Float], _ scalar: VectorStore.Scalar, _ metric: VectorStore.Metric,
        codes: VectorStore.Quantization = .none
    ) throws -> VectorStore {
        let store = try VectorStore(
            inMemory: .init(
                dimensions: 8, metric: metric, scalar: scalar, m: 8, efConstruction: 40, quantization: codes))
        try store.add(elements, labels: (0..<elements.count / 8).map { Label($0) }, threads: 1)
        return store
    }

    /// The labels that every kind of search finds.
    private func labels(_ store: VectorStore, _ queries: [[Float]]) throws -> [[Label]] {
        let filters = [nil, VectorStore.LabelFilter.including(0..<40), .including(0..<300), .matching { $0 % 2 == 0 }]
        var found: [[Label]] = []
        for query in queries {
            for filter in filters {
                for isExact in [false, true] {
                    let options = VectorStore.SearchOptions(ef: 20, filter: filter, isExact: isExact)
                    found.append(try store.search(query, k: 10, options: options).map(\.label))
                    let documents = try store.searchDocuments(
                        query, k: 5, by: .shift(1),
                        options: .init(ef: 20, neighborsPerDocument: 2, filter: filter, isExact: isExact))
                    found.append(documents.flatMap { $0.neighbors.map(\.label) })
                }
            }
        }
        let batch = try store.search(batch: queries.flatMap { $0 }, k: 10, options: .init(ef: 20), threads: 1)
        return found + batch.map { $0.map(\.label) }
    }

    @Test(arguments: [VectorStore.Metric.innerProduct, .l2, .cosine])
    func `neighbours do not depend on the scale`(metric: VectorStore.Metric) throws {
        let elements = vectors(500, dimensions: 8, scalar: .float32)
        let queries = vectors(8, dimensions: 8, scalar: .float32, seed: 999).rows(8)
        let expected = try labels(store(elements, .float32, metric), queries)
        for scale in Self.scales {
            let scaled = try store(elements.map { $0 * scale }, .float32, metric)
            let found = try labels(scaled, queries.map { $0.map { $0 * scale } })
            #expect(found == expected, "\(scale)")
            #expect(try scaled.verify().problems == [])
        }
    }

    /// Whole numbers times 2⁻¹⁴ are exact in half precision.
    @Test func `nor in half precision`() throws {
        let elements = vectors(500, dimensions: 8, scalar: .int8)
        let queries = vectors(8, dimensions: 8, scalar: .int8, seed: 999).rows(8)
        let expected = try labels(store(elements, .float16, .innerProduct), queries)
        let scaled = try store(elements.map { $0 * 0x1p-14 }, .float16, .innerProduct)
        #expect(try labels(scaled, queries.map { $0.map { $0 * 0x1p-14 } }) == expected)
    }

    @Test(arguments: [VectorStore.Quantization.scalar8, .scalar4])
    func `codes are decided by the vectors' products`(codes: VectorStore.Quantization) throws {
        let elements = vectors(600, dimensions: 8, scalar: .float32).map { $0 * 0x1p-20 }
        let coded = try store(elements, .float32, .innerProduct, codes: codes)
        var hits = 0
        for query in vectors(30, dimensions: 8, scalar: .float32, seed: 999).rows(8).map({ $0.map { $0 * 0x1p-20 } }) {
            let exact = try coded.search(query, k: 10, options: .init(isExact: true)).map(\.label)
            hits +=
                Set(try coded.search(query, k: 10, options: .init(ef: 50)).map(\.label)).intersection(exact)
                .count
        }
        #expect(hits >= 270)
    }

    /// What hnswlib's users compare with: 1 - product, as if it had been there from the start.
    @Test(
        arguments: [VectorStore.Scalar.float32, .float16, .uint8, .int8], [VectorStore.Metric.innerProduct, .cosine])
    func `distances are one less the product`(scalar: VectorStore.Scalar, metric: VectorStore.Metric) throws {
        let fixture = try StoreFixture(300, metric: metric, scalar: scalar), store = try fixture.open()
        for query in fixture.queries(5) {
            let found = try store.search(query, k: 10, options: .init(isExact: true))
            let given = try store.distances(from: query, to: found.map(\.label))
            #expect(given == found.map(\.distance))
            let within = try store.search(query, within: found[9].distance)
            #expect(within.neighbors.starts(with: found))
            for neighbor in found {
                let row = fixture.rows[Int(neighbor.label)], expected = distance(metric, query, row)
                let tolerance = (scalar == .float16 ? 4e-3 : 2e-6) * max(1, abs(expected))
                #expect(abs(Double(neighbor.distance) - expected) <= tolerance)
            }
        }
    }
}
