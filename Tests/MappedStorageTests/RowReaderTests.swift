import FileFormat
import SystemPackage
import TestSupport
import Testing

@testable import MappedStorage

/// Whether this process can read temporary files past the page cache.
private let readsPastTheCache: Bool = {
    guard let directory = try? TemporaryDirectory(), let folder = try? Directory(directory.path) else { return false }
    let superblock = Superblock(
        dimensions: 16, metric: .l2, scalar: .float32, connectivity: 5, constructionWidth: 40, seed: 1)
    guard let file = try? LevelZeroFile.create(folder["level0"], superblock: superblock, slots: 1) else { return false }
    return RowReader(folder["level0"], mapped: file.file, file.memory, [], .vectors) != nil
}()

/// Rows that are read past the page cache are those of the file, wherever they are in it.
@Suite(
    .enabled(
        if: readsPastTheCache,
        "no io_uring for this process, or a file system for temporary files that does not read past its cache"))
struct RowReaderTests {
    private let directory: TemporaryDirectory
    private let folder: Directory
    private static let slots = 3000

    init() throws {
        directory = try TemporaryDirectory()
        folder = try Directory(directory.path)
    }

    /// A file of rows, each byte of which follows from where it is.
    private func makeFile(dimensions: Int) throws -> LevelZeroFile {
        let superblock = Superblock(
            dimensions: dimensions, metric: .l2, scalar: .float32, connectivity: 5, constructionWidth: 40, seed: 1)
        let geometry = superblock.geometry
        let made = try LevelZeroFile.create(folder["level0"], superblock: superblock, slots: Self.slots)
        for segment in segments(geometry) { try made.append(segment, .shared) }
        let stride = geometry.stride(of: .vectors), base = unsafe made.memory.base(of: .vectors)
        for slot in 0..<Self.slots {
            for byte in 0..<stride {
                unsafe (base + slot * stride + byte).storeBytes(of: Self.byte(slot, byte), as: UInt8.self)
            }
        }
        try made.file.synchronize()
        return made
    }

    private func segments(_ geometry: Geometry) -> [Geometry.Segment] {
        geometry.layout(segments: geometry.segments(forSlots: Self.slots))
    }

    /// Reads by addresses behind which is nothing, so that no row can come from there.
    private func makeReader(_ file: LevelZeroFile, readsKept: Int = 64) -> RowReader? {
        let geometry = file.superblock.geometry
        guard
            let memory = try? ColumnMemory(
                geometry: geometry, slots: Self.slots, minimum: Self.slots, path: folder.path)
        else { return nil }
        return RowReader(
            folder["level0"], mapped: file.file, memory, segments(geometry), .vectors, readsKept: readsKept)
    }

