import FileFormat
import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// `upper` and `labels` can be made again from `level0`: whatever happens to them, answers stay the same.
@Suite struct DerivedFileTests {
    private let fixture: StoreFixture
    private let upper: [UInt8]
    private let labels: [UInt8]

    init() throws {
        // M of 2 makes half of the nodes upper ones: damage then hits something that searches use.
        fixture = try StoreFixture(400, dimensions: 4, connectivity: 2, labels: (0..<400).map { 1000 + Label($0) * 3 })
        upper = try readBytes(fixture.path.appending("upper"))
        labels = try readBytes(fixture.path.appending("labels"))
    }

    @Test func `without them everything works as before`() throws {
        let expected = try answers()
        for missing in [["upper"], ["labels"], ["upper", "labels"]] {
            for name in missing { removeTree(fixture.path.appending(name)) }
            #expect(try answers() == expected)
            try writeBytes(upper, to: fixture.path.appending("upper"))
            try writeBytes(labels, to: fixture.path.appending("labels"))
        }
    }

    @Test func `upper cut anywhere`() throws {
        let expected = try answers()
        for length in stride(from: 0, to: upper.count, by: 97) + [511, 512, 513, upper.count - 1] {
            try writeBytes(Array(upper[..<length]), to: fixture.path.appending("upper"))
            #expect(try answers() == expected, "\(length) of \(upper.count) bytes")
        }
        try writeBytes(upper + [0], to: fixture.path.appending("upper"))
        #expect(try answers() == expected)
    }

    @Test func `upper with any bit flipped`() throws {
        let expected = try answers()
        for bit in stride(from: 0, to: upper.count * 8, by: 313) {
            var damaged = upper
            damaged[bit / 8] ^= 1 << (bit % 8)
            try writeBytes(damaged, to: fixture.path.appending("upper"))
            #expect(try answers() == expected, "bit \(bit)")
        }
    }

    @Test func `labels cut anywhere or with any bit flipped`() throws {
        let expected = try answers()
        for length in stride(from: 0, to: labels.count, by: 509) + [labels.count - 1] {
            try writeBytes(Array(labels[..<length]), to: fixture.path.appending("labels"))
            #expect(try answers() == expected, "\(length) of \(labels.count) bytes")
        }
        for bit in stride(from: 0, to: labels.count * 8, by: 1511) {
            var damaged = labels
            damaged[bit / 8] ^= 1 << (bit % 8)
            try writeBytes(damaged, to: fixture.path.appending("labels"))
            #expect(try answers() == expected, "bit \(bit)")
        }
    }

    @Test func `files of another store are not believed`() throws {
        let expected = try answers()
        let other = try StoreFixture(400, dimensions: 4, connectivity: 2)
        for name in ["upper", "labels"] {
            try writeBytes(readBytes(other.path.appending(name)), to: fixture.path.appending(name))
        }
        #expect(try answers() == expected)
    }

    @Test func `a writer makes a lost upper again, the same bytes`() throws {
        removeTree(fixture.path.appending("upper"))
        try fixture.open(.readOnly).close()
        #expect(!names(in: fixture.path).contains("upper"), "a reader writes nothing")
        try fixture.open(.readWrite).close()
        #expect(try readBytes(fixture.path.appending("upper")) == upper)
        #expect(names(in: fixture.path) == ["labels", "level0", "lock", "upper"])
    }

    /// A checksum that is right says nothing of a count that is wrong.
    @Test(arguments: [0, 1, 399, 401, 1 << 30] as [UInt64])
    func `labels with another count are made again`(count: UInt64) throws {
        var hostile = labels
        hostile.store(count, at: 40)
        hostile.store(Checksum.crc32c(Array(hostile[..<512]), prefix: 508), at: 508)
        try writeBytes(hostile, to: fixture.path.appending("labels"))
        #expect(try VectorStore.verify(at: fixture.path).problems.contains { $0.hasPrefix("labels: ") })
        let store = try fixture.open(.readWrite)
        try store.erase(Array(fixture.labels[..<5]))
        try store.close()
        #expect(try VectorStore.verify(at: fixture.path).problems == [])
    }

    /// Results of walks and of exact searches, every vector, and some labels that are not there.
    private func answers() throws -> [[VectorStore.Neighbor]] {
        let store = try fixture.open()
        defer { try? store.close() }
        for (label, row) in zip(fixture.labels, fixture.rows) where label % 5 == 0 {
            #expect(try store.vector(for: label) == row)
            #expect(try !store.contains(label + 1))
        }
        return try fixture.queries(6).map { try store.search($0, k: 10, options: .init(ef: 30)) }
    }
}
