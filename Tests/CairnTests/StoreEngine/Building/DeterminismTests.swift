import FileFormat
import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// The same calls give the same bytes, whatever the threads; only the identifiers are random.
@Suite struct DeterminismTests {
    @Test(arguments: [VectorStore.Metric.l2, .cosine], VectorStore.Scalar.allCases)
    func `builds of one and of more threads are the same bytes`(metric: VectorStore.Metric, scalar: VectorStore.Scalar)
        throws
    {
        let one = try StoreFixture(900, metric: metric, scalar: scalar, connectivity: 4, threads: 1)
        for threads in [2, 3] {
            let more = try StoreFixture(900, metric: metric, scalar: scalar, connectivity: 4, threads: threads)
            try expectEqual(one.path, more.path)
        }
    }

    @Test func `another seed gives another graph`() throws {
        let directory = try TemporaryDirectory(), elements = seededVectors(count: 900, dimensions: 8, seed: 1)
        for seed: UInt64 in [100, 101] {
            try VectorStore.build(
                at: directory.appending("\(seed)"), configuration: .init(dimensions: 8, efConstruction: 30, seed: seed),
                vectors: elements)
        }
        let a = try readBytes(directory.appending("100/level0")), b = try readBytes(directory.appending("101/level0"))
        #expect(a[Geometry.prologue...] != b[Geometry.prologue...])
    }

    /// A build reads its rows in chunks of 4 MiB; where they end must not show.
    @Test func `chunks do not show`() throws {
        let directory = try TemporaryDirectory()
        let elements = seededWholeNumbers(count: 300, dimensions: 8192, seed: 1, in: 0...255)
        let configuration = VectorStore.Configuration(
            dimensions: 8192, scalar: .uint8, m: 4, efConstruction: 10)
        let path = directory.appending("store")
        try VectorStore.build(at: path, configuration: configuration, vectors: elements)
        let memory = try VectorStore(inMemory: configuration)
        try memory.add(elements, labels: (0..<300).map { Label($0) })
        let store = try VectorStore.open(at: path)
        for query in seededWholeNumbers(count: 5, dimensions: 8192, seed: 2, in: 0...255).rows(8192) {
            let options = VectorStore.SearchOptions(ef: 10)
            #expect(
                try store.search(query, k: 10, options: options)
                    == memory.search(query, k: 10, options: options))
        }
    }

    private func expectEqual(_ a: FilePath, _ b: FilePath) throws {
        let first = try readBytes(a.appending("level0")), second = try readBytes(b.appending("level0"))
        #expect(first[Geometry.prologue...] == second[Geometry.prologue...])
        for offset in HeaderSlot.offsets {
            #expect(withoutIdentifiers(first, offset) == withoutIdentifiers(second, offset))
        }
        let upper = try readBytes(a.appending("upper")), other = try readBytes(b.appending("upper"))
        #expect(upper[512...] == other[512...])
        let labels = try readBytes(a.appending("labels"))
        #expect(try labels[512...] == readBytes(b.appending("labels"))[512...])
    }

    private func withoutIdentifiers(_ bytes: [UInt8], _ offset: Int) -> [UInt8] {
        Array(bytes[offset..<offset + 16] + bytes[offset + 32..<offset + 508])
    }
}
