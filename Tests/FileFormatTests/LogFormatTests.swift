import FileFormat
import Testing

@Suite struct LogFormatTests {
    static let superblock = SuperblockTests.sample
    static let limits = LogLimits(
        Superblock(dimensions: 3, metric: .cosine, scalar: .uint8, connectivity: 4, constructionWidth: 10, seed: 1))
    static let header = LogFileHeader(
        store: Identifier(bytes: Array(0x20..<0x30)), layout: Identifier(bytes: Array(0x40..<0x50)), sequence: 0x1122,
        firstFrame: 7, salt: Identifier(bytes: Array(0x60..<0x70)))
    static let commit = LogCommit(
        batch: 5, durableFrame: 6, entryPoint: 1, maximumLevel: 2, searchWidth: 50, slotCount: 12, liveCount: 9,
        markedCount: 2, freeCount: 1, levelState: 77)

    /// A batch of one change of each kind.
    static func sampleBatch() -> LogBatch {
        let batch = LogBatch()
        let vector: [UInt8] = [9, 8, 7]
        unsafe vector.withUnsafeBytes {
            unsafe batch.addRow(slot: 11, label: 0x0102_0304_0506_0708, level: 2, norm: 1.5, bytes: $0)
        }
        let ids: [UInt32] = [3, 4]
        unsafe ids.withUnsafeBufferPointer { unsafe batch.addList(slot: 2, level: 1, kept: 1, added: $0) }
        batch.addState(slot: 6, .superseded)
        return batch
    }

    @Test func `a log file's header has every field at its offset`() throws {
        var expected = [UInt8](repeating: 0, count: 512)
        func put(_ offset: Int, _ bytes: [UInt8]) {
            expected.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
        }
        put(0, Array("CAIRNLOG".utf8))
        put(8, [1, 0, 0, 0])
        put(16, Array(0x20..<0x30))
        put(32, Array(0x40..<0x50))
        put(48, [0x22, 0x11])
        put(56, [7])
        put(64, Array(0x60..<0x70))
        put(508, littleEndian(referenceChecksum(expected[..<508])))
        #expect(Self.header.encoded() == expected)
        #expect(try LogFileHeader(decoding: expected) == Self.header)
        #expect(LogFileHeader.checksum(of: expected) == referenceChecksum(expected[..<508]))
    }

    @Test func `every bit of a log file's header counts`() {
        for bytes in singleBitFlips(Self.header.encoded()) {
            #expect(throws: FormatError.self) { try LogFileHeader(decoding: bytes) }
        }
        #expect(throws: FormatError.self) { try LogFileHeader(decoding: Array(Self.header.encoded().dropLast())) }
    }

