import FileFormat
import Testing

@Suite struct CodeFileHeaderTests {
    static let sample = CodeFileHeader(
        layout: Identifier(bytes: Array(0x40..<0x50)), generation: 0x0102_0304_0506_0708, count: 0x0A0B, kind: 2,
        isProduct: true, isRotated: true, dimensions: 384, low: -0.25, scale: 3.5, margin: 0.125, depth: 77, error: 0.5,
        trainedCount: 0x0C0D, levels: (0..<16).map { $0 * 8 + 3 }, recentCount: 0x0E0F, recentLoss: 1.75)

    @Test func `places are those of the format`() {
        #expect(CodeFileHeader.size == 512 && CodeFileHeader.rowsOffset == 4096)
    }

    @Test func `every field stands at its offset`() {
        var expected = [UInt8](repeating: 0, count: 512)
        func put(_ offset: Int, _ bytes: [UInt8]) {
            expected.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
        }
        put(0, Array("CAIRNCOD".utf8))
        put(8, [1, 0, 0, 0])
        put(12, [2, 1, 1])
        put(16, Array(0x40..<0x50))
        put(32, [8, 7, 6, 5, 4, 3, 2, 1])
        put(40, [0x0B, 0x0A])
        put(48, [0x80, 1])
        put(52, littleEndian(Float(-0.25).bitPattern))
        put(56, littleEndian(Float(3.5).bitPattern))
        put(60, littleEndian(Float(0.125).bitPattern))
        put(64, littleEndian(Float(0.5).bitPattern))
        put(68, [77])
        put(72, [0x0D, 0x0C])
        put(80, (0..<16).map { $0 * 8 + 3 })
        put(96, [0x0F, 0x0E])
        put(104, littleEndian(Double(1.75).bitPattern))
        put(508, littleEndian(referenceChecksum(expected[..<508])))
        #expect(Self.sample.encoded() == expected)
        #expect(CodeFileHeader(decoding: expected) == Self.sample)
    }

    @Test func `the ends of every range come back`() {
        var header = Self.sample
        header.count = Geometry.maximumSlots
        header.trainedCount = Geometry.maximumSlots
        (header.dimensions, header.depth, header.recentCount) = (65_536, CodeFileHeader.deepest, 1 << 48)
        (header.low, header.scale) = (-.greatestFiniteMagnitude, .greatestFiniteMagnitude)
        (header.margin, header.error, header.recentLoss) = (0, .greatestFiniteMagnitude, .greatestFiniteMagnitude)
        header.levels = [UInt8](repeating: 127, count: 16)
        (header.kind, header.isProduct, header.isRotated) = (1, false, false)
        #expect(CodeFileHeader(decoding: header.encoded()) == header)
        (header.count, header.trainedCount, header.recentCount, header.depth) = (0, 0, 0, 0)
        (header.error, header.recentLoss, header.scale) = (0, 0, .leastNonzeroMagnitude)
        header.levels = [UInt8](repeating: 0, count: 16)
        #expect(CodeFileHeader(decoding: header.encoded()) == header)
    }

    @Test func `every single bit flip is detected`() {
        for bytes in singleBitFlips(Self.sample.encoded()) { #expect(CodeFileHeader(decoding: bytes) == nil) }
    }

    @Test func `other bytes are no header`() {
        let bytes = Self.sample.encoded()
        for other in [[], Array(bytes.dropLast()), bytes + [0], [UInt8](repeating: 0, count: 512)] {
            #expect(CodeFileHeader(decoding: other) == nil)
        }
    }

    /// Offsets, and bytes that cannot stand there.
    static let impossible: [(Int, [UInt8])] = [
        (8, [2]), (8, [0]), (12, [0]), (12, [3]),
        (40, littleEndian(UInt64.max)), (40, littleEndian(UInt64(Geometry.maximumSlots) + 1)),
        (72, littleEndian(UInt64.max)), (72, littleEndian(UInt64(Geometry.maximumSlots) + 1)),
        (96, littleEndian(UInt64.max)), (96, littleEndian(UInt64(1) << 48 + 1)),
        (52, littleEndian(Float.infinity.bitPattern)), (52, littleEndian(Float.nan.bitPattern)),
        (56, littleEndian(Float.infinity.bitPattern)), (56, littleEndian(Float.nan.bitPattern)),
        (56, littleEndian(Float(0).bitPattern)), (56, littleEndian(Float(-1).bitPattern)),
        (60, littleEndian(Float(-0.1).bitPattern)), (60, littleEndian(Float.infinity.bitPattern)),
        (60, littleEndian(Float.nan.bitPattern)), (64, littleEndian(Float(-0.1).bitPattern)),
        (64, littleEndian(Float.nan.bitPattern)), (64, littleEndian(Float.infinity.bitPattern)),
        (68, littleEndian(UInt32(CodeFileHeader.deepest) + 1)), (68, littleEndian(UInt32.max)),
        (80, [128]), (95, [255]),
        (104, littleEndian((-Double.leastNonzeroMagnitude).bitPattern)), (104, littleEndian(Double.nan.bitPattern)),
        (104, littleEndian(Double.infinity.bitPattern)),
    ]

    @Test(arguments: impossible)
    func `impossible fields are no header`(offset: Int, bytes: [UInt8]) {
        #expect(CodeFileHeader(decoding: resealed(Self.sample.encoded(), offset, bytes)) == nil)
    }

    @Test func `whatever the fields are, a header that decodes encodes to the same fields`() {
        var state: UInt64 = 3
        for _ in 0..<2000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let offset = Int(state >> 33) % 100 + 12, value = UInt8(truncatingIfNeeded: state >> 20)
            let bytes = resealed(Self.sample.encoded(), offset, [value])
            guard let header = CodeFileHeader(decoding: bytes) else { continue }
            #expect(CodeFileHeader(decoding: header.encoded()) == header)
        }
    }
}
