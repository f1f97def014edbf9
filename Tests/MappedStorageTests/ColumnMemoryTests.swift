import FileFormat
import MappedStorage
import SystemPackage
import TestSupport
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

@Suite struct ColumnMemoryTests {
    /// 64 + 64 + 16 + 4 + 4 bytes a slot: some pieces of some segments are empty.
    static let small = Geometry(dimensions: 16, scalarSize: 4, connectivity: 8, hasNorms: true)
    /// Rows of 65,472 + 80,000 bytes, of which some begin in one piece and end in the next.
    static let wide = Geometry(dimensions: 65_472, scalarSize: 4, connectivity: 10_000, hasNorms: false)

    static func mark(_ column: Geometry.Column, _ slot: Int) -> UInt32 { UInt32(column.rawValue << 24 | slot + 1) }

    /// The first and last word of each row; rows of four bytes have one word.
    private static func eachWord(
        _ geometry: Geometry, slots: Int, _ body: (Geometry.Column, _ offset: Int, UInt32) throws -> Void
    ) rethrows {
        for column in Geometry.Column.allCases where geometry.stride(of: column) > 0 {
            let stride = geometry.stride(of: column)
            for slot in 0..<slots {
                try body(column, slot * stride, mark(column, slot))
                if stride > 4 { try body(column, (slot + 1) * stride - 4, ~mark(column, slot)) }
            }
        }
    }

    private func write(_ memory: ColumnMemory, slots: Int) {
        Self.eachWord(memory.geometry, slots: slots) { column, offset, word in
            unsafe memory.base(of: column).storeBytes(of: word.littleEndian, toByteOffset: offset, as: UInt32.self)
        }
    }

    private func check(_ memory: ColumnMemory, slots: Int) {
        Self.eachWord(memory.geometry, slots: slots) { column, offset, word in
            let found = unsafe memory.base(of: column).load(fromByteOffset: offset, as: UInt32.self)
            #expect(UInt32(littleEndian: found) == word, "\(column) at \(offset)")
        }
    }

    @Test(arguments: [(small, 4), (wide, 2)])
    func rowsLieSideBySideWhateverTheSegment(geometry: Geometry, segmentCount: Int) throws {
        let directory = try TemporaryDirectory()
        let file = try File(directory.appending("file"), .create)
        let layout = geometry.layout(segments: segmentCount), slots = geometry.capacity(segments: segmentCount)
        let memory = try ColumnMemory(geometry: geometry, slots: slots, minimum: slots, path: file.path)
        #expect(memory.reservedSlots >= slots)
        for segment in layout {
            try file.allocate(from: file.size(), to: segment.end)
            try memory.map(segment, of: file, .shared)
        }
        write(memory, slots: slots)
        check(memory, slots: slots)

        // In the file, each word is where the pieces say, by an address computed without the memory.
        try Self.eachWord(geometry, slots: slots) { column, offset, word in
            let pieces = layout.flatMap(\.pieces).filter { $0.column == column }
            let piece = try #require(pieces.first { ($0.columnOffset..<$0.columnOffset + $0.length).contains(offset) })
            let bytes = try file.read(count: 4, at: piece.fileOffset + offset - piece.columnOffset)
            #expect(bytes.integer(at: 0, as: UInt32.self) == word)
        }

        // And a reader that maps the file for itself sees the same.
        let reader = try ColumnMemory(geometry: geometry, slots: slots, minimum: slots, path: file.path)
        let readOnly = try File(file.path, .read)
        for segment in layout {
            try reader.map(segment, of: readOnly, .none)
            reader.advise(.resident, segment)
            reader.advise(.random, segment)
        }
        check(reader, slots: slots)
    }

