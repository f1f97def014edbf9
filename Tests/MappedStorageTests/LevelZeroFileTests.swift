import FileFormat
import MappedStorage
import SystemPackage
import TestSupport
import Testing

@Suite struct LevelZeroFileTests {
    let directory: TemporaryDirectory
    let path: FilePath
    static let superblock = Superblock(
        dimensions: 16, metric: .cosine, scalar: .float32, connectivity: 8, constructionWidth: 40, seed: 1)

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.appending("level0")
    }

    static func header(generation: Generation, slots: Int = 0, segments: Int = 0) -> HeaderSlot {
        HeaderSlot(
            generation: generation, layout: superblock.layout, graphGeneration: 1, slotCount: slots,
            segmentCount: segments, entryPoint: slots == 0 ? HeaderSlot.noEntryPoint : 0,
            maximumLevel: slots == 0 ? -1 : 0, searchWidth: 50, liveCount: slots, markedCount: 0, freeCount: 0,
            levelState: 1)
    }

    /// Makes the file with three segments and 640 rows, whose labels are three times the slot.
    @discardableResult
    func make(_ calls: SystemCalls = .system) throws -> [Geometry.Segment] {
        let entry = try Directory(directory.path, calls: calls)["level0"]
        let file = try LevelZeroFile.create(entry, superblock: Self.superblock, slots: 640)
        let segments = Self.superblock.geometry.layout(segments: 3)
        for segment in segments { try file.append(segment, .shared) }
        let table = unsafe file.memory.base(of: .slotTable)
        for slot in 0..<640 {
            let label = UInt64(3 * slot).littleEndian
            unsafe table.storeBytes(of: label, toByteOffset: slot * 16, as: UInt64.self)
        }
        try file.writePageTables(segments, slotCount: 640, generation: 1)
        try file.file.synchronize()
        try file.write(Self.header(generation: 1, slots: 640, segments: 3))
        return segments
    }

    func open(writable: Bool = false) throws(StoreFileError) -> LevelZeroFile {
        let entry = try storage { () throws(StorageError) in try Directory(directory.path)["level0"] }
        return try LevelZeroFile.open(entry, writable: writable)
    }

    /// The format error that opening ends in.
    func refusal(writable: Bool = false, _ location: SourceLocation = #_sourceLocation) -> FormatError? {
        let error = #expect(throws: StoreFileError.self, sourceLocation: location) { _ = try open(writable: writable) }
        guard case .format(path, let format) = error else {
            if let error { Issue.record("\(error)", sourceLocation: location) }
            return nil
        }
        return format
    }

    func change(_ body: (inout [UInt8]) -> Void) throws {
        var bytes = try readBytes(path)
        body(&bytes)
        try writeBytes(bytes, to: path)
    }

    @Test(arguments: [false, true])
    func opensWhatItMade(writable: Bool) throws {
        let segments = try make()
        let file = try open(writable: writable)
        #expect(file.superblock == Self.superblock)
        #expect(file.header == Self.header(generation: 1, slots: 640, segments: 3))
        #expect(file.segments == segments)
        let table = unsafe file.memory.base(of: .slotTable)
        for slot in 0..<640 {
            let label = unsafe table.load(fromByteOffset: slot * 16, as: UInt64.self)
            #expect(UInt64(littleEndian: label) == UInt64(3 * slot))
        }
        let bytes = try readBytes(path)
        #expect(bytes.count == segments[2].end)
        #expect(bytes[..<4096].allSatisfy { $0 == 0 })
        #expect(Array(bytes[4096..<4608]) == Self.header(generation: 1, slots: 640, segments: 3).encoded())
        #expect(Array(bytes[8192..<8704]) == Self.superblock.encoded())
        #expect(Array(bytes[12288..<12800]) == Self.superblock.encoded())
    }

    @Test func pageTablesCoverEachPageInUse() throws {
        let segments = try make(), bytes = try readBytes(path), geometry = Self.superblock.geometry
        var stamped = 0
        for segment in segments {
            var page = 0
            for piece in segment.pieces {
                for offset in stride(from: 0, to: piece.length, by: 4096) {
                    let entry = segment.pageTableOffset + page / 511 * 4096 + page % 511 * 8
                    let isUsed = piece.columnOffset + offset < 640 * geometry.stride(of: piece.column)
                    let own = Array(bytes[(piece.fileOffset + offset)..<(piece.fileOffset + offset + 4096)])
                    #expect(bytes.integer(at: entry + 4, as: UInt32.self) == (isUsed ? 1 : 0))
                    #expect(
                        bytes.integer(at: entry, as: UInt32.self) == (isUsed ? Checksum.crc32c(own, prefix: 4096) : 0))
                    if !isUsed { #expect(own.allSatisfy { $0 == 0 }) }
                    stamped += isUsed ? 1 : 0
                    page += 1
                }
            }
        }
        // 640 rows of 64, 64, 16, 4 and 4 bytes: the first two end where a page does.
        #expect(stamped == 10 + 10 + 3 + 1 + 1)
    }

    @Test func aFileCutShortAnywhereIsRefused() throws {
        try make()
        let whole = try readBytes(path)
        for length in stride(from: 0, to: whole.count, by: 4096) {
            try writeBytes(Array(whole[..<length]), to: path)
            let error = refusal()
            #expect(error?.kind == .corrupt)
            #expect(error?.message.contains("cut short: it has \(length) bytes and needs") == true)
        }
        try writeBytes(Array(whole.dropLast()), to: path)
        #expect(refusal()?.message.contains("cut short") == true)
        // Longer is sound: a segment that no header counts yet.
        try writeBytes(whole + [UInt8](repeating: 0xEE, count: 5000), to: path)
        #expect(try open().header?.slotCount == 640)
    }

    @Test func theNewestValidHeaderWins() throws {
        try make()
        for number in 2...5 as ClosedRange<UInt64> {
            var header = Self.header(generation: Generation(rawValue: number), slots: 640, segments: 3)
            header.searchWidth = Int(number) * 10
            try open(writable: true).write(header)
            #expect(try open().header == header)
        }
        // Generation 4 is in slot 0, 5 in slot 1. Each byte of the newest that is lost makes the other one count.
        for byte in [0, 8, 40, 300, 511] {
            try change { $0[4096 + byte] ^= 0x10 }
            #expect(try open().header?.generation == 4)
            #expect(try open().header?.searchWidth == 40)
            try change { $0[4096 + byte] ^= 0x10 }
        }
        try change { $0[20] ^= 1 }
        #expect(try open().header?.generation == 5)
        try change { $0[4096 + 20] ^= 1 }
        let error = refusal()
        #expect(error?.kind == .corrupt)
        #expect(error?.message.contains("neither header is valid") == true)
    }

    @Test func aTornHeaderLeavesTheOldOne() throws {
        try make()
        let new = Self.header(generation: 2, slots: 640, segments: 3).encoded()
        for length in [1, 16, 100, 508, 511] {
            let torn = new[..<length] + [UInt8](repeating: 0xA5, count: 512 - length)
            try change { $0.replaceSubrange(0..<512, with: torn) }
            #expect(try open().header?.generation == 1)
        }
    }

    @Test func aHeaderInTheOtherSlotDoesNotCount() throws {
        try make()
        try change { $0.replaceSubrange(0..<512, with: Self.header(generation: 9, slots: 640, segments: 3).encoded()) }
        #expect(try open().header?.generation == 1)
    }

    @Test func eitherSuperblockWillDo() throws {
        try make()
        for offset in [8192, 12288] {
            try change { $0[offset + 100] ^= 1 }
            #expect(try open().superblock == Self.superblock)
            try change { $0[offset + 100] ^= 1 }
        }
        try change { bytes in for offset in [8192, 12288] { bytes[offset + 100] ^= 1 } }
        #expect(refusal()?.kind == .corrupt)
        try change { bytes in for offset in [8192, 12288] { bytes[offset] = 0 } }
        #expect(refusal()?.kind == .notAStore)
        // One copy was a superblock once: then it is a damaged store.
        try change { $0[8192] = UInt8(ascii: "C") }
        #expect(refusal()?.kind == .corrupt)
    }

    private func setSuperblocks(_ offset: Int, _ value: UInt8) throws {
        var bytes = Self.superblock.encoded()
        bytes[offset] = value
        bytes.store(Checksum.crc32c(bytes, prefix: 508), at: 508)
        try change { file in for start in [8192, 12288] { file.store(bytes, at: start) } }
    }

    @Test func newerStoresAreCalledNewer() throws {
        try make()
        try setSuperblocks(8, 2)
        #expect(refusal()?.kind == .incompatible)
        #expect(refusal()?.message.contains("version 2") == true)
        try change { $0[8192 + 300] ^= 1 }
        #expect(refusal()?.kind == .incompatible)
        try setSuperblocks(64, 4)
        #expect(refusal()?.message.contains("bits 0x4") == true)
    }

    @Test func featuresThatForbidWritingLeaveReading() throws {
        try make()
        try setSuperblocks(56, 2)
        #expect(try open().header?.slotCount == 640)
        let error = refusal(writable: true)
        #expect(error?.kind == .incompatible)
        #expect(error?.message.contains("read-only") == true)
        try setSuperblocks(48, 2)
        #expect(try open(writable: true).header?.slotCount == 640)
    }

    /// Before memory is taken for them.
    @Test func moreSegmentsThanTheFileHoldsAreRefused() throws {
        try make()
        let most = Self.superblock.geometry.maximumSegments
        for segments in [4, 100, most] {
            try change { $0.store(Self.header(generation: 3, slots: 640, segments: segments).encoded(), at: 4096) }
            #expect(refusal()?.message.contains("cut short") == true)
        }
        try change { $0.store(Self.header(generation: 3, slots: 640, segments: most + 1).encoded(), at: 4096) }
        #expect(refusal()?.message.contains("segments") == true)
    }

    @Test func aStoreWithoutVectorsIsAPrologue() throws {
        let file = try LevelZeroFile.create(
            Directory(directory.path)["level0"], superblock: Self.superblock, slots: 1)
        #expect(refusal()?.message.contains("neither header is valid") == true)
        try file.write(Self.header(generation: 1))
        #expect(try file.file.size() == 16384)
        #expect(try open().segments == [])
        #expect(try open().header?.slotCount == 0)
    }

    @Test func anotherFileIsNotAStore() throws {
        try writeBytes([UInt8](repeating: 0x20, count: 20_000), to: path)
        #expect(refusal()?.kind == .notAStore)
        try writeBytes([], to: path)
        #expect(refusal()?.kind == .corrupt)
    }

    @Test func everyFailingCallIsReportedAndTheHeaderComesLast() throws {
        let sound = FaultySystem()
        try make(sound.calls)
        let names = sound.names
        // The one sync before the header is of all that it refers to, the one after it of itself.
        #expect(names.suffix(3) == ["synchronize", "pwrite 4096", "synchronize"])
        #expect(names.filter { $0 == "pwrite 4096" }.count == 1)
        for call in names.indices {
            removeTree(path)
            let system = FaultySystem(failing: call, with: .noSpace)
            #expect(throws: (any Error).self) { try make(system.calls) }
            #expect(system.names == Array(names[...call]), "nothing may follow a failure")
            // Without a header it is no store; a header whose sync failed may or may not be there.
            if call < names.count - 1 { #expect(throws: StoreFileError.self) { _ = try open() } }
        }
    }
}
