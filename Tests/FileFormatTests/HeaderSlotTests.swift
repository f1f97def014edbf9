import FileFormat
import Testing

@Suite struct HeaderSlotTests {
    static let superblock = SuperblockTests.sample
    static let sample = HeaderSlot(
        generation: 0x0102_0304_0506_0708, layout: superblock.layout, graphGeneration: 0x0102_0304_0506_0700,
        slotCount: 1000, segmentCount: 3, entryPoint: 777, maximumLevel: 4, searchWidth: 80, liveCount: 900,
        markedCount: 70, freeCount: 30, levelState: 0x1234_5678, logSequence: 0x0A0B,
        logSalt: Identifier(bytes: Array(0x70..<0x80)), lastFrame: 0x0C0D, lastBatch: 0x0E0F, codes: 2)
    static let empty = HeaderSlot(
        generation: 1, layout: superblock.layout, graphGeneration: 1, slotCount: 0, segmentCount: 0,
        entryPoint: HeaderSlot.noEntryPoint, maximumLevel: -1, searchWidth: 50, liveCount: 0, markedCount: 0,
        freeCount: 0, levelState: 100)

    @Test func placesAreThoseOfTheFormat() {
        #expect(HeaderSlot.offsets == [0, 4096])
        #expect(HeaderSlot.size == 512)
        #expect(HeaderSlot.noEntryPoint == 0xFFFF_FFFF)
    }

    @Test func everyFieldStandsAtItsOffset() {
        var expected = [UInt8](repeating: 0, count: 512)
        func put(_ offset: Int, _ bytes: [UInt8]) {
            expected.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
        }
        put(0, Array("CAIRNHDR".utf8))
        put(8, [8, 7, 6, 5, 4, 3, 2, 1])
        put(16, Array(0x40..<0x50))
        put(32, [0xE8, 3, 0, 0, 0, 0, 0, 0])
        put(40, [3, 0, 0, 0])
        put(44, [9, 3, 0, 0])
        put(48, [4, 0, 0, 0])
        put(52, [80, 0, 0, 0])
        put(56, [0x84, 3, 0, 0, 0, 0, 0, 0])
        put(64, [70, 0, 0, 0, 0, 0, 0, 0])
        put(72, [30, 0, 0, 0, 0, 0, 0, 0])
        put(80, [0x78, 0x56, 0x34, 0x12])
        put(88, [0, 7, 6, 5, 4, 3, 2, 1])
        put(96, [0x0B, 0x0A])
        put(104, Array(0x70..<0x80))
        put(120, [0x0D, 0x0C])
        put(128, [0x0F, 0x0E])
        put(136, [2])
        put(508, littleEndian(referenceChecksum(expected[..<508])))
        #expect(Self.sample.encoded() == expected)
    }

    @Test func anEmptyStoreHasNoEntryPoint() throws {
        let bytes = Self.empty.encoded()
        #expect(Array(bytes[44..<52]) == [UInt8](repeating: 0xFF, count: 8))
        #expect(try HeaderSlot(decoding: bytes, superblock: Self.superblock) == Self.empty)
    }

    @Test func decodesWhatItEncodes() throws {
        #expect(try HeaderSlot(decoding: Self.sample.encoded(), superblock: Self.superblock) == Self.sample)
        var full = Self.sample
        full.slotCount = 1024
        full.liveCount = 924
        full.entryPoint = 1023
        full.maximumLevel = 63
        full.graphGeneration = full.generation
        full.searchWidth = 1_000_000
        full.levelState = 2_147_483_646
        full.codes = 1
        #expect(try HeaderSlot(decoding: full.encoded(), superblock: Self.superblock) == full)
    }

    /// A later program's kind of codes does not keep this one from opening the store.
    @Test(arguments: [0, 1, 2, 3, 255] as [UInt8])
    func anyKindOfCodesComesBack(codes: UInt8) throws {
        var header = Self.sample
        header.codes = codes
        #expect(header.encoded()[136] == codes)
        #expect(try HeaderSlot(decoding: header.encoded(), superblock: Self.superblock) == header)
    }