    @Test(
        arguments: [
            (8, [2], .incompatible), (48, [UInt8](repeating: 0, count: 8), .corrupt), (56, [0], .corrupt),
            (63, [0x80], .corrupt), (55, [0x80], .corrupt),
        ] as [(Int, [UInt8], FormatError.Kind)])
    func `a log file's header out of range is refused`(offset: Int, bytes: [UInt8], kind: FormatError.Kind) {
        let error = #expect(throws: FormatError.self) {
            try LogFileHeader(decoding: resealed(Self.header.encoded(), offset, bytes))
        }
        #expect(error?.kind == kind)
    }

    @Test func `a batch's bytes are those of the format`() {
        let batch = Self.sampleBatch()
        let end = batch.seal(Self.commit, after: 6, previous: 0xAABB_CCDD, seed: 0x1234_5678)
        let row: [UInt8] =
            [1, 2, 0, 0, 11, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1] + littleEndian(Float(1.5).bitPattern)
            + [3, 0, 0, 0, 9, 8, 7, 0]
        let list: [UInt8] = [2, 1, 3, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0]
        let state: [UInt8] = [3, 4, 0, 0, 6, 0, 0, 0]
        let payload = row + list + state
        #expect(payload.count == 56)
        func frame(_ number: UInt64, _ previous: UInt32, _ kind: UInt8, _ payload: [UInt8]) -> ([UInt8], UInt32) {
            let covered = littleEndian(number) + littleEndian(previous) + [kind, 0, 0, 0] + payload
            let checksum = continued(0x1234_5678, covered)
            return (littleEndian(UInt32(payload.count)) + littleEndian(checksum) + covered, checksum)
        }
        let (first, checksum) = frame(7, 0xAABB_CCDD, 1, payload)
        var last = [UInt8](repeating: 0, count: 96)
        last.replaceSubrange(
            0..<68,
            with: littleEndian(UInt64(5)) + littleEndian(UInt64(6)) + littleEndian(UInt32(2)) + littleEndian(UInt32(1))
                + littleEndian(Int32(2)) + littleEndian(UInt32(50)) + littleEndian(UInt64(12)) + littleEndian(UInt64(9))
                + littleEndian(UInt64(2)) + littleEndian(UInt64(1)) + littleEndian(UInt32(77)))
        let (second, final) = frame(8, checksum, 2, last)
        #expect(unsafe Array(batch.sealedBytes) == first + second)
        #expect(batch.byteCount == first.count + second.count)
        #expect(end.number == 8 && end.checksum == final)
    }

    /// CRC32C bit by bit, continuing from `seed`.
    private func continued(_ seed: UInt32, _ bytes: [UInt8]) -> UInt32 {
        var crc = ~seed
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 1 ? 0x82F6_3B78 : 0) }
        }
        return ~crc
    }

    @Test func `sealing again, adding after sealing and using again all work`() {
        let batch = Self.sampleBatch()
        _ = batch.seal(Self.commit, after: 100, previous: 1, seed: 2)
        _ = batch.seal(Self.commit, after: 6, previous: 3, seed: 4)
        let once = Self.sampleBatch()
        _ = once.seal(Self.commit, after: 6, previous: 3, seed: 4)
        #expect(unsafe batch.sealedBytes.elementsEqual(once.sealedBytes))
        batch.removeAll()
        #expect(batch.isEmpty && batch.byteCount == LogBatch.commitByteCount)
        batch.addState(slot: 1, .live)
        _ = batch.seal(Self.commit, after: 6, previous: 3, seed: 4)
        batch.addState(slot: 2, .marked)
        _ = batch.seal(Self.commit, after: 6, previous: 3, seed: 4)
        let both = LogBatch()
        both.addState(slot: 1, .live)
        both.addState(slot: 2, .marked)
        _ = both.seal(Self.commit, after: 6, previous: 3, seed: 4)
        #expect(unsafe batch.sealedBytes.elementsEqual(both.sealedBytes))
    }

    @Test func `frames are cut at 256 KiB and a longer change has one of its own`() throws {
        let batch = LogBatch()
        let long = [UInt8](repeating: 7, count: 65_536 * 4)
        let short = [UInt8](repeating: 5, count: 1000)
        func add(_ bytes: [UInt8]) {
            unsafe bytes.withUnsafeBytes {
                unsafe batch.addRow(slot: 1, label: 2, level: 0, norm: 0, bytes: $0)
            }
        }
        add(short)
        add(long)
        add(short)
        #expect(batch.frameCount == 3)
        batch.removeAll()
        // 1024 bytes each: 256 of them fill a payload to the last byte.
        for _ in 0..<257 { add(short) }
        #expect(batch.frameCount == 2)
        _ = batch.seal(Self.commit, after: 0, previous: 0, seed: 0)
        let frame = try #require(unsafe LogFrame(decoding: batch.sealedBytes))
        #expect(frame.length == 256 << 10)
    }

    @Test func `commits decode to what they were`() throws {
        #expect(try LogCommit(decoding: Self.commit.encoded(), number: 7) == Self.commit)
        var empty = Self.commit
        (empty.slotCount, empty.liveCount, empty.markedCount, empty.freeCount) = (0, 0, 0, 0)
        (empty.entryPoint, empty.maximumLevel) = (HeaderSlot.noEntryPoint, -1)
        #expect(try LogCommit(decoding: empty.encoded(), number: 7) == empty)
    }

    @Test(
        arguments: [
            (0, littleEndian(UInt64(0)), "batch"), (0, littleEndian(UInt64.max), "batch"),
            (8, littleEndian(UInt64(7)), "frame numbers"), (16, [0], "frame numbers"), (20, [12], "entry point"),
            (20, littleEndian(UInt32.max), "entry point"), (24, [64], "level"), (24, littleEndian(Int32(-1)), "level"),
            (28, [0], "width"), (28, littleEndian(UInt32.max), "width"), (32, [13], "add up"),
            (40, littleEndian(UInt64.max), "add up"), (64, [0], "level state"), (67, [0x80], "level state"),
        ] as [(Int, [UInt8], String)])
    func `a commit out of range is corrupt`(offset: Int, bytes: [UInt8], word: String) {
        var commit = Self.commit.encoded()
        commit.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
        let error = #expect(throws: FormatError.self) { try LogCommit(decoding: commit, number: 7) }
        #expect(error?.kind == .corrupt)
        #expect(error?.message.contains(word) == true, "\(error?.message ?? "nothing")")
    }

    @Test func `a commit of another length is corrupt`() {
        #expect(throws: FormatError.self) { try LogCommit(decoding: [UInt8](repeating: 1, count: 95), number: 7) }
        #expect(throws: FormatError.self) { try LogCommit(decoding: [], number: 7) }
    }
}