    @Test func whatIsWrittenToACopyStaysOutOfTheFile() throws {
        let directory = try TemporaryDirectory(), geometry = Self.small
        let file = try File(directory.appending("file"), .create)
        let segment = geometry.segment(after: nil), slots = geometry.capacity(segments: 1)
        try file.allocate(from: file.size(), to: segment.end)
        let before = try readBytes(file.path)
        let readOnly = try File(file.path, .read)
        let copied = try ColumnMemory(geometry: geometry, slots: slots, minimum: slots, path: file.path)
        try copied.map(segment, of: readOnly, .copied)
        write(copied, slots: slots)
        check(copied, slots: slots)
        #expect(try readBytes(file.path) == before)
    }

    @Test func memoryMappedForNobodyCannotBeWritten() async {
        await #expect(processExitsWith: .signal(SIGSEGV)) {
            let directory = try TemporaryDirectory(), geometry = ColumnMemoryTests.small
            let file = try File(directory.appending("file"), .create)
            let segment = geometry.segment(after: nil)
            try file.allocate(from: file.size(), to: segment.end)
            let memory = try ColumnMemory(geometry: geometry, slots: 1, minimum: 1, path: file.path)
            try memory.map(segment, of: file, .none)
            #expect(unsafe memory.base(of: .vectors).load(as: UInt8.self) == 0)
            unsafe memory.base(of: .vectors).storeBytes(of: 1, as: UInt8.self)
        }
    }

    @Test func memoryWithoutAFileBeginsWithZerosAndGrowsInPlace() throws {
        let geometry = Self.small
        let memory = try ColumnMemory(geometry: geometry, slots: 100_000, minimum: 1, path: "memory")
        let bases = Geometry.Column.allCases.map { unsafe UInt(bitPattern: memory.base(of: $0)) }
        for segment in geometry.layout(segments: 4) {
            try memory.allocate(segment, path: "memory")
            for piece in segment.pieces {
                let bytes = unsafe UnsafeRawBufferPointer(
                    start: memory.base(of: piece.column) + piece.columnOffset, count: piece.length)
                #expect(unsafe bytes.allSatisfy { $0 == 0 })
            }
        }
        write(memory, slots: 2048)
        for segment in [geometry.layout(segments: 5)[4]] { try memory.allocate(segment, path: "memory") }
        check(memory, slots: 2048)
        #expect(Geometry.Column.allCases.map { unsafe UInt(bitPattern: memory.base(of: $0)) } == bases)
        #expect(bases.allSatisfy { $0 % 2_097_152 == 0 })
    }

    @Test func columnsAreFarEnoughApart() throws {
        let memory = try ColumnMemory(geometry: Self.small, slots: 1_000_000, minimum: 1, path: "memory")
        #expect(memory.reservedSlots >= 1_000_000)
        let bases = Geometry.Column.allCases.map { unsafe UInt(bitPattern: memory.base(of: $0)) }
        for (column, next) in zip(Geometry.Column.allCases, bases.dropFirst()) {
            let end = bases[column.rawValue] + UInt(memory.reservedSlots * Self.small.stride(of: column))
            #expect(next >= end)
        }
    }

    @Test func tooMuchIsRefusedOrCutDown() throws {
        let slots = 1 << 44
        let error = #expect(throws: StorageError.self) {
            try ColumnMemory(geometry: Self.small, slots: slots, minimum: slots, path: "memory")
        }
        #expect(error?.errno == .noMemory)
        let memory = try ColumnMemory(geometry: Self.small, slots: slots, minimum: 1000, path: "memory")
        #expect(memory.reservedSlots >= 1000 && memory.reservedSlots < slots)
    }

    @Test func addressesPastTheLastPieceCannotBeTouched() async {
        await #expect(processExitsWith: .signal(SIGSEGV)) {
            let geometry = ColumnMemoryTests.small
            let memory = try ColumnMemory(geometry: geometry, slots: 100_000, minimum: 1, path: "memory")
            try memory.allocate(geometry.segment(after: nil), path: "memory")
            unsafe memory.base(of: .vectors).storeBytes(of: 1, toByteOffset: 16383, as: UInt8.self)
            unsafe memory.base(of: .vectors).storeBytes(of: 1, toByteOffset: 16384, as: UInt8.self)
        }
    }
}
