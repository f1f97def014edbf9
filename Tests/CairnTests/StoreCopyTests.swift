import TestSupport
import Testing

@testable import Cairn

/// A copy has the same vectors, labels and marks; another metric changes distances and nothing else.
@Suite struct StoreCopyTests {
    private static let metrics = [Metric.l2, .innerProduct, .cosine]

    @Test(arguments: metrics, metrics)
    func `another metric`(from: Metric, to: Metric) throws {
        let fixture = try StoreFixture(700, dimensions: 11, metric: from)
        let path = fixture.directory.appending("copy")
        let store = try fixture.open(.readWrite)
        try store.mark([3])
        try store.erase([5, 600])
        try store.update(seededVectors(count: 50, dimensions: 11, seed: 4), labels: (100..<150).map { Label($0) })
        try store.close()
        try VectorStore.copy(from: fixture.path, to: path, metric: to)
        let report = try VectorStore.verify(at: path)
        #expect(report.problems == [])
        let original = try fixture.open(), copy = try VectorStore.open(at: path)
        #expect(try copy.configuration.metric == to)
        #expect(try copy.info.free == 0 && copy.info.deleted == 1)
        #expect(try copy.allLabels() == original.allLabels())
        for label in try original.allLabels() {
            let one = try #require(try original.vector(for: label)), other = try #require(try copy.vector(for: label))
            #expect(zip(one, other).allSatisfy { abs($0 - $1) < 1e-5 })
        }
        for query in fixture.queries(10) {
            for neighbor in try copy.search(query, count: 5) {
                let vector = try #require(try copy.vector(for: neighbor.label))
                #expect(abs(Double(neighbor.distance) - distance(to, query, vector)) < 1e-4)
            }
        }
    }

    @Test func `a copy can be changed, and its slots are used again`() throws {
        let fixture = try StoreFixture(300)
        let path = fixture.directory.appending("copy")
        try fixture.open(.readWrite).erase([1, 2, 3])
        try VectorStore.copy(from: fixture.path, to: path)
        let store = try VectorStore.open(at: path, options: .init(access: .readWrite))
        #expect(try store.info.free == 0)
        try store.erase((10..<60).map { Label($0) })
        try store.checkpoint()
        try store.add(seededVectors(count: 50, dimensions: 8, seed: 9), labels: (1000..<1050).map { Label($0) })
        #expect(try store.info.free < 50)
        let report = try store.verify()
        #expect(report.problems == [] && report.unreachable == 0)
    }

    @Test func `a vector that has no direction is named`() throws {
        let fixture = try StoreFixture(20)
        let store = try fixture.open(.readWrite)
        try store.add([Float](repeating: 0, count: 8), labels: [777])
        try store.close()
        let path = fixture.directory.appending("copy")
        let error = storeError { try VectorStore.copy(from: fixture.path, to: path, metric: .cosine) }
        #expect(error?.code == .invalidVector && error?.message.contains("777") == true)
        #expect(names(in: fixture.directory.path) == ["store"])
        #expect(storeError { try VectorStore.copy(from: fixture.path, to: fixture.path) }?.code == .alreadyExists)
    }
}
