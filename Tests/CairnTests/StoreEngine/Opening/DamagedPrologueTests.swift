import FileFormat
import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// Damage to what says where everything lies: right answers or a clear error, nothing else.
@Suite struct DamagedPrologueTests {
    private let fixture: StoreFixture
    private let level0: FilePath
    private let bytes: [UInt8]

    init() throws {
        fixture = try StoreFixture(300, dimensions: 4)
        level0 = fixture.path.appending("level0")
        bytes = try readBytes(level0)
    }

    @Test func `level0 cut at every page`() throws {
        for length in stride(from: 0, to: bytes.count, by: 4096) {
            try writeBytes(Array(bytes[..<length]), to: level0)
            let error = storeError("\(length) bytes") { _ = try fixture.open() }
            #expect(error?.code == .corrupt && error?.path == level0)
            #expect(error?.message.contains("cut short") == true)
        }
        try writeBytes(bytes + [UInt8](repeating: 7, count: 5000), to: level0)
        #expect(try fixture.open().search(fixture.rows[5], k: 1)[0].label == 5)
    }

    /// Both slots are valid after a change of ef: one flipped bit leaves the other.
    @Test(arguments: [0, 4096])
    func `any bit of a header slot flipped`(offset: Int) throws {
        try changeWidths()
        let valid = try readBytes(level0)
        for bit in stride(from: 0, to: 512 * 8, by: 3) {
            var damaged = valid
            damaged[offset + bit / 8] ^= 1 << (bit % 8)
            try writeBytes(damaged, to: level0)
            let store = try fixture.open()
            #expect(try store.search(fixture.rows[7], k: 1)[0].label == 7)
            #expect([61, 62].contains(try store.configuration.ef))
            try store.close()
        }
    }

    @Test(arguments: [0, 4096])
    func `any bit of a new store's header slot flipped`(offset: Int) throws {
        for bit in stride(from: 0, to: 512 * 8, by: 5) {
            var damaged = bytes
            damaged[offset + bit / 8] ^= 1 << (bit % 8)
            try writeBytes(damaged, to: level0)
            #expect(try fixture.open().search(fixture.rows[7], k: 1)[0].label == 7)
        }
    }

    @Test func `any bit of the only header flipped`() throws {
        var single = bytes
        single.replaceSubrange(0..<512, with: [UInt8](repeating: 0, count: 512))
        for bit in stride(from: 0, to: 512 * 8, by: 5) {
            var damaged = single
            damaged[4096 + bit / 8] ^= 1 << (bit % 8)
            try writeBytes(damaged, to: level0)
            #expect(storeError("bit \(bit)") { _ = try fixture.open() }?.code == .corrupt)
        }
    }

    @Test(arguments: [8192, 12288])
    func `any bit of a superblock flipped`(offset: Int) throws {
        for bit in stride(from: 0, to: 512 * 8, by: 3) {
            var damaged = bytes
            damaged[offset + bit / 8] ^= 1 << (bit % 8)
            try writeBytes(damaged, to: level0)
            let store = try fixture.open()
            #expect(try store.search(fixture.rows[9], k: 1)[0].label == 9)
            try store.close()
        }
    }

    @Test func `both superblocks damaged`() throws {
        for position in stride(from: 0, to: 512, by: 7) {
            var damaged = bytes
            for offset in Superblock.offsets { damaged[offset + position] ^= 0x41 }
            try writeBytes(damaged, to: level0)
            let code = storeError { _ = try fixture.open() }?.code
            #expect(code == (position < 8 ? .notAStore : .corrupt) || code == .incompatible)
        }
    }

    @Test func `a newer version and an unknown feature are called that`() throws {
        for (position, text) in [(8, "version"), (64, "features")] {
            var newer = bytes
            for offset in Superblock.offsets {
                newer[offset + position] = 2
                seal(&newer, offset)
            }
            try writeBytes(newer, to: level0)
            let error = storeError { _ = try fixture.open() }
            #expect(error?.code == .incompatible)
            #expect(error?.message.contains(text) == true)
        }
    }

    /// Checksums that fit, numbers that do not: what a hostile file would have.
    @Test func `sealed nonsense in headers and superblocks does not crash`() throws {
        var random = SeededGenerator(seed: 77)
        for round in 0..<400 {
            var hostile = bytes
            let isHeader = round % 2 == 0
            // Eight bytes at a time over the fields in use.
            let field = Int(random.next() % (isHeader ? 12 : 15)) * 8 + 8
            let value: UInt64 = [0, 1, .max, 1 << 31, 1 << 32, 256, random.next()][Int(random.next() % 7)]
            for offset in isHeader ? [4096] : Superblock.offsets {
                for byte in 0..<8 {
                    hostile[offset + field + byte] = UInt8(truncatingIfNeeded: value >> UInt64(8 * byte))
                }
                seal(&hostile, offset)
            }
            try writeBytes(hostile, to: level0)
            for name in ["upper", "labels"] where round % 3 == 0 { removeTree(fixture.path.appending(name)) }
            do throws(StoreError) {
                let store = try fixture.open(round % 5 == 0 ? .readWrite : .readOnly)
                exercise(store, fixture.rows[3])
            } catch {
                #expect([.corrupt, .incompatible, .full, .missingDistance].contains(error.code), "\(error)")
            }
        }
    }

    private func exercise(_ store: VectorStore, _ query: [Float]) {
        do throws(StoreError) {
            let dimensions = try store.configuration.dimensions
            let query = Array((query + [Float](repeating: 1, count: dimensions)).prefix(dimensions))
            _ = try store.search(query, k: 5, options: .init(ef: 20))
            _ = try store.search(query, k: 5, options: .init(filter: .matching { $0 % 2 == 0 }))
            _ = try store.vector(for: 3)
            if store.access == .readWrite { try store.setEF(70) }
        } catch {
            #expect([.invalidVector, .corrupt].contains(error.code), "\(error)")
        }
    }

    private func changeWidths() throws {
        let store = try fixture.open(.readWrite)
        try store.setEF(61)
        try store.setEF(62)
        try store.close()
    }

    private func seal(_ bytes: inout [UInt8], _ offset: Int) {
        var sector = Array(bytes[offset..<offset + 512])
        sector.store(Checksum.crc32c(sector, prefix: 508), at: 508)
        bytes.replaceSubrange(offset..<offset + 512, with: sector)
    }
}
