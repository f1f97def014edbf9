import FileFormat
import Testing

@Suite struct CodeFileHeaderTests {
    /// With all that there can be.
    static let sample: CodeFileHeader = {
        var header = CodeFileHeader(
            layout: Identifier(bytes: Array(0x40..<0x50)), generation: 0x0102_0304_0506_0708, count: 0x0A0B,
            requested: 2, kind: 2, isProduct: true, isRotated: true, dimensions: 384, centerChecksum: 0x1122_3344,
            low: -0.25, scale: 3.5, margin: 0.125, depth: 77, error: 0.5, trainedCount: 0x0C0D,
            levels: (0..<16).map { $0 * 8 + 3 })
        header.recent = .init(count: 0x0E0F, loss: 1.75, beyond: 0x1011, doubted: 0x1213)
        header.measurement = .init(
            count: 0x1415, queries: 0x1617,
            rows: [
                .init(recall: 0.5, lost: -0.25), nil, .init(recall: 1, lost: 0.125), .init(recall: 0, lost: 1), nil,
            ])
        header.attempts = [
            .init(kind: 2, width: 10, lost: 0.75), .init(kind: 1, width: 0, lost: 1),
            .init(kind: 3, width: 200, lost: -1),
        ]
        return header
    }()

    /// The least that there can be: a store for whose vectors no codes hold, and nothing known of them.
    static let least = CodeFileHeader(
        layout: Identifier(bytes: Array(0x40..<0x50)), generation: 1, count: 0, requested: 1, kind: 0, isProduct: false,
        isRotated: false, dimensions: 2, centerChecksum: nil, low: 0, scale: 1, margin: 0, depth: 0, error: 0,
        trainedCount: 0, levels: [UInt8](repeating: 0, count: 16))

    @Test func `places are those of the format`() {
        #expect(CodeFileHeader.size == 512)
        for (dimensions, offset) in [
            (1, 4096), (384, 4096), (896, 4096), (897, 8192), (1536, 8192), (1920, 8192), (1921, 12_288),
            (65_536, 266_240),
        ] {
            #expect(CodeFileHeader.rowsOffset(dimensions: dimensions) == offset)
        }
    }

    @Test func `every field stands at its offset`() {
        var expected = [UInt8](repeating: 0, count: 512)
        func put(_ offset: Int, _ bytes: [UInt8]) {
            expected.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
        }
        func put(_ offset: Int, _ value: Float) { put(offset, littleEndian(value.bitPattern)) }
        put(0, Array("CAIRNCOD".utf8))
        put(8, [2, 0, 0, 0])
        put(12, [2, 1, 1, 1])
        put(16, Array(0x40..<0x50))
        put(32, [8, 7, 6, 5, 4, 3, 2, 1])
        put(40, [0x0B, 0x0A])
        put(48, [0x80, 1])
        put(52, -0.25)
        put(56, 3.5)
        put(60, 0.125)
        put(64, 0.5)
        put(68, [77])
        put(72, [0x0D, 0x0C])
        put(80, (0..<16).map { $0 * 8 + 3 })
        put(96, [0x0F, 0x0E])
        put(104, littleEndian(Double(1.75).bitPattern))
        put(112, [0x11, 0x10])
        put(120, [0x13, 0x12])
        put(128, [2, 3, 0b01101])
        put(132, [0x44, 0x33, 0x22, 0x11])
        put(136, [0x15, 0x14])
        put(144, [0x17, 0x16])
        for (number, value) in [Float(0.5), -0.25, 0, 0, 1, 0.125, 0, 1].enumerated() { put(148 + 4 * number, value) }
        put(188, [2, 0, 0, 0, 10])
        put(196, 0.75)
        put(200, [1])
        put(208, 1)
        put(212, [3, 0, 0, 0, 200])
        put(220, -1)
        put(508, littleEndian(referenceChecksum(expected[..<508])))
        #expect(Self.sample.encoded() == expected)
        #expect(CodeFileHeader(decoding: expected) == Self.sample)
    }

    @Test func `what is not there is zeros`() {
        let bytes = Self.least.encoded()
        #expect(bytes[12..<16].allSatisfy { $0 == 0 } && bytes[128] == 1)
        #expect(bytes[60..<128].allSatisfy { $0 == 0 } && bytes[129..<508].allSatisfy { $0 == 0 })
        #expect(CodeFileHeader(decoding: bytes) == Self.least)
    }

