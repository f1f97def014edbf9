import FileFormat
import SystemPackage
import TestSupport
import Testing

@testable import MappedStorage

/// Rows that are read past the page cache are those of the file, wherever they are in it.
@Suite(.enabled(if: RowReader.isPossible, "the kernel has no io_uring, or does not let this process have it"))
struct RowReaderTests {
    private let directory: TemporaryDirectory
    private let slots = 3000

    init() throws { directory = try TemporaryDirectory() }

    /// A file of `slots` rows, each byte of which follows from where it is.
    private func makeFile(dimensions: Int) throws -> (LevelZeroFile, Directory) {
        let superblock = Superblock(
            dimensions: dimensions, metric: .l2, scalar: .float32, connectivity: 5, constructionWidth: 40, seed: 1)
        let folder = try Directory(directory.path), geometry = superblock.geometry
        let made = try LevelZeroFile.create(folder["level0"], superblock: superblock, slots: slots)
        var previous: Geometry.Segment?, count = 0
        while count < slots {
            let segment = geometry.segment(after: previous)
            try made.append(segment, .shared)
            (previous, count) = (segment, segment.slots.upperBound)
        }
        let stride = geometry.stride(of: .vectors), base = unsafe made.memory.base(of: .vectors)
        for slot in 0..<count {
            for byte in 0..<stride {
                unsafe (base + slot * stride + byte).storeBytes(of: Self.byte(slot, byte), as: UInt8.self)
            }
        }
        try made.file.synchronize()
        return (made, folder)
    }

    private static func byte(_ slot: Int, _ byte: Int) -> UInt8 { UInt8(truncatingIfNeeded: slot &* 31 &+ byte &* 7) }

    private func isRight(_ rows: [UInt8], _ slots: [UInt32], _ stride: Int) -> Bool {
        slots.enumerated().allSatisfy { index, slot in
            (0..<stride).allSatisfy { rows[index * stride + $0] == Self.byte(Int(slot), $0) }
        }
    }

    /// Rows of 64 bytes and more; some lie on two pages, and some in two segments.
    @Test(arguments: [16, 100, 128, 384, 2000])
    func `every row, some together`(dimensions: Int) throws {
        let (file, folder) = try makeFile(dimensions: dimensions), geometry = file.superblock.geometry
        let stride = geometry.stride(of: .vectors)
        let memory = try ColumnMemory(geometry: geometry, slots: slots, minimum: slots, path: folder.path)
        var previous: Geometry.Segment?
        while previous.map({ $0.slots.upperBound < slots }) ?? true {
            let segment = geometry.segment(after: previous)
            try memory.map(segment, of: file.file, .none)
            previous = segment
        }
        let reader = try #require(RowReader(folder["level0"], mapped: file.file, memory, .vectors))
        let reads = try #require(reader.makeReads())
        var random = SeededGenerator(seed: 3)
        for round in 0..<200 {
            let count = 1 + Int.random(in: 0..<(round % 20 == 0 ? 150 : 40), using: &random)
            let first = Int.random(in: 0..<slots - 200, using: &random)
            // Together and apart, some of them twice.
            let range = round % 3 == 0 ? first..<first + 200 : 0..<slots
            let wanted = (0..<count).map { _ in UInt32(Int.random(in: range, using: &random)) }
            let early = Array(wanted.shuffled(using: &random).prefix(Int.random(in: 0...count, using: &random)))
            if round % 2 == 0 {
                unsafe early.withUnsafeBufferPointer { unsafe reads.expect($0.baseAddress!, $0.count) }
            }
            var rows = [UInt8](repeating: 0, count: count * stride)
            let isDone = unsafe wanted.withUnsafeBufferPointer { wanted in
                unsafe rows.withUnsafeMutableBytes {
                    unsafe reads.read(wanted.baseAddress!, wanted.count, to: $0.baseAddress!)
                }
            }
            #expect(isDone && isRight(rows, wanted, stride), "round \(round)")
            if Int.random(in: 0..<3, using: &random) > 0 { reads.finish() }
        }
    }

    @Test func `rows in memory of this process, and too many threads`() throws {
        let (file, folder) = try makeFile(dimensions: 100), geometry = file.superblock.geometry
        let stride = geometry.stride(of: .vectors)
        // Mapped for this process alone, so that nothing of it is in the file for sure.
        let memory = try ColumnMemory(geometry: geometry, slots: slots, minimum: slots, path: folder.path)
        for segment in geometry.layout(segments: geometry.segments(forSlots: slots)) {
            try memory.map(segment, of: file.file, .copied)
        }
        unsafe memory.base(of: .vectors).storeBytes(of: 0xee, as: UInt8.self)
        let reader = try #require(RowReader(folder["level0"], mapped: file.file, memory, .vectors))
        var all: [RowReads] = []
        for _ in 0..<80 { if let reads = reader.makeReads() { all.append(reads) } }
        #expect(all.count == 64)
        var rows = [UInt8](repeating: 0, count: 2 * stride)
        let isDone = unsafe [UInt32(0), 7].withUnsafeBufferPointer { wanted in
            unsafe rows.withUnsafeMutableBytes { unsafe all[3].read(wanted.baseAddress!, 2, to: $0.baseAddress!) }
        }
        #expect(isDone && rows[0] == 0xee && isRight(Array(rows[stride...]), [7], stride))
        all.removeAll()
        #expect(reader.makeReads() != nil)
    }

    @Test func `not of another file, nor of one that was cut short`() throws {
        let (file, folder) = try makeFile(dimensions: 100), geometry = file.superblock.geometry
        try writeBytes([UInt8](repeating: 0, count: 8192), to: directory.path.appending("other"))
        #expect(RowReader(folder["other"], mapped: file.file, file.memory, .vectors) == nil)
        let memory = try ColumnMemory(geometry: geometry, slots: slots, minimum: slots, path: folder.path)
        for segment in geometry.layout(segments: geometry.segments(forSlots: slots)) {
            try memory.map(segment, of: file.file, .none)
        }
        let reader = try #require(RowReader(folder["level0"], mapped: file.file, memory, .vectors))
        let reads = try #require(reader.makeReads())
        let bytes = try readBytes(directory.path.appending("level0"))
        try writeBytes(Array(bytes[..<(bytes.count / 4)]), to: directory.path.appending("level0"))
        var row = [UInt8](repeating: 0, count: geometry.stride(of: .vectors))
        let isDone = unsafe [UInt32(2999)].withUnsafeBufferPointer { wanted in
            unsafe row.withUnsafeMutableBytes { unsafe reads.read(wanted.baseAddress!, 1, to: $0.baseAddress!) }
        }
        #expect(!isDone)
    }
}
