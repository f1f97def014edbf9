import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// Stores that the first release wrote, and builds that were killed.
@Suite struct EarlierStoreTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test(arguments: GoldenStoreTests.stores)
    func `a store of the first release takes changes`(name: String) throws {
        let path = directory.appending(name)
        try copyFiles(from: GoldenStoreTests.fixtures.appending(name + ".cairn"), to: path)
        var store = try VectorStore.quick(at: path, options: .init(access: .readWrite, threads: 1))
        let configuration = try store.configuration, labels = try store.allLabels()
        var model = StoreModel(configuration)
        let old = try labels.map { label in
            Change.add(label, try #require(try store.vector(for: label)), replacingMarked: false)
        }
        #expect(model.apply(old) == nil)
        let rows = vectors(40, dimensions: configuration.dimensions, scalar: configuration.scalar, seed: 8)
            .rows(configuration.dimensions)
        let queries = [rows[39]]
        #expect(try model.differences(from: store, queries: queries) == [])
        let steps: [[Change]] = [
            (0..<20).map { .add(Label(9000 + $0), rows[$0], replacingMarked: false) },
            [.update(labels[0], rows[20]), .upsert(labels[1], rows[21]), .erase(labels[2]), .mark(labels[3])],
            [.unmark(labels[3]), .mark(labels[4]), .erase(9001)],
        ]
        for step in steps {
            try store.write(VectorStore.WriteBatch(step))
            #expect(model.apply(step) == nil)
            #expect(try model.differences(from: store, queries: queries) == [])
        }
        let copy = directory.appending("copy")
        try copyStore(from: path, to: copy)
        #expect(try model.differences(from: VectorStore.quick(at: copy), queries: queries) == [])
        try store.close()
        store = try VectorStore.quick(at: path, options: .init(access: .readWrite, threads: 1))
        #expect(try model.differences(from: store, queries: queries) == [])
        try store.erase(Array(labels[5..<15]))
        try store.checkpoint()
        try store.add(Array(rows[22...31].joined()), labels: (9100..<9110).map { Label($0) })
        #expect(try store.verify().problems == [])
        #expect(try store.count == model.live.count)
        try store.close()
        // The independent reader of the format has the same opinion.
        let (status, read, problems) = try ReadStore.reading(path)
        #expect(status == 0, "\(problems)")
        let live = try VectorStore.quick(at: path).allLabels()
        #expect(read.slots.filter { $0.state == 1 }.map(\.label) == live)
    }

    /// The marker says that the store is not finished, however finished its files are.
    @Test func `what a build left that was killed before it got its name is removed`() throws {
        let fixture = try StoreFixture(30), path = directory.appending("store")
        let remains = directory.appending("store.building")
        try copyStore(from: fixture.path, to: remains)
        try writeBytes([], to: remains.appending("unfinished"))
        try VectorStore.build(at: path, configuration: .init(dimensions: 2), vectors: [1, 2, 3, 4])
        #expect(names(in: directory.path) == ["store"])
        #expect(!names(in: path).contains("unfinished"))
        #expect(try VectorStore.quick(at: path).count == 2)
    }

    @Test func `a store whose name is that of a build is left alone`() throws {
        let fixture = try StoreFixture(30), path = directory.appending("store")
        let other = directory.appending("store.building")
        try copyStore(from: fixture.path, to: other)
        let before = try snapshot(other)
        let error = storeError {
            try VectorStore.build(at: path, configuration: .init(dimensions: 2), vectors: [1, 2])
        }
        #expect(error?.code == .alreadyExists && error?.path == other)
        #expect(error?.message.contains("move it away") == true)
        #expect(try snapshot(other) == before)
        #expect(try VectorStore.quick(at: other).count == 30)
    }

    /// The build's last act is to remove its marker; without that the store is as good.
    @Test func `a store that still has the marker opens`() throws {
        let fixture = try StoreFixture(30)
        try writeBytes([], to: fixture.path.appending("unfinished"))
        let store = try VectorStore.quick(at: fixture.path, options: .init(access: .readWrite, threads: 1))
        try store.erase([1])
        try store.close()
        #expect(try VectorStore.quick(at: fixture.path).verify().problems == [])
    }
}
