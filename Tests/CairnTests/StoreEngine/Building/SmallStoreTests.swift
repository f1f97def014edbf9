import TestSupport
import Testing

@testable import Cairn

@Suite struct SmallStoreTests {
    @Test(arguments: [VectorStore.Metric.l2, .innerProduct, .cosine], VectorStore.Scalar.allCases)
    func `an empty store builds, opens, searches and gets`(metric: VectorStore.Metric, scalar: VectorStore.Scalar)
        throws
    {
        let fixture = try StoreFixture(0, dimensions: 3, metric: metric, scalar: scalar)
        for access in [VectorStore.OpenOptions.Access.readOnly, .readWrite] {
            let store = try fixture.open(access)
            #expect(try store.count == 0)
            #expect(try store.allLabels() == [])
            #expect(try store.info.maximumLevel == -1)
            #expect(try store.search([1, 2, 3], k: 5) == [])
            #expect(try store.search([1, 2, 3], k: 5, options: .init(isExact: true)) == [])
            #expect(try store.search([1, 2, 3], k: 5, options: .init(filter: .including([0]))) == [])
            #expect(try store.search([1, 2, 3], k: 5, options: .init(filter: .matching { _ in true })) == [])
            #expect(try store.search(batch: [1, 2, 3, 4, 5, 6], k: 5) == [[], []])
            #expect(try store.vector(for: 0) == nil)
            #expect(try store.distances(from: [1, 2, 3], to: [0]) == [nil])
        }
    }

    @Test func `an empty store in memory`() throws {
        let store = try VectorStore(inMemory: .init(dimensions: 3))
        #expect(try store.count == 0)
        #expect(try store.search([1, 2, 3], k: 5) == [])
        #expect(try store.search([1, 2, 3], k: 5, options: .init(filter: .excluding([]))) == [])
        #expect(try store.vector(for: 0) == nil)
        try store.add([Float](), labels: [])
        #expect(try store.count == 0)
        #expect(try store.info.fileBytes == 0)
    }

    @Test(arguments: 1...4)
    func `a few vectors are all found`(count: Int) throws {
        let fixture = try StoreFixture(count, dimensions: 2)
        let store = try fixture.open()
        for (label, row) in zip(fixture.labels, fixture.rows) {
            let found = try store.search(row, k: 10, options: .init(ef: 1))
            #expect(found.count == count)
            #expect(found[0] == VectorStore.Neighbor(label: label, distance: 0))
        }
    }

    @Test func `the largest M and the most dimensions`() throws {
        let directory = try TemporaryDirectory()
        let wide = directory.appending("wide"), linked = directory.appending("linked")
        let elements = vectors(3, dimensions: 65_536, scalar: .uint8)
        try VectorStore.build(
            at: wide, configuration: .init(dimensions: 65_536, metric: .cosine, scalar: .uint8), vectors: elements)
        #expect(try VectorStore.open(at: wide).vector(for: 2) == elements.rows(65_536)[2])
        try VectorStore.build(at: linked, configuration: .init(dimensions: 1, m: 10_000), vectors: [1, 2, 3, 4, 5, 6])
        #expect(try VectorStore.open(at: linked).search([6], k: 2).map(\.label) == [5, 4])
    }

    @Test func `a configuration out of range is refused by name`() throws {
        let directory = try TemporaryDirectory()
        func check(_ text: String, _ change: (inout VectorStore.Configuration) -> Void) {
            var configuration = VectorStore.Configuration(dimensions: 2)
            change(&configuration)
            for elements in [[], [1, 2]] as [[Float]] {
                let built = storeError {
                    try VectorStore.build(
                        at: directory.appending("store"), configuration: configuration, vectors: elements)
                }
                #expect(built?.code == .invalidArgument)
                #expect(built?.message.contains(text) == true)
            }
            let made = storeError { _ = try VectorStore(inMemory: configuration) }
            #expect(made?.code == .invalidArgument)
            #expect(names(in: directory.path) == [])
        }
        for value in [0, -1, 65_537, Int.min, Int.max] { check("dimensions is \(value)") { $0.dimensions = value } }
        for value in [1, 0, 10_001] { check("M is \(value)") { $0.m = value } }
        for value in [0, 1_000_001] { check("ef_construction is \(value)") { $0.efConstruction = value } }
        for value in [0, 1_000_001] { check("ef is \(value)") { $0.ef = value } }
        check("name") { $0.metric = .custom(name: "") }
        check("name") { $0.metric = .custom(name: String(repeating: "é", count: 128)) }
    }
}