    @Test func `the ends of every range come back`() {
        var header = Self.sample
        header.count = Geometry.maximumSlots
        header.trainedCount = Geometry.maximumSlots
        (header.dimensions, header.depth, header.centerChecksum) = (65_536, CodeFileHeader.deepest, .max)
        (header.low, header.scale) = (-.greatestFiniteMagnitude, .greatestFiniteMagnitude)
        (header.margin, header.error) = (0, .greatestFiniteMagnitude)
        let most = CodeFileHeader.mostRecent
        header.recent = .init(count: most, loss: .greatestFiniteMagnitude, beyond: most, doubted: most)
        header.measurement = .init(
            count: Geometry.maximumSlots, queries: Int(UInt32.max),
            rows: Array(repeating: .init(recall: 1, lost: 1), count: 5))
        header.levels = [UInt8](repeating: 127, count: 16)
        (header.kind, header.isProduct, header.isRotated) = (1, false, false)
        #expect(CodeFileHeader(decoding: header.encoded()) == header)
        (header.count, header.trainedCount, header.depth, header.centerChecksum) = (0, 0, 0, 0)
        (header.error, header.scale) = (0, .leastNonzeroMagnitude)
        header.recent = .init()
        header.measurement = .init(count: 1, queries: 0, rows: Array(repeating: .init(recall: 0, lost: -1), count: 5))
        header.levels = [UInt8](repeating: 0, count: 16)
        #expect(CodeFileHeader(decoding: header.encoded()) == header)
        // A store so small that each width is a scan.
        header.measurement = .init(count: 12, queries: 0, rows: Array(repeating: nil, count: 5))
        #expect(CodeFileHeader(decoding: header.encoded()) == header)
        header.measurement = nil
        header.attempts = []
        #expect(CodeFileHeader(decoding: header.encoded()) == header)
    }

    @Test func `every kind may stand beside either request`() {
        for requested in UInt8(1)...2 {
            for kind in UInt8(0)...3 {
                var header = Self.sample
                (header.requested, header.kind) = (requested, kind)
                if kind == 3 { (header.isRotated, header.centerChecksum) = (false, nil) }
                #expect(CodeFileHeader(decoding: header.encoded()) == header)
            }
        }
    }

    @Test func `half precision is not rotated, and has no center for products`() {
        var header = Self.sample
        (header.kind, header.isRotated, header.isProduct) = (3, false, false)
        #expect(CodeFileHeader(decoding: header.encoded()) == header)
        header.isProduct = true
        #expect(CodeFileHeader(decoding: header.encoded()) == nil)
        (header.isProduct, header.isRotated) = (false, true)
        #expect(CodeFileHeader(decoding: header.encoded()) == nil)
    }