    @Test func everySingleBitFlipIsDetected() {
        for bytes in singleBitFlips(Self.sample.encoded()) {
            #expect(throws: FormatError.self) { try HeaderSlot(decoding: bytes, superblock: Self.superblock) }
        }
    }

    @Test func zerosAreNoHeader() {
        let error = #expect(throws: FormatError.self) {
            try HeaderSlot(decoding: [UInt8](repeating: 0, count: 512), superblock: Self.superblock)
        }
        #expect(error?.kind == .corrupt)
    }

    /// Offsets, bytes that cannot stand there beside the sample's others, and a word of the message that says why.
    static let impossible: [(Int, [UInt8], String)] = [
        (32, [0xE9], "add up"), (56, [0x85], "add up"), (64, [71], "add up"), (72, [29], "add up"),
        // Sums that are right only when they wrap around.
        (56, littleEndian(UInt64.max - 69) + littleEndian(UInt64(1070)) + littleEndian(UInt64(0)), "add up"),
        (32, [1, 4, 0, 0, 0, 0, 0, 0], "add up"),
        (40, [2, 0, 0, 0], "segments"), (40, [0xFF, 0xFF, 0xFF, 0xFF], "segments"),
        (44, [0xE8, 3, 0, 0], "entry point"), (44, [0xFF, 0xFF, 0xFF, 0xFF], "entry point"),
        (48, [64, 0, 0, 0], "level"), (48, [0xFF, 0xFF, 0xFF, 0xFF], "level"), (48, [0, 0, 0, 0x80], "level"),
        (52, [0, 0, 0, 0], "width"), (52, [0xFF, 0xFF, 0xFF, 0xFF], "width"),
        (80, [0, 0, 0, 0], "level state"), (80, [0xFF, 0xFF, 0xFF, 0x7F], "level state"),
        (88, [0, 0, 0, 0, 0, 0, 0, 0], "generations"), (88, [9, 7, 6, 5, 4, 3, 2, 1], "generations"),
        (8, [0, 0, 0, 0, 0, 0, 0, 0], "generations"), (8, [UInt8](repeating: 0xFF, count: 8), "generations"),
        (16, [0x41], "another layout"),
        (96, [0, 0], "log"), (103, [0x80], "log"), (127, [0x80], "log"), (135, [0x80], "log"),
    ]

    @Test(arguments: impossible)
    func impossibleFieldsAreCorrupt(offset: Int, bytes: [UInt8], word: String) {
        let error = #expect(throws: FormatError.self) {
            try HeaderSlot(decoding: resealed(Self.sample.encoded(), offset, bytes), superblock: Self.superblock)
        }
        #expect(error?.kind == .corrupt)
        #expect(error?.message.contains(word) == true, "\(error?.message ?? "nothing")")
    }

    @Test(arguments: [(44, [0, 0, 0, 0]), (48, [0, 0, 0, 0])] as [(Int, [UInt8])])
    func anEmptyStoreWithAnEntryPointIsCorrupt(offset: Int, bytes: [UInt8]) {
        #expect(throws: FormatError.self) {
            try HeaderSlot(decoding: resealed(Self.empty.encoded(), offset, bytes), superblock: Self.superblock)
        }
    }

    @Test func slotsMustFitTheSegments() throws {
        var header = Self.sample
        header.slotCount = 1025
        header.liveCount = 925
        let error = #expect(throws: FormatError.self) {
            try HeaderSlot(decoding: header.encoded(), superblock: Self.superblock)
        }
        #expect(error?.message.contains("1025") == true)
        header.segmentCount = 4
        #expect(try HeaderSlot(decoding: header.encoded(), superblock: Self.superblock) == header)
    }
}
