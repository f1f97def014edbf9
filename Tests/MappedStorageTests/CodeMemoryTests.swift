import MappedStorage
import SystemPackage
import TestSupport
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Rows of codes, in a file or in memory.
@Suite struct CodeMemoryTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// What the test writes as a row.
    private func row(_ slot: Int, _ bytes: Int) -> [UInt8] {
        (0..<bytes).map { UInt8(truncatingIfNeeded: slot * 31 + $0) }
    }

    private func write(_ memory: CodeMemory, _ slots: Range<Int>) throws {
        let rows = slots.flatMap { row($0, memory.rowBytes) }
        try unsafe rows.withUnsafeBytes { try unsafe memory.write($0, at: slots.lowerBound) }
    }

    private func found(_ memory: CodeMemory, _ slot: Int) -> [UInt8] {
        unsafe Array(UnsafeRawBufferPointer(start: memory.base + slot * memory.rowBytes, count: memory.rowBytes))
    }

    private func expect(_ memory: CodeMemory, _ slots: Range<Int>, sourceLocation: SourceLocation = #_sourceLocation) {
        let wrong = slots.filter { found(memory, $0) != row($0, memory.rowBytes) }
        #expect(wrong == [], sourceLocation: sourceLocation)
    }

    /// Where rows begin if vectors are short.
    private static let rowsOffset = 4096

    private func newFile(
        _ calls: SystemCalls = .system, _ name: String = "codes", rowsOffset: Int = rowsOffset
    ) throws -> File {
        let file = try File(directory.appending(name), .create, calls: calls)
        try file.allocate(from: 0, to: rowsOffset)
        return file
    }

    /// Rows of `file` from `rowsOffset` on.
    private func rows(
        _ file: File, rowsOffset: Int = rowsOffset, rowBytes: Int = 64, count: Int = 0, slots: Int,
        isWritable: Bool = true
    ) throws -> CodeMemory {
        try CodeMemory(
            file, rowsOffset: rowsOffset, rowBytes: rowBytes, count: count, slots: slots, isWritable: isWritable)
    }

    @Test(arguments: zip([64, 192, 192, 4096, 65_536], [4096, 4096, 8192, 266_240, 8192]))
    func `rows of a file grow in place`(rowBytes: Int, rowsOffset: Int) throws {
        let file = try newFile(rowsOffset: rowsOffset)
        // What stands before the rows stays.
        let prologue = (0..<rowsOffset).map { UInt8(truncatingIfNeeded: $0 * 7 + $0 >> 8) }
        try file.write(prologue, at: 0)
        let memory = try rows(file, rowsOffset: rowsOffset, rowBytes: rowBytes, slots: 5000)
        let base = unsafe memory.base
        var count = 0
        for more in [1, 1, 254, 3, 700] {
            try memory.extend(to: count + more)
            expect(memory, 0..<count)
            try write(memory, count..<count + more)
            count += more
        }
        expect(memory, 0..<count)
        #expect(unsafe memory.base == base)
        let length = try file.size()
        #expect(length >= rowsOffset + count * rowBytes)
        #expect(length % 4096 == 0 && length < rowsOffset + count * rowBytes * 9 / 8 + (512 << 10))
        let bytes = try readBytes(file.path)
        for slot in [0, 1, 255, count - 1] {
            let place = rowsOffset + slot * rowBytes
            #expect(Array(bytes[place..<place + rowBytes]) == row(slot, rowBytes))
        }
        #expect(bytes[..<rowsOffset] == prologue[...])
        // Room that there is costs nothing.
        try memory.extend(to: 10)
        #expect(try file.size() == length)

        let again = try rows(file, rowsOffset: rowsOffset, rowBytes: rowBytes, count: count, slots: 5000)
        expect(again, 0..<count)
        try again.extend(to: count + 300)
        try write(again, count..<count + 300)
        expect(again, 0..<count + 300)
        #expect(try file.read(count: rowsOffset, at: 0) == prologue)
    }

    @Test func `rows in memory grow in place`() throws {
        let memory = try CodeMemory(rowBytes: 64, slots: 100_000, path: "codes"), base = unsafe memory.base
        for count in [0, 1, 300, 4000, 100_000] {
            try memory.extend(to: count)
            try write(memory, 0..<count)
            expect(memory, 0..<count)
        }
        #expect(unsafe memory.base == base && UInt(bitPattern: base) % 64 == 0)
    }

    /// A file that a build wrote ends with its last row, in the middle of a page.
    @Test func `the end of a file may lie in a page`() throws {
        for (count, rowsOffset) in [1, 5, 63, 64, 65, 127].flatMap({ [($0, 4096), ($0, 8192)] }) {
            let file = try newFile(.system, "codes-\(count)-\(rowsOffset)", rowsOffset: rowsOffset)
            try file.write((0..<count).flatMap { row($0, 192) }, at: rowsOffset)
            let length = rowsOffset + count * 192
            #expect(try file.size() == length)
            let memory = try rows(file, rowsOffset: rowsOffset, rowBytes: 192, count: count, slots: 2000)
            expect(memory, 0..<count)
            for next in count..<count + 40 {
                try memory.extend(to: next + 1)
                try write(memory, next..<next + 1)
                expect(memory, 0..<next + 1)
            }
            #expect(try readBytes(file.path).count >= length + 40 * 192)
        }
    }

    /// A reader that has changes in memory writes into its own copy.
    @Test func `what is not to be written stays in this process`() throws {
        let file = try newFile()
        try file.write((0..<100).flatMap { row($0, 64) }, at: Self.rowsOffset)
        let before = try readBytes(file.path)
        let readOnly = try File(file.path, .read)
        let memory = try rows(readOnly, count: 100, slots: 9000, isWritable: false)
        expect(memory, 0..<100)
        try memory.extend(to: 9000)
        try write(memory, 50..<9000)
        expect(memory, 0..<9000)
        #expect(try readBytes(file.path) == before)
        #expect(try rows(readOnly, count: 100, slots: 1, isWritable: false).rowBytes == 64)
    }

    @Test func `no more rows than there are addresses for`() throws {
        for memory in [
            try CodeMemory(rowBytes: 64, slots: 1000, path: "codes"),
            try rows(newFile(), slots: 1000),
        ] {
            try memory.extend(to: 1000)
            try write(memory, 0..<1000)
            expect(memory, 0..<1000)
            let error = #expect(throws: StorageError.self) { try memory.extend(to: 10_000_000) }
            #expect(error?.errno == .noMemory)
            expect(memory, 0..<1000)
        }
        #expect(throws: StorageError.self) { try CodeMemory(rowBytes: 65_536, slots: 1 << 40, path: "codes") }
    }

    @Test func `rows beyond the room cannot be touched`() async {
        await #expect(processExitsWith: .signal(SIGSEGV)) {
            let memory = try CodeMemory(rowBytes: 64, slots: 1 << 20, path: "codes")
            try memory.extend(to: 1)
            unsafe memory.base.storeBytes(of: 1, toByteOffset: 64, as: UInt8.self)
            unsafe memory.base.storeBytes(of: 1, toByteOffset: 1 << 20, as: UInt8.self)
        }
    }

    /// What there was stays usable when a disk is full, and with room again it goes on.
    @Test func `a full disk`() throws {
        let counting = FaultySystem(), counted = try rows(newFile(counting.calls), slots: 100_000)
        try counted.extend(to: 100)
        try write(counted, 0..<100)
        try counted.extend(to: 20_000)
        let names = counting.names
        removeTree(directory.appending("codes"))
        for (number, name) in names.enumerated() where number >= 2 {
            removeTree(directory.appending("codes"))
            let system = FaultySystem(failing: number, with: .noSpace)
            let memory = try rows(newFile(system.calls), slots: 100_000)
            var failures = 0
            for step in 0..<3 {
                func attempt() throws {
                    switch step {
                    case 0: try memory.extend(to: 100)
                    case 1: try write(memory, 0..<100)
                    default: try memory.extend(to: 20_000)
                    }
                }
                do {
                    try attempt()
                } catch {
                    failures += 1
                    #expect((error as? StorageError)?.errno == .noSpace)
                    if step > 1 { expect(memory, 0..<100) }
                    try attempt()
                }
            }
            #expect(failures == 1, "\(name)")
            try write(memory, 100..<20_000)
            expect(memory, 0..<20_000)
        }
    }
}
