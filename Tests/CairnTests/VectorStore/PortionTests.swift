import Cairn
import TestSupport
import Testing

/// Live vectors read in the order of the store, some at a time.
@Suite struct PortionTests {
    /// All rows of a store, read so many at a time.
    private func rows(
        of store: VectorStore, atOnce: Int
    ) throws -> (labels: [VectorStore.Label], vectors: [Float], calls: Int) {
        var result: (labels: [VectorStore.Label], vectors: [Float], calls: Int) = ([], [], 0)
        var portion = try store.portion(from: 0, count: atOnce)
        while !portion.labels.isEmpty {
            #expect(portion.labels.count <= atOnce)
            result.labels += portion.labels
            result.vectors += portion.vectors
            result.calls += 1
            portion = try store.portion(from: portion.end, count: atOnce)
        }
        return result
    }

    private func check(_ store: VectorStore) throws {
        let labels = try store.allLabels()
        let vectors = try labels.flatMap { try #require(try store.vector(for: $0)) }
        for atOnce in [1, 7, 1000] {
            let found = try rows(of: store, atOnce: atOnce)
            #expect(found.labels == labels)
            #expect(found.vectors.map(\.bitPattern) == vectors.map(\.bitPattern))
            #expect(found.calls >= labels.count / atOnce)
        }
    }

    @Test(arguments: VectorStore.Scalar.allCases, [VectorStore.Metric.l2, .innerProduct, .cosine])
    func `rows are what vector(for:) gives, in the order of labels`(
        scalar: VectorStore.Scalar, metric: VectorStore.Metric
    ) throws {
        let directory = try TemporaryDirectory()
        let path = directory.appending("store")
        let vectors = seededWholeNumbers(count: 300, dimensions: 5, seed: 3, in: 1...100)
        try VectorStore.build(
            at: path, configuration: .init(dimensions: 5, metric: metric, scalar: scalar), vectors: vectors,
            labels: (0..<300).map { 1000 - $0 })
        let store = try VectorStore.open(at: path)
        try check(store)
        if metric != .cosine { #expect(try rows(of: store, atOnce: 64).vectors == vectors) }
    }

    @Test func `what is marked, erased or replaced is left out, before and after a checkpoint`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.appending("store")
        let store = try VectorStore.create(at: path, configuration: .init(dimensions: 4))
        let vectors = seededVectors(count: 60, dimensions: 4, seed: 1)
        try store.add(vectors, labels: Array(0..<60))
        try store.markDeleted([3, 4])
        try store.erase([17])
        try store.update([1, 2, 3, 4], labels: [20])
        try check(store)
        #expect(try rows(of: store, atOnce: 100).labels.count == 57)
        try store.checkpoint()
        try check(store)
        try store.close()
        try check(VectorStore.open(at: path))
    }

    @Test func `a store in memory, and one of nothing`() throws {
        let store = try VectorStore(inMemory: .init(dimensions: 3))
        #expect(try rows(of: store, atOnce: 4).calls == 0)
        try store.add([1, 2, 3, 4, 5, 6], labels: [9, 8])
        try check(store)
        #expect(try store.portion(from: -3, count: .max).labels == [9, 8])
        #expect(try store.portion(from: .max, count: 3).labels.isEmpty)
        #expect(throws: StoreError.self) { try store.portion(from: 0, count: 0) }
    }

    @Test func `reading everything many times leaves the store as it is`() throws {
        // The memory of what was read is given back; it must come back from the file.
        let directory = try TemporaryDirectory()
        let path = directory.appending("store")
        let vectors = seededVectors(count: 5000, dimensions: 32, seed: 5)
        try VectorStore.build(at: path, configuration: .init(dimensions: 32, efConstruction: 20), vectors: vectors)
        let store = try VectorStore.open(at: path)
        for _ in 0..<3 { #expect(try rows(of: store, atOnce: 512).vectors == vectors) }
        #expect(try store.search(Array(vectors[..<32]), k: 1).first?.label == 0)
        #expect(try store.verify(depth: .graph).problems.isEmpty)
    }
}
