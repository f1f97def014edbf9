import FileFormat
import Testing

@Suite struct SuperblockTests {
    static let sample = Superblock(
        store: Identifier(bytes: Array(0x10..<0x20)), layout: Identifier(bytes: Array(0x40..<0x50)), dimensions: 384,
        metric: .cosine, scalar: .float16, connectivity: 24, constructionWidth: 300, seed: 0x1122_3344_5566_7788)

    @Test func placesAreThoseOfTheFormat() {
        #expect(Superblock.offsets == [8192, 12288])
        #expect(Superblock.size == 512)
        #expect(Superblock.Metric.allCases.map(\.rawValue) == [0, 1, 2, 3])
        #expect(Superblock.Scalar.allCases.map(\.rawValue) == [0, 1, 2, 3])
        #expect(Superblock.Scalar.allCases.map(\.size) == [4, 2, 1, 1])
    }

    @Test func everyFieldStandsAtItsOffset() {
        var expected = [UInt8](repeating: 0, count: 512)
        func put(_ offset: Int, _ bytes: [UInt8]) {
            expected.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
        }
        put(0, Array("CAIRNSUP".utf8))
        put(8, [1, 0, 0, 0])
        put(16, Array(0x10..<0x20))
        put(32, Array(0x40..<0x50))
        put(72, [0x80, 1, 0, 0])
        put(76, [24, 0, 0, 0])
        put(80, [0x2C, 1, 0, 0])
        put(84, [2, 1])
        put(88, [0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11])
        put(96, [0, 1, 0, 0])
        // 768 + 192 + 16 + 4 + 4 = 984 bytes a slot: 65,536 slots take 61.5 MiB.
        put(100, [0, 0, 1, 0])
        put(104, [0, 3, 0, 0])
        put(108, [192, 0, 0, 0])
        put(508, littleEndian(referenceChecksum(expected[..<508])))
        #expect(Self.sample.encoded() == expected)
    }

    @Test func whatAnHnswlibFileSaidStandsBehindTheName() throws {
        var superblock = Self.sample
        superblock.origin = HnswlibOrigin(
            capacity: 0x0102_0304_0506_0708, constructionWidth: 0x1112_1314_1516_1718,
            multiplier: 0x2122_2324_2526_2728,
            entryPoint: 0x3132_3334, maximumLevel: -1, elementChecksum: 0x5152_5354, upperChecksum: 0x4142_4344,
            isChromas: true)
        let bytes = superblock.encoded()
        #expect(Array(bytes[368..<376]) == [1, 1, 0, 0, 0x34, 0x33, 0x32, 0x31])
        #expect(Array(bytes[376..<384]) == [8, 7, 6, 5, 4, 3, 2, 1])
        #expect(Array(bytes[384..<392]) == [0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11])
        #expect(Array(bytes[392..<400]) == [0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22, 0x21])
        #expect(Array(bytes[400..<408]) == [255, 255, 255, 255, 0x44, 0x43, 0x42, 0x41])
        #expect(Array(bytes[408..<412]) == [0x54, 0x53, 0x52, 0x51])
        #expect(try Superblock(decoding: bytes) == superblock)
    }

    @Test func theNameOfACustomDistanceFollowsItsLength() throws {
        var superblock = Self.sample
        superblock.metric = .custom
        superblock.distanceName = "größe"
        let bytes = superblock.encoded()
        #expect(bytes[84] == 3)
        #expect(bytes[112] == 7)
        #expect(Array(bytes[113..<120]) == Array("größe".utf8))
        #expect(try Superblock(decoding: bytes) == superblock)
        superblock.distanceName = String(repeating: "x", count: 255)
        #expect(try Superblock(decoding: superblock.encoded()) == superblock)
    }

    @Test(arguments: [2, 16, 10_000], [1, 63, 128, 65_536])
    func decodesWhatItEncodes(connectivity: Int, dimensions: Int) throws {
        for metric in [Superblock.Metric.l2, .innerProduct, .cosine] {
            for scalar in Superblock.Scalar.allCases {
                let superblock = Superblock(
                    dimensions: dimensions, metric: metric, scalar: scalar, connectivity: connectivity,
                    constructionWidth: 1_000_000, seed: .max)
                #expect(try Superblock(decoding: superblock.encoded()) == superblock)
            }
        }
    }

