import MappedStorage
import SystemPackage
import TestSupport
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

@Suite struct FileTests {
    let directory: TemporaryDirectory
    let path: FilePath
    let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 * 31) }

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.appending("file")
    }

    @Test func writesAndReadsAtOffsets() throws {
        let file = try File(path, .create)
        try file.write(bytes, at: 5000)
        #expect(try file.size() == 15_000)
        #expect(try file.read(count: 10_000, at: 5000) == bytes)
        #expect(try file.read(count: 5001, at: 0) == [UInt8](repeating: 0, count: 5000) + [bytes[0]])
        #expect(try readBytes(path).count == 15_000)
    }

    @Test func readsEndWithTheFile() throws {
        try writeBytes(bytes, to: path)
        let file = try File(path, .read)
        #expect(try file.read(count: 100, at: 9950) == Array(bytes[9950...]))
        #expect(try file.read(count: 100, at: 10_000) == [])
        #expect(try file.read(count: 100, at: 1 << 40) == [])
        #expect(try file.read(count: 0, at: 0) == [])
    }

    @Test func modesSayWhatMustBeThere() throws {
        for mode in [File.Mode.read, .readWrite] {
            let missing = #expect(throws: StorageError.self) { try File(path, mode) }
            #expect(missing == StorageError(path, "open the file", .noSuchFileOrDirectory))
        }
        _ = try File(path, .openOrCreate)
        _ = try File(path, .openOrCreate)
        let existing = #expect(throws: StorageError.self) { try File(path, .create) }
        #expect(existing == StorageError(path, "create the file", .fileExists))
        let readOnly = #expect(throws: StorageError.self) { try File(path, .read).write([1], at: 0) }
        #expect(readOnly == StorageError(path, "write the file", .badFileDescriptor))
    }

    @Test(arguments: [1, 3, 4096])
    func shortWritesAndReadsAreContinued(most: Int) throws {
        var calls = SystemCalls.system
        unsafe calls.pwrite = { descriptor, bytes, offset throws(Errno) in
            let part = unsafe UnsafeRawBufferPointer(rebasing: bytes[..<min(most, bytes.count)])
            return try unsafe SystemCalls.system.pwrite(descriptor, part, offset)
        }
        unsafe calls.pread = { descriptor, bytes, offset throws(Errno) in
            let part = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[..<min(most, bytes.count)])
            return try unsafe SystemCalls.system.pread(descriptor, part, offset)
        }
        let file = try File(path, .create, calls: calls)
        try file.write(bytes, at: 7)
        #expect(try Array(readBytes(path)[7...]) == bytes)
        #expect(try file.read(count: 20_000, at: 7) == bytes)
    }

    @Test func aWriteThatGetsNowhereIsAnError() throws {
        var calls = SystemCalls.system
        unsafe calls.pwrite = { _, _, _ throws(Errno) in 0 }
        let file = try File(path, .create, calls: calls)
        let error = #expect(throws: StorageError.self) { try file.write(bytes, at: 0) }
        #expect(error == StorageError(path, "write the file", .ioError))
    }

    @Test func aDiskThatFillsUpIsAnErrorAndWhatWasWrittenStays() throws {
        var calls = SystemCalls.system
        unsafe calls.pwrite = { descriptor, bytes, offset throws(Errno) in
            guard offset < 4096 else { throw .noSpace }
            let part = unsafe UnsafeRawBufferPointer(rebasing: bytes[..<min(4096 - offset, bytes.count)])
            return try unsafe SystemCalls.system.pwrite(descriptor, part, offset)
        }
        let file = try File(path, .create, calls: calls)
        let error = #expect(throws: StorageError.self) { try file.write(bytes, at: 0) }
        #expect(error == StorageError(path, "write the file", .noSpace))
        #expect(try file.read(count: 10_000, at: 0) == Array(bytes[..<4096]))
    }

    @Test(arguments: [
        ("allocate 0..<4096", "make room in the file", Errno.noSpace),
        ("synchronize", "write the file to the disk", .ioError),
        ("pwrite 0", "write the file", .diskQuotaExceeded),
    ])
    func errorsSayWhatFailedWhere(name: String, action: String, errno: Errno) throws {
        let names = ["open file", "allocate 0..<4096", "pwrite 0", "synchronize"]
        let system = FaultySystem(failing: try #require(names.firstIndex(of: name)), with: errno)
        let error = #expect(throws: StorageError.self) {
            let file = try File(path, .create, calls: system.calls)
            try file.allocate(from: 0, to: 4096)
            try file.write([1], at: 0)
            try file.synchronize()
        }
        #expect(error == StorageError(path, action, errno))
        // A failure is not tried again.
        #expect(system.names == Array(names[...names.firstIndex(of: name)!]))
    }

    @Test func allocatingPutsBlocksBehindTheFile() throws {
        let file = try File(path, .create)
        try file.write([1, 2, 3], at: 0)
        try file.allocate(from: 0, to: 1_000_000)
        #expect(try file.size() == 1_000_000)
        #expect(try file.read(count: 4, at: 0) == [1, 2, 3, 0])
        let blocks = try run(["du", "-k", path.string])
        #expect(try #require(Int(blocks.output.prefix { $0.isNumber })) >= 976)
    }

    @Test func allocatingNeverShortensTheFile() throws {
        let file = try File(path, .create)
        try file.write(bytes, at: 0)
        try file.allocate(from: 0, to: 100)
        #expect(try file.read(count: 20_000, at: 0) == bytes)
    }

    /// What is printed to a closed standard stream must not go into a file.
    @Test(arguments: [0..<3, 0..<1, 1..<2, 2..<3])
    func filesAndDirectoriesLeaveTheStandardStreamsAlone(closed: Range<Int32>) async throws {
        await #expect(processExitsWith: .exitCode(7)) {
            [path = directory.path.string as String, closed = closed as Range<Int32>] in
            for descriptor in closed { close(descriptor) }
            let directory = try Directory(FilePath(path))
            let file = try File(directory["a"], .create)
            guard directory.descriptor > 2, file.descriptor > 2 else { exit(1) }
            // The test library may open files of its own.
            let ours = [directory.status, try SystemCalls.system.status(file.descriptor, nil)]
            for descriptor in closed {
                guard let status = try? SystemCalls.system.status(descriptor, nil) else { continue }
                guard !ours.contains(where: { status.isSameFile(as: $0) }) else { exit(2) }
            }
            guard fcntl(file.descriptor, F_GETFD) == FD_CLOEXEC else { exit(3) }
            try file.write([1], at: 0)
            guard try directory.names().count == 1 else { exit(4) }
            exit(7)
        }
    }

    @Test func closesItsDescriptor() throws {
        var file: File? = try File(path, .create)
        let descriptor = try #require(file).descriptor
        let status = try SystemCalls.system.status(descriptor, nil)
        file = nil
        // A test beside this one may have been given the number since, for a file of its own.
        let now = try? SystemCalls.system.status(descriptor, nil)
        #expect(now?.isSameFile(as: status) != true)
    }
}