    /// Another one for each of 65,536 slots.
    private static func byte(_ slot: Int, _ byte: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: slot &* 31 &+ slot / 256 &* 97 &+ byte &* 7)
    }

    private func isRight(_ rows: [UInt8], _ slots: [UInt32], _ stride: Int) -> Bool {
        slots.enumerated().allSatisfy { index, slot in
            (0..<stride).allSatisfy { rows[index * stride + $0] == Self.byte(Int(slot), $0) }
        }
    }

    private func read(_ reads: RowReads, _ slots: [UInt32], _ stride: Int) -> [UInt8]? {
        var rows = [UInt8](repeating: 0, count: slots.count * stride)
        let isDone = unsafe slots.withUnsafeBufferPointer { slots in
            unsafe rows.withUnsafeMutableBytes {
                unsafe reads.read(slots.baseAddress!, slots.count, to: $0.baseAddress!)
            }
        }
        return isDone ? rows : nil
    }

    private func expect(_ reads: RowReads, _ slots: [UInt32]) {
        unsafe slots.withUnsafeBufferPointer { unsafe reads.expect($0.baseAddress!, $0.count) }
    }

    /// Rows of 64 bytes and more; some lie on two pages and more.
    @Test(arguments: [16, 100, 128, 384, 2000], [64, 256])
    func `every row, some together`(dimensions: Int, readsKept: Int) throws {
        let file = try makeFile(dimensions: dimensions), stride = file.superblock.geometry.stride(of: .vectors)
        let reads = try #require(makeReader(file, readsKept: readsKept)?.lend())
        var random = SeededGenerator(seed: 3)
        for round in 0..<200 {
            let count = 1 + Int.random(in: 0..<(round % 20 == 0 ? 300 : 40), using: &random)
            let first = Int.random(in: 0..<Self.slots - 200, using: &random)
            // Close to each other and apart, some of them twice.
            let range = round % 3 == 0 ? first..<first + 200 : 0..<Self.slots
            let wanted = (0..<count).map { _ in UInt32(Int.random(in: range, using: &random)) }
            if round % 2 == 0 {
                expect(reads, Array(wanted.shuffled(using: &random).prefix(Int.random(in: 0...count, using: &random))))
            }
            let rows = try #require(read(reads, wanted, stride))
            #expect(isRight(rows, wanted, stride), "round \(round)")
            if Int.random(in: 0..<3, using: &random) > 0 { reads.finish() }
        }
        for slot in 0..<UInt32(Self.slots) {
            #expect(try isRight(#require(read(reads, [slot], stride)), [slot], stride))
        }
        #expect(reads.endedCount > 0)
    }

    @Test func `those that are given back are lent again, and there is an end of them`() throws {
        let file = try makeFile(dimensions: 100), reader = try #require(makeReader(file))
        var all: [RowReads] = []
        while let reads = reader.lend() { all.append(reads) }
        #expect((16...64).contains(all.count) && reader.lend() == nil)
        // What was asked for and not wanted is over when it is given back.
        for reads in all { expect(reads, (0..<60).map { UInt32($0 * 50) }) }
        for reads in all { reader.giveBack(reads) }
        #expect(reader.endedCount > 60 && reader.byteCount > 0)
        let again = try #require(reader.lend())
        #expect(all.contains { $0 === again })
    }

    /// Not what a search before this one has read.
    @Test func `a row that was written since`() throws {
        let file = try makeFile(dimensions: 100), stride = file.superblock.geometry.stride(of: .vectors)
        let reader = try #require(makeReader(file)), reads = try #require(reader.lend())
        #expect(try isRight(#require(read(reads, [7], stride)), [7], stride))
        let place = try #require(places(file).offset(ofRow: 7, stride))
        try file.file.write([UInt8](repeating: 0xee, count: stride), at: place)
        reader.giveBack(reads)
        let again = try #require(reader.lend())
        #expect(read(again, [7], stride) == [UInt8](repeating: 0xee, count: stride))
    }

    private func places(_ file: LevelZeroFile) -> RowPlaces {
        var places = RowPlaces()
        for segment in segments(file.superblock.geometry) { places.append(segment, .vectors) }
        return places
    }

    @Test func `not of another file, nor of one that was cut short`() throws {
        let file = try makeFile(dimensions: 100), stride = file.superblock.geometry.stride(of: .vectors)
        try writeBytes([UInt8](repeating: 0, count: 8192), to: directory.path.appending("other"))
        #expect(RowReader(folder["other"], mapped: file.file, file.memory, [], .vectors) == nil)
        let reads = try #require(makeReader(file)?.lend()), path = directory.path.appending("level0")
        let bytes = try readBytes(path)
        try writeBytes(Array(bytes[..<(bytes.count / 4)]), to: path)
        #expect(read(reads, [2999], stride) == nil)
        #expect(read(reads, [2], stride) != nil)
    }

    /// Where pieces do not begin with a row of their own segment.
    @Test func `places of rows in segments of 128 slots`() {
        let superblock = Superblock(
            dimensions: 16 * 4001, metric: .l2, scalar: .float32, connectivity: 2000, constructionWidth: 2000, seed: 1)
        let geometry = superblock.geometry, stride = geometry.stride(of: .vectors)
        var places = RowPlaces(), inTwo = 0
        let segments = geometry.layout(segments: 9)
        for segment in segments { places.append(segment, .vectors) }
        for slot in 0..<segments.last!.slots.upperBound {
            let bytes = slot * stride..<(slot + 1) * stride
            let pieces = segments.flatMap(\.pieces).filter {
                $0.column == .vectors && $0.columnOffset < bytes.upperBound
                    && bytes.lowerBound < $0.columnOffset + $0.length
            }
            let found = places.offset(ofRow: UInt32(slot), stride)
            if pieces.count == 1 && pieces[0].columnOffset + pieces[0].length >= bytes.upperBound {
                #expect(found == pieces[0].fileOffset + bytes.lowerBound - pieces[0].columnOffset)
            } else {
                #expect(found == nil)
                inTwo += 1
            }
        }
        #expect(geometry.firstSlot(ofSegment: 1) == 128 && inTwo > 0, "\(geometry.firstSlot(ofSegment: 1)), \(inTwo)")
        #expect(places.offset(ofRow: 1 << 20, stride) == nil)
    }
}