    @Test func everySingleBitFlipIsDetected() {
        for bytes in singleBitFlips(Self.sample.encoded()) {
            #expect(throws: FormatError.self) { try Superblock(decoding: bytes) }
        }
    }

    @Test func anotherMagicIsNotAStore() {
        let error = #expect(throws: FormatError.self) {
            try Superblock(decoding: resealed(Self.sample.encoded(), 0, Array("SQLite 3".utf8)))
        }
        #expect(error?.kind == .notAStore)
    }

    @Test(arguments: [0, 2, 77] as [UInt32])
    func anotherVersionIsIncompatibleAndSaysSo(version: UInt32) {
        let error = #expect(throws: FormatError.self) {
            try Superblock(decoding: resealed(Self.sample.encoded(), 8, littleEndian(version)))
        }
        #expect(error?.kind == .incompatible)
        #expect(error?.message.contains("format version \(version) is not version 1") == true)
    }

    @Test(arguments: [0, 1, 31, 32, 63])
    func unknownFeaturesForbidWhatTheySay(bit: Int) throws {
        let bytes = Self.sample.encoded(), mask = littleEndian(UInt64(1) << bit)
        let incompatible = #expect(throws: FormatError.self) { try Superblock(decoding: resealed(bytes, 64, mask)) }
        #expect(incompatible?.kind == .incompatible)
        #expect(incompatible?.message.contains("bits 0x\(String(UInt64(1) << bit, radix: 16))") == true)

        let readOnly = resealed(bytes, 56, mask)
        #expect(try Superblock(decoding: readOnly) == Self.sample)
        let error = #expect(throws: FormatError.self) { try Superblock.checkWritable(readOnly) }
        #expect(error?.kind == .incompatible)

        let compatible = resealed(bytes, 48, mask)
        #expect(try Superblock(decoding: compatible) == Self.sample)
        try Superblock.checkWritable(compatible)
    }

    @Test func aNewerVersionWithUnknownFeaturesIsCalledNewer() {
        let bytes = resealed(resealed(Self.sample.encoded(), 64, [1]), 8, [2])
        let error = #expect(throws: FormatError.self) { try Superblock(decoding: bytes) }
        #expect(error?.message.contains("format version 2") == true)
    }

    /// Offsets and bytes that no program may have written there, under a right checksum.
    static let impossible: [(Int, [UInt8])] = [
        (72, [0, 0, 0, 0]), (72, [1, 0, 1, 0]), (72, [0xFF, 0xFF, 0xFF, 0xFF]),  // dimensions
        (76, [0, 0, 0, 0]), (76, [1, 0, 0, 0]), (76, [0x11, 0x27, 0, 0]), (76, [0xFF, 0xFF, 0xFF, 0xFF]),  // M
        (80, [0, 0, 0, 0]), (80, [0x41, 0x42, 0x0F, 0]),  // efConstruction
        (84, [4]), (84, [255]), (85, [4]), (85, [255]),  // metric, scalar
        (85, [0]), (85, [2]), (72, [1, 0, 0, 0]), (76, [2, 0, 0, 0]),  // strides of other shapes
        (96, [0, 2, 0, 0]), (100, [0, 0, 2, 0]), (104, [64, 0, 0, 0]), (108, [128, 0, 0, 0]),
        (112, [1, 0x61]), (84, [3]),  // a name without a custom distance, and the reverse
    ]

    @Test(arguments: impossible)
    func impossibleFieldsAreCorrupt(offset: Int, bytes: [UInt8]) {
        let error = #expect(throws: FormatError.self) {
            try Superblock(decoding: resealed(Self.sample.encoded(), offset, bytes))
        }
        #expect(error?.kind == .corrupt)
    }

    @Test func aNameThatIsNotUTF8IsCorrupt() {
        var superblock = Self.sample
        superblock.metric = .custom
        superblock.distanceName = "ab"
        let error = #expect(throws: FormatError.self) {
            try Superblock(decoding: resealed(superblock.encoded(), 113, [0xC3, 0x28]))
        }
        #expect(error?.kind == .corrupt)
    }

    @Test func bytesWithoutMeaningAreIgnored() throws {
        for offset in [12, 86, 368, 507] {
            #expect(try Superblock(decoding: resealed(Self.sample.encoded(), offset, [0xFF])) == Self.sample)
        }
    }
}
