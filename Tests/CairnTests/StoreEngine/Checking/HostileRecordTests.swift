import FileFormat
import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// Records are not checked when a store is opened; whatever they say, a search must stay inside the file. Debug builds
/// check the bounds of every access.
@Suite struct HostileRecordTests {
    private let fixture: StoreFixture
    private let bytes: [UInt8]
    private let geometry: Geometry

    init() throws {
        fixture = try StoreFixture(300, dimensions: 3, metric: .cosine, connectivity: 2)
        bytes = try readBytes(fixture.path.appending("level0"))
        geometry = fixture.configuration.superblock.geometry
    }

    @Test(arguments: [Geometry.Column.links, .linkHeads, .slotTable, .vectors, .norms])
    func `garbage in a column never leads a search astray`(column: Geometry.Column) throws {
        var random = SeededGenerator(seed: UInt64(column.rawValue) + 5)
        let derived = try ["upper", "labels"].map { ($0, try readBytes(fixture.path.appending($0))) }
        let pieces = geometry.layout(segments: 2).flatMap(\.pieces).filter { $0.column == column }
        for round in 0..<48 {
            var hostile = bytes
            for piece in pieces {
                switch round % 4 {
                case 0:  // All of it.
                    for index in 0..<piece.length {
                        hostile[piece.fileOffset + index] = UInt8(truncatingIfNeeded: random.next())
                    }
                case 1:  // Ones: the largest of every number.
                    for index in 0..<piece.length { hostile[piece.fileOffset + index] = 0xff }
                case 2:  // Here and there.
                    for _ in 0..<200 {
                        hostile[piece.fileOffset + Int(random.next() % UInt64(piece.length))] = UInt8(
                            truncatingIfNeeded: random.next())
                    }
                default:  // Words just beyond what is allowed.
                    for index in stride(from: 0, to: piece.length, by: 4) {
                        let word = [300, 301, 511, 512, 0x8000_0000, UInt32.max, 5, 0xffff][Int(random.next() % 8)]
                        hostile.store(word, at: piece.fileOffset + index)
                    }
                }
            }
            try writeBytes(hostile, to: fixture.path.appending("level0"))
            // Levels come from the slot table when `upper` is missing, slots from it when `labels` is.
            if round % 5 == 0 {
                for name in ["upper", "labels"] { removeTree(fixture.path.appending(name)) }
            } else {
                for (name, bytes) in derived { try writeBytes(bytes, to: fixture.path.appending(name)) }
            }
            try searchEverything()
        }
    }

    @Test func `levels out of range in the slot table`() throws {
        let table = geometry.layout(segments: 2).flatMap(\.pieces).filter { $0.column == .slotTable }
        let maximumLevel = try fixture.open().info.maximumLevel
        for level: UInt8 in [1, 17, 255] {
            var hostile = bytes
            for piece in table {
                for row in stride(from: 0, to: piece.length, by: 16) { hostile[piece.fileOffset + row + 8] = level }
            }
            try writeBytes(hostile, to: fixture.path.appending("level0"))
            removeTree(fixture.path.appending("upper"))
            let store = try fixture.open()
            // No level is higher than the header's, whatever the table says.
            #expect(try store.info.maximumLevel == min(Int(level), maximumLevel))
            var hits = 0
            for (label, row) in zip(fixture.labels, fixture.rows) where label % 5 == 0 {
                if try store.search(row, k: 1, options: .init(ef: 20))[0].label == label { hits += 1 }
            }
            #expect(hits > 54, "found themselves, of 60")
        }
    }

    @Test func `sealed nonsense in upper`() throws {
        let upper = try readBytes(fixture.path.appending("upper"))
        try writeBytes(bytes, to: fixture.path.appending("level0"))
        var random = SeededGenerator(seed: 6)
        for round in 0..<120 {
            var hostile = upper
            for _ in 0...(round % 4) {
                let word = 128 + Int(random.next() % UInt64(upper.count / 4 - 128))
                hostile.store(
                    [0, 1, 2, 3, 299, 300, 0xffff, .max, 1 << 31][Int(random.next() % 9)] as UInt32, at: word * 4)
            }
            hostile.store(Checksum.crc32c(Array(hostile[512...]), prefix: hostile.count - 512), at: 12)
            var sector = Array(hostile[..<512])
            // The counts too, now and then.
            if round % 10 == 0 { sector.store(random.next() % 5000, at: 40) }
            if round % 10 == 1 { sector.store(UInt64(1) << (random.next() % 38), at: 48) }
            sector.store(Checksum.crc32c(sector, prefix: 508), at: 508)
            hostile.replaceSubrange(0..<512, with: sector)
            try writeBytes(hostile, to: fixture.path.appending("upper"))
            try searchEverything()
        }
    }

    private func searchEverything() throws {
        let store = try fixture.open()
        for query in fixture.queries(3) {
            let found = try store.search(query, k: 5, options: .init(ef: 20))
            #expect(found.count <= 5)
            #expect(try store.search(query, k: 300, options: .init(isExact: true)).count <= 300)
            _ = try store.search(query, k: 5, options: .init(ef: 20, filter: .matching { $0 % 3 == 0 }))
            _ = try store.search(query, k: 5, options: .init(ef: 20, filter: .including(0..<40)))
        }
        for label: Label in [0, 7, 299, .max] { _ = try store.vector(for: label) }
        _ = try store.allLabels()
        try store.close()
    }
}
