import FileFormat
import Testing

@Suite struct DerivedFileTests {
    static let sample = DerivedFile(
        kind: .upper, layout: Identifier(bytes: Array(0x40..<0x50)), generation: 0x0102_0304_0506_0708, count: 77,
        extent: 99, bodyChecksum: 0xDEAD_BEEF)

    @Test(arguments: [(DerivedFile.Kind.upper, "CAIRNUPR"), (.labels, "CAIRNLBL")])
    func everyFieldStandsAtItsOffset(kind: DerivedFile.Kind, magic: String) {
        var expected = [UInt8](repeating: 0, count: 512)
        func put(_ offset: Int, _ bytes: [UInt8]) {
            expected.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
        }
        put(0, Array(magic.utf8))
        put(8, [1, 0, 0, 0])
        put(12, [0xEF, 0xBE, 0xAD, 0xDE])
        put(16, Array(0x40..<0x50))
        put(32, [8, 7, 6, 5, 4, 3, 2, 1])
        put(40, [77, 0, 0, 0, 0, 0, 0, 0])
        put(48, [99, 0, 0, 0, 0, 0, 0, 0])
        put(508, littleEndian(referenceChecksum(expected[..<508])))
        var file = Self.sample
        file.kind = kind
        #expect(file.encoded() == expected)
        #expect(DerivedFile(decoding: expected, kind: kind) == file)
    }

    @Test func everySingleBitFlipIsDetected() {
        for bytes in singleBitFlips(Self.sample.encoded()) {
            #expect(DerivedFile(decoding: bytes, kind: .upper) == nil)
        }
    }

    @Test func whatDoesNotFitIsRefused() {
        let bytes = Self.sample.encoded()
        #expect(DerivedFile(decoding: bytes, kind: .labels) == nil)
        #expect(DerivedFile(decoding: [], kind: .upper) == nil)
        #expect(DerivedFile(decoding: Array(bytes.dropLast()), kind: .upper) == nil)
        #expect(DerivedFile(decoding: resealed(bytes, 8, [2]), kind: .upper) == nil)
        // Sizes are multiplied by what a list takes: they must be far from overflowing.
        for offset in [40, 48] {
            for count in [UInt64.max, 1 << 40, 1 << 63] {
                #expect(DerivedFile(decoding: resealed(bytes, offset, littleEndian(count)), kind: .upper) == nil)
            }
        }
    }
}
