import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// What searches of real vectors cost, in counts: a change that raises one of them fails here, whatever the machine.
struct SearchWorkTests {
    /// Means of a search, measured at the last change that lowered them, or that had a reason to raise them.
    struct Cost: Sendable, CustomTestStringConvertible {
        let codes: VectorStore.Quantization
        let distances: Double, hops: Double, vectors: Double, pages: Double, bytes: Double

        var testDescription: String { codes.rawValue }
    }

    private static let costs = [
        Cost(codes: .none, distances: 792, hops: 56, vectors: 792, pages: 739, bytes: 1_220_820),
        Cost(codes: .scalar8, distances: 813, hops: 57, vectors: 10, pages: 384, bytes: 329_269),
        Cost(codes: .scalar4, distances: 842, hops: 59, vectors: 16, pages: 256, bytes: 187_824),
    ]

    @Test(arguments: costs)
    func `searches cost no more than they did`(limit: Cost) throws {
        let directory = try TemporaryDirectory(), path = directory.appending("store")
        let source = projectDirectory.appending("Examples/debian-packages/vectors.npy")
        try VectorStore.build(
            at: path, configuration: .init(dimensions: 384, metric: .cosine, quantization: limit.codes), from: source,
            options: .init(threads: 2))
        let store = try VectorStore.open(at: path)
        var work = VectorStore.SearchWork()
        let queries = 200
        for label in 0..<Label(queries) {
            // Between two vectors, so not one of them.
            let one = try #require(try store.vector(for: label))
            let other = try #require(try store.vector(for: label + 2500))
            let query = zip(one, other).map { ($0 + $1) / 2 }
            let found = try store.search(query, k: 10, options: .init(ef: 50), work: &work)
            #expect(try found == store.search(query, k: 10, options: .init(ef: 50)))
        }
        func mean(_ count: Int) -> Double { Double(count) / Double(queries) }
        // Sums of floats, and so a few decisions, differ between instruction sets.
        let slack = 1.02
        #expect(mean(work.distances) <= limit.distances * slack)
        #expect(mean(work.hops) <= limit.hops * slack + 1)
        #expect(mean(work.listsRead) <= limit.hops * slack + 1)
        #expect(mean(work.vectorsRead) <= limit.vectors * slack + 1)
        #expect(mean(work.pagesTouched) <= limit.pages * slack)
        #expect(mean(work.bytesRead) <= limit.bytes * slack)
        // And that they are counted at all.
        #expect(work.distances == work.vectorsRead + work.quantizedVectorsRead)
        #expect((work.quantizedVectorsRead > 0) == (limit.codes != .none))
        #expect(mean(work.distances) > limit.distances / 2 && mean(work.pagesTouched) > limit.pages / 2)
        #expect(work.bytesRead > work.vectorsRead * 1536 + work.quantizedVectorsRead * 192)
        var byVectors = VectorStore.SearchWork()
        let query = try #require(try store.vector(for: 0))
        _ = try store.search(query, k: 10, options: .init(ef: 50, ignoresQuantization: true), work: &byVectors)
        #expect(byVectors.quantizedVectorsRead == 0 && byVectors.vectorsRead > 100)
    }

    @Test
    func `what several searches cost is added up`() throws {
        let fixture = try StoreFixture(600), store = try fixture.open()
        var one = VectorStore.SearchWork(), two = VectorStore.SearchWork()
        let query = fixture.queries(1)[0]
        _ = try store.search(query, k: 5, options: .init(ef: 20), work: &one)
        for _ in 0..<2 { _ = try store.search(query, k: 5, options: .init(ef: 20), work: &two) }
        #expect(two.distances == 2 * one.distances && two.pagesTouched == 2 * one.pagesTouched)
        #expect(one.distances > 20)
        var exact = VectorStore.SearchWork()
        _ = try store.search(query, k: 5, options: .init(isExact: true), work: &exact)
        #expect(exact.distances == 600 && exact.vectorsRead == 600 && exact.hops == 0)
    }
}
