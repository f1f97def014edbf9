import FileFormat
import Testing

@Suite struct JournalFormatTests {
    static let sample = JournalHeader(
        layout: Identifier(bytes: Array(0x40..<0x50)), generation: 0x0102_0304, bodyLength: 4096, extentCount: 9,
        bodyChecksum: 0xDEAD_BEEF)

    @Test func `the journal's header has every field at its offset`() throws {
        var expected = [UInt8](repeating: 0, count: 512)
        func put(_ offset: Int, _ bytes: [UInt8]) {
            expected.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
        }
        put(0, Array("CAIRNJNL".utf8))
        put(8, [1, 0, 0, 0])
        put(16, Array(0x40..<0x50))
        put(32, [4, 3, 2, 1])
        put(40, [0, 0x10])
        put(48, [9])
        put(56, [0xEF, 0xBE, 0xAD, 0xDE])
        put(508, littleEndian(referenceChecksum(expected[..<508])))
        #expect(Self.sample.encoded() == expected)
        #expect(try JournalHeader(decoding: expected) == Self.sample)
    }

    @Test func `every bit of the journal's header counts`() {
        for bytes in singleBitFlips(Self.sample.encoded()) {
            #expect(throws: FormatError.self) { try JournalHeader(decoding: bytes) }
        }
    }

    @Test(
        arguments: [
            (8, [2], .incompatible), (40, [1], .corrupt), (40, [0, 1], .corrupt), (47, [0x80], .corrupt),
            (49, [0xFF], .corrupt), (55, [0x80], .corrupt),
        ] as [(Int, [UInt8], FormatError.Kind)])
    func `a journal's header out of range is refused`(offset: Int, bytes: [UInt8], kind: FormatError.Kind) {
        let error = #expect(throws: FormatError.self) {
            try JournalHeader(decoding: resealed(Self.sample.encoded(), offset, bytes))
        }
        #expect(error?.kind == kind)
    }

    @Test func `extents are read as they were written`() throws {
        let extent = JournalExtent(target: .labels, offset: 0x0102_0304_0506, length: 1 << 20)
        let bytes = extent.encoded()
        #expect(bytes == [1, 0, 0, 0, 0, 0, 0x10, 0, 6, 5, 4, 3, 2, 1, 0, 0])
        #expect(try unsafe bytes.withUnsafeBytes { unsafe try JournalExtent(decoding: $0) } == extent)
        #expect(extent.byteCount == 16 + 1 << 20)
        #expect(JournalExtent(target: .labels, offset: 0, length: 1).byteCount == 24)
    }

    @Test(
        arguments: [(0, [3]), (0, [255]), (4, [1, 0, 0x10, 0]), (4, [0, 0, 0]), (7, [0x80]), (15, [0x80])]
            as [(Int, [UInt8])])
    func `extents out of range are corrupt`(offset: Int, values: [UInt8]) {
        var bytes = JournalExtent(target: .levelZero, offset: 16, length: 1 << 20).encoded()
        if values == [0, 0, 0] { bytes[6] = 0 }
        bytes.replaceSubrange(offset..<(offset + values.count), with: values)
        #expect(throws: FormatError.self) {
            try unsafe bytes.withUnsafeBytes { unsafe try JournalExtent(decoding: $0) }
        }
    }
}