    @Test func `each of the measured widths stands for itself`() {
        for number in 0..<5 {
            var header = Self.sample, rows = [CodeFileHeader.Measurement.Row?](repeating: nil, count: 5)
            rows[number] = .init(recall: 0.875, lost: 0.0625)
            header.measurement = .init(count: 300, queries: 256, rows: rows)
            let bytes = header.encoded()
            #expect(bytes[130] == 1 << number)
            #expect(
                Array(bytes[148 + 8 * number..<156 + 8 * number])
                    == littleEndian(Float(0.875).bitPattern) + littleEndian(Float(0.0625).bitPattern))
            #expect(CodeFileHeader(decoding: bytes) == header)
        }
        #expect(CodeFileHeader.widths == [10, 20, 50, 100, 200])
    }

    /// Rows go on being what they are whatever is written or found out about them.
    @Test func `headers of the same rows`() {
        let header = Self.sample
        func isSame(_ change: (inout CodeFileHeader) -> Void) -> Bool {
            var other = header
            change(&other)
            #expect(other != header)
            #expect(header.hasSameRows(as: other) == other.hasSameRows(as: header))
            return header.hasSameRows(as: other)
        }
        #expect(header.hasSameRows(as: header))
        let harmless: [(inout CodeFileHeader) -> Void] = [
            { $0.generation = $0.generation.next }, { $0.count += 1 }, { $0.depth += 1 }, { $0.recent.count += 1 },
            { $0.recent.loss += 1 }, { $0.recent.beyond += 1 }, { $0.recent.doubted += 1 }, { $0.measurement = nil },
            { $0.attempts = [] },
        ]
        for (number, change) in harmless.enumerated() { #expect(isSame(change), "\(number)") }
        let others: [(inout CodeFileHeader) -> Void] = [
            { $0.layout = Identifier(bytes: Array(0x41..<0x51)) }, { $0.requested = 1 }, { $0.kind = 1 },
            { $0.isProduct = false }, { $0.isRotated = false }, { $0.dimensions += 1 }, { $0.centerChecksum = nil },
            { $0.centerChecksum? += 1 }, { $0.low += 1 }, { $0.scale += 1 }, { $0.margin += 1 }, { $0.error += 1 },
            { $0.trainedCount += 1 }, { $0.levels[15] += 1 },
        ]
        for (number, change) in others.enumerated() { #expect(!isSame(change), "\(number)") }
    }

    @Test func `a center comes back, and no other bytes for it`() {
        let center: [Float] = [0.5, -1, .greatestFiniteMagnitude, 0]
        let (bytes, checksum) = CodeFileHeader.centerBytes(center)
        #expect(bytes == center.flatMap { littleEndian($0.bitPattern) })
        #expect(checksum == referenceChecksum(bytes[...]))
        var header = Self.sample
        (header.dimensions, header.centerChecksum) = (4, checksum)
        #expect(header.center(bytes) == center)
        for damaged in singleBitFlips(bytes) { #expect(header.center(damaged) == nil) }
        for other in [[], Array(bytes.dropLast()), bytes + [0], Array(bytes[4...])] {
            #expect(header.center(other) == nil)
        }
        for value in [Float.nan, .infinity, -.infinity] {
            let (bytes, checksum) = CodeFileHeader.centerBytes([0, value, 1, 2])
            header.centerChecksum = checksum
            #expect(header.center(bytes) == nil)
        }
        header.centerChecksum = nil
        #expect(header.center([]) == [] && header.center(bytes) == [])
    }

    @Test func `every single bit flip is detected`() {
        for header in [Self.sample, Self.least] {
            for bytes in singleBitFlips(header.encoded()) { #expect(CodeFileHeader(decoding: bytes) == nil) }
        }
    }

    @Test func `other bytes are no header`() {
        let bytes = Self.sample.encoded()
        for other in [[], Array(bytes.dropLast()), bytes + [0], [UInt8](repeating: 0, count: 512)] {
            #expect(CodeFileHeader(decoding: other) == nil)
        }
    }

    /// Offsets, and bytes that cannot stand there.
    static let impossible: [(Int, [UInt8])] = [
        // Version 1 too: its rows were made otherwise.
        (8, [1]), (8, [3]), (8, [0]), (12, [4]), (12, [255]), (128, [0]), (128, [3]), (128, [255]),
        (48, littleEndian(UInt32(65_537))), (48, littleEndian(UInt32.max)),
        (40, littleEndian(UInt64.max)), (40, littleEndian(UInt64(Geometry.maximumSlots) + 1)),
        (72, littleEndian(UInt64.max)), (72, littleEndian(UInt64(Geometry.maximumSlots) + 1)),
        (96, littleEndian(UInt64.max)), (96, littleEndian(UInt64(1) << 48 + 1)),
        (112, littleEndian(UInt64.max)), (112, littleEndian(UInt64(1) << 48 + 1)),
        (120, littleEndian(UInt64.max)), (120, littleEndian(UInt64(1) << 48 + 1)),
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
        // The measurement: a width that there is none of; what was measured, but of no slots; shares.
        (130, [0b101101]), (130, [255]), (136, littleEndian(UInt64(0))),
        (136, littleEndian(UInt64(Geometry.maximumSlots) + 1)), (136, littleEndian(UInt64.max)),
        (148, littleEndian(Float(-0.01).bitPattern)), (148, littleEndian(Float(1.01).bitPattern)),
        (148, littleEndian(Float.nan.bitPattern)), (152, littleEndian(Float(-1.01).bitPattern)),
        (152, littleEndian(Float(1.01).bitPattern)), (152, littleEndian(Float.nan.bitPattern)),
        (164, littleEndian(Float.infinity.bitPattern)), (176, littleEndian(Float.infinity.bitPattern)),
        // The attempts: too many; kinds, widths and shares that there are none of.
        (129, [4]), (129, [255]), (188, [0]), (188, [4]), (188, littleEndian(UInt32(1) << 8 + 1)), (192, [11]),
        (192, littleEndian(UInt32.max)), (196, littleEndian(Float(1.01).bitPattern)),
        (196, littleEndian(Float(-1.01).bitPattern)), (196, littleEndian(Float.nan.bitPattern)), (212, [0]),
        (216, [1]), (220, littleEndian(Float.infinity.bitPattern)),
    ]

    @Test(arguments: impossible)
    func `impossible fields are no header`(offset: Int, bytes: [UInt8]) {
        #expect(CodeFileHeader(decoding: resealed(Self.sample.encoded(), offset, bytes)) == nil)
    }

    /// What was not measured or tried has no bytes that count.
    @Test func `fields that are not there may hold anything`() {
        var header = Self.sample
        header.attempts.removeLast()
        header.centerChecksum = nil
        let bytes = header.encoded()
        for (offset, values) in [
            (132, [1, 2, 3, 4]), (131, [9]), (156, littleEndian(Float.nan.bitPattern)), (180, [255, 255, 255, 255]),
            (212, [9]), (220, littleEndian(Float.nan.bitPattern)), (224, [1]), (507, [1]),
        ] {
            #expect(CodeFileHeader(decoding: resealed(bytes, offset, values)) == header)
        }
        #expect(CodeFileHeader(decoding: resealed(Self.least.encoded(), 130, [1])) == nil)
        #expect(CodeFileHeader(decoding: resealed(Self.least.encoded(), 144, [1])) == nil)
        // Any other byte than 0 says yes.
        for offset in 13...15 {
            #expect(CodeFileHeader(decoding: resealed(Self.sample.encoded(), offset, [255])) == Self.sample)
        }
    }

    @Test func `whatever the fields are, a header that decodes encodes to the same fields`() {
        var state: UInt64 = 3
        for _ in 0..<5000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let offset = Int(state >> 33) % 212 + 12, value = UInt8(truncatingIfNeeded: state >> 20)
            let bytes = resealed(Self.sample.encoded(), offset, [value])
            guard let header = CodeFileHeader(decoding: bytes) else { continue }
            #expect(CodeFileHeader(decoding: header.encoded()) == header)
        }
    }
}
