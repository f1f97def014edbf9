import FileFormat
import MappedStorage
import SystemPackage
import TestSupport
import Testing

@testable import WriteAheadLog

@Suite struct JournalTests {
    struct Extent: Equatable {
        var target: JournalExtent.Target
        var offset: Int
        var bytes: [UInt8]
    }

    static let superblock = LogFixture.superblock
    static let header = HeaderSlot(
        generation: 9, layout: superblock.layout, graphGeneration: 9, slotCount: 300, segmentCount: 2, entryPoint: 3,
        maximumLevel: 1, searchWidth: 50, liveCount: 300, markedCount: 0, freeCount: 0, levelState: 77,
        logSequence: 4, logSalt: Identifier(bytes: Array(0x60..<0x70)), lastFrame: 88, lastBatch: 22)
    static let extents = [
        Extent(target: .levelZero, offset: 16_384, bytes: pattern(700)),
        Extent(target: .labels, offset: 4096, bytes: pattern(1)),
        Extent(target: .levelZero, offset: 20_480, bytes: pattern(1024)),
    ]

    let temporary: TemporaryDirectory
    let path: FilePath

    init() throws {
        temporary = try TemporaryDirectory()
        path = temporary.appending("journal")
    }

    static func pattern(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7 + count) } }

    func write(
        _ extents: [Extent] = extents, header: HeaderSlot = header, calls: SystemCalls = .system
    ) throws(StorageError) {
        let writer = try JournalWriter(Directory(temporary.path, calls: calls)["journal"])
        for extent in extents {
            let result = unsafe extent.bytes.withUnsafeBytes { (bytes) -> Result<Void, StorageError> in
                Result { () throws(StorageError) in
                    try unsafe writer.append(to: extent.target, at: extent.offset, bytes)
                }
            }
            try result.get()
        }
        try writer.finish(header)
    }

    /// The header and extents of the journal; nil if it is not valid.
    func read(
        superblock: Superblock = superblock, calls: SystemCalls = .system
    ) throws -> (header: HeaderSlot, extents: [Extent])? {
        let entry = try storage { () throws(StorageError) in try Directory(temporary.path, calls: calls)["journal"] }
        guard let reader = try JournalReader.open(entry, superblock: superblock) else { return nil }
        var extents: [Extent] = []
        try unsafe reader.forEachExtent { (extent, bytes) throws(StoreFileError) in
            extents.append(Extent(target: extent.target, offset: extent.offset, bytes: unsafe Array(bytes)))
        }
        return (reader.header, extents)
    }

    @Test func `what was written is read`() throws {
        #expect(try read() == nil)
        try write()
        let journal = try #require(try read())
        #expect(journal.header == Self.header && journal.extents == Self.extents)
        try write([])
        #expect(try read()?.extents == [])
    }

    @Test func `a long extent is written as several`() throws {
        let bytes = Self.pattern(5 << 19)
        try write([Extent(target: .labels, offset: 24, bytes: bytes)])
        let extents = try #require(try read()).extents
        #expect(extents.map(\.offset) == [24, 24 + 1 << 20, 24 + 2 << 20])
        #expect(extents.flatMap(\.bytes) == bytes)
    }

    @Test func `a shorter journal over a longer one is the shorter one`() throws {
        try write([Extent(target: .labels, offset: 0, bytes: Self.pattern(100_000))])
        var header = Self.header
        header.generation = 10
        try write(header: header)
        let journal = try #require(try read())
        #expect(journal.header.generation == 10 && journal.extents == Self.extents)
    }

    @Test func `a journal torn at any sector is none`() throws {
        var old = Self.header
        old.generation = 8
        try write([Extent(target: .labels, offset: 0, bytes: Self.pattern(6000))], header: old)
        let before = try readBytes(path)
        try write()
        let after = try readBytes(path)
        let end = JournalHeader.extentsOffset + 720 + 24 + 1040
        for sector in stride(from: 0, to: end, by: 512) {
            let range = sector..<min(sector + 512, end)
            for replacement in [Array(before[range]), [UInt8](repeating: 0, count: range.count)] {
                var torn = after
                torn.replaceSubrange(range, with: replacement)
                try writeBytes(torn, to: path)
                #expect(try read() == nil, "sector \(sector)")
            }
            // All up to here is new, the rest is as it was; and the other way round.
            try writeBytes(Array(after[..<range.lowerBound]) + before[range.lowerBound...], to: path)
            let first = try read()
            #expect(first == nil || sector == 0 && first?.header == old, "sector \(sector)")
            try writeBytes(Array(before[..<range.lowerBound]) + after[range.lowerBound...], to: path)
            #expect(try read() == nil || sector == 0, "sector \(sector)")
            try writeBytes(Array(after[..<range.lowerBound]), to: path)
            #expect(try read() == nil, "sector \(sector)")
        }
    }

    @Test func `every flipped bit makes the journal none`() throws {
        try write()
        let bytes = try readBytes(path)
        for bit in 0..<(bytes.count * 8) {
            var flipped = bytes
            flipped[bit / 8] ^= 1 << (bit % 8)
            try writeBytes(flipped, to: path)
            #expect(try read() == nil, "bit \(bit)")
        }
    }

    @Test func `a journal of another layout is none`() throws {
        try write()
        var other = Self.superblock
        other.layout = .random()
        #expect(try read(superblock: other) == nil)
    }

    @Test func `extents out of range make the journal none`() throws {
        let end = Self.superblock.geometry.layout(segments: 2).last!.end
        for (target, offset, isValid) in [
            (.levelZero, 16_384, true), (.levelZero, 16_380, false), (.levelZero, 0, false),
            (.levelZero, end - 8, true),
            (.levelZero, 1 << 40, false), (.labels, 0, true), (.labels, 1 << 40, false), (.labels, 1 << 62, false),
        ] as [(JournalExtent.Target, Int, Bool)] {
            try write([Extent(target: target, offset: offset, bytes: Self.pattern(8))])
            #expect(try (read() != nil) == isValid, "\(target) \(offset)")
        }
    }

    @Test func `of the codes' file the header is the only extent`() throws {
        for (offset, length, isValid) in [
            (0, 512, true), (0, 511, false), (0, 513, false), (512, 512, false), (4096, 64, false),
            (1 << 62, 512, false),
        ] {
            try write([Extent(target: .codes, offset: offset, bytes: Self.pattern(length))])
            #expect(try (read() != nil) == isValid, "\(offset) \(length)")
        }
    }

    /// The journal with `values` at `offset` of its body and all checksums right.
    private func forge(_ offset: Int, _ values: [UInt8]) throws {
        try write()
        var bytes = try readBytes(path)
        bytes.replaceSubrange(offset..<(offset + values.count), with: values)
        let old = try JournalHeader(decoding: Array(bytes[..<512]))
        var header = old
        let body = Array(bytes[1024...]) + bytes[512..<1024]
        header.bodyChecksum = Checksum.crc32c(body, prefix: body.count)
        bytes.replaceSubrange(..<512, with: header.encoded())
        try writeBytes(bytes, to: path)
    }

    @Test func `extents with hostile lengths make the journal none`() throws {
        try forge(1024 + 16, [1, 2, 3])
        #expect(try read()?.extents.count == 3)
        let lengths: [UInt32] = [0, 1, 1 << 20, 1 << 20 + 1, .max]
        for length in lengths {
            try forge(1028, (0..<4).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) })
            #expect(try read() == nil, "length \(length)")
        }
        try forge(1024, [2])
        #expect(try read() == nil)
    }

    @Test(arguments: ["open", "pwrite", "synchronize"])
    func `a journal that could not be written is an error and none`(call: String) throws {
        for number in 1... {
            let test = try JournalTests()
            let faults = LogFaults(call: call, number: number, error: .noSpace)
            do throws(StorageError) {
                try test.write(calls: faults.calls)
            } catch {
                #expect(error.errno == .noSpace && faults.hasFired)
                // All of it may have reached the disk when the last sync failed, and only then.
                let isLast = call == "synchronize" && number == 2
                #expect(try test.read() == nil || isLast)
                continue
            }
            #expect(!faults.hasFired)
            break
        }
    }

    @Test func `the sector that makes the journal valid is written last`() throws {
        let faults = LogFaults(call: "none", number: 1)
        try write(calls: faults.calls)
        // The directory, and a file that is not there yet.
        let opening = ["open", "status", "open", "open", "status"]
        #expect(faults.names == opening + ["synchronize", "pwrite", "pwrite", "synchronize"])
    }

    @Test(arguments: ["open", "pread", "status"])
    func `a journal that can't be read is an error`(call: String) throws {
        try write()
        for number in 1... {
            let faults = LogFaults(call: call, number: number)
            do {
                #expect(try read(calls: faults.calls)?.extents == Self.extents)
                #expect(!faults.hasFired)
                break
            } catch let error as StoreFileError {
                guard case .storage = error, faults.hasFired else {
                    Issue.record("\(error)")
                    return
                }
            }
        }
    }
}
