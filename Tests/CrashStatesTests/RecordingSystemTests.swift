import CrashStates
import MappedStorage
import SystemPackage
import TestSupport
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

struct RecordingSystemTests {
    private let directory: TemporaryDirectory
    private let recording: RecordingSystem

    init() throws {
        directory = try TemporaryDirectory()
        recording = RecordingSystem(root: directory.path)
    }

    private var events: [String] { recording.trace.events.map(Self.text) }

    private static func text(_ event: Event) -> String {
        switch event {
        case .createFile(let inode, let entry): "create \(inode.number) \(entry.directory.number)/\(entry.name)"
        case .makeDirectory(let inode, let entry): "mkdir \(inode.number) \(entry.directory.number)/\(entry.name)"
        case .write(let inode, let offset, let bytes): "write \(inode.number) at \(offset) \(bytes)"
        case .allocate(let inode, let end): "allocate \(inode.number) to \(end)"
        case .synchronize(let inode): "sync \(inode.number)"
        case .synchronizeFailed(let inode): "sync failed \(inode.number)"
        case .rename(let inode, let from, let to, let replaced):
            "rename \(inode.number) \(from.name) \(to.name) \(replaced?.number ?? -1)"
        case .unlink(let inode, let entry): "unlink \(inode.number) \(entry.name)"
        case .removeDirectory(let inode, let entry): "rmdir \(inode.number) \(entry.name)"
        case .mark(let value): "mark \(value)"
        }
    }

    @Test func `every change is recorded in order, reads are not`() throws {
        let calls = recording.calls
        try calls.makeDirectory(SystemCalls.workingDirectory, directory.appending("d"), 0o777)
        let name = directory.appending("d").appending("a")
        let file = try File(name, .openOrCreate, calls: calls)
        try file.write([1, 2], at: 3)
        try file.allocate(from: 5, to: 10)
        #expect(try file.read(count: 10, at: 0).count == 10)
        #expect(try file.size() == 10)
        try file.synchronize()
        // The second opening creates nothing.
        _ = try File(name, .openOrCreate, calls: calls)
        recording.trace.mark(9)
        try calls.rename(SystemCalls.workingDirectory, name, directory.appending("b"))
        try Directory(directory.path, calls: calls).synchronize()
        // A file has its number whatever its name is, and also without one.
        try file.write([7], at: 0)
        try calls.unlink(SystemCalls.workingDirectory, directory.appending("b"))
        try file.write([8], at: 0)
        try calls.removeDirectory(SystemCalls.workingDirectory, directory.appending("d"))
        #expect(
            events == [
                "mkdir 1 0/d", "create 2 1/a", "write 2 at 3 [1, 2]", "allocate 2 to 10", "sync 2", "mark 9",
                "rename 2 a b -1", "sync 0", "write 2 at 0 [7]", "unlink 2 b", "write 2 at 0 [8]", "rmdir 1 d",
            ])
    }

    @Test func `what fails is not recorded, but a failed sync is`() throws {
        let calls = recording.calls
        #expect(throws: Errno.noSuchFileOrDirectory) {
            try calls.unlink(SystemCalls.workingDirectory, directory.appending("missing"))
        }
        #expect(throws: Errno.noSuchFileOrDirectory) {
            try calls.rename(SystemCalls.workingDirectory, directory.appending("missing"), directory.appending("b"))
        }
        #expect(throws: StorageError.self) { try File(directory.appending("missing"), .readWrite, calls: calls) }
        #expect(events.isEmpty)

        let fault = FaultySystem(Fault([.synchronize], number: 1, .error(.ioError)))
        let other = try TemporaryDirectory()
        let failing = RecordingSystem(root: other.path, over: fault.calls)
        let file = try File(other.appending("a"), .create, calls: failing.calls)
        #expect(throws: StorageError.self) { try file.synchronize() }
        #expect(failing.trace.events.map(Self.text) == ["create 1 0/a", "sync failed 1"])
    }

    @Test func `a short write is recorded as far as it went`() throws {
        let other = try TemporaryDirectory()
        let fault = FaultySystem(Fault([.pwrite], number: 1, .short))
        let short = RecordingSystem(root: other.path, over: fault.calls)
        let file = try File(other.appending("a"), .create, calls: short.calls)
        try file.write([1, 2, 3, 4, 5], at: 0)
        #expect(
            short.trace.events.map(Self.text) == ["create 1 0/a", "write 1 at 0 [1, 2]", "write 1 at 2 [3, 4, 5]"])
    }

    @Test func `what happens elsewhere is not recorded`() throws {
        let other = try TemporaryDirectory()
        let file = try File(other.appending("a"), .create, calls: recording.calls)
        try file.write([1], at: 0)
        try file.synchronize()
        try recording.calls.unlink(SystemCalls.workingDirectory, other.appending("a"))
        #expect(events.isEmpty)
    }

    @Test func `a descriptor that is used again stands for its new file`() throws {
        for name in ["a", "b"] {
            try File(directory.appending(name), .create, calls: recording.calls).write([1], at: 0)
        }
        #expect(events == ["create 1 0/a", "write 1 at 0 [1]", "create 2 0/b", "write 2 at 0 [1]"])
    }

    @Test func `writes through memory are recorded at the next sync`() throws {
        let file = try File(directory.appending("a"), .create, calls: recording.calls)
        try file.allocate(from: 0, to: 8192)
        let memory = try unsafe recording.calls.map(nil, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file.descriptor, 0)
        defer { unsafe munmap(memory, 8192) }
        try file.write([4], at: 4096)
        unsafe memory.storeBytes(of: 1, toByteOffset: 600, as: UInt8.self)
        unsafe memory.storeBytes(of: 2, toByteOffset: 1024, as: UInt8.self)
        try file.synchronize()
        unsafe memory.storeBytes(of: 3, toByteOffset: 8191, as: UInt8.self)
        recording.recordMappedWrites()
        recording.recordMappedWrites()
        let writes = recording.trace.events.compactMap { event in
            if case .write(_, let offset, let bytes) = event { [offset, bytes.count] } else { nil }
        }
        #expect(writes == [[4096, 1], [512, 1024], [7680, 512]])
        var cursor = CrashCursor(recording.trace)
        cursor.advance(to: cursor.end)
        var generator = CrashGenerator(seed: 1)
        #expect(cursor.state(.processKill, using: &generator).digest == (try DiskState(reading: directory.path)).digest)
    }

    @Test func `threads that write at once leave the trace of what is on the disk`() async throws {
        let recording = recording, directory = directory
        await withTaskGroup(of: Void.self) { group in
            for thread in 0..<4 {
                group.addTask {
                    guard let file = try? File(directory.appending("shared"), .openOrCreate, calls: recording.calls)
                    else { return }
                    for step in 0..<200 {
                        try? file.write([UInt8](repeating: UInt8(thread), count: 100 + step), at: step * 7)
                        if step % 50 == 0 { try? file.synchronize() }
                    }
                }
            }
        }
        #expect(recording.trace.count == 1 + 4 * 204)
        var cursor = CrashCursor(recording.trace)
        cursor.advance(to: cursor.end)
        var generator = CrashGenerator(seed: 1)
        #expect(cursor.state(.processKill, using: &generator).digest == (try DiskState(reading: directory.path)).digest)
    }
}
