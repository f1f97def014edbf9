import MappedStorage
import SystemPackage
import TestSupport
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

@Suite struct FileLockTests {
    let directory: TemporaryDirectory
    let path: FilePath

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.appending("lock")
    }

    private func refused(_ kind: FileLock.Kind) -> StorageError? {
        #expect(throws: StorageError.self) { _ = try FileLock(path, kind) }
    }

    @Test func aWriterExcludesEverybodyInItsOwnProcessToo() throws {
        let writer = try FileLock(path, .exclusive)
        let held = StorageError(path, "lock the store", .wouldBlock)
        #expect(refused(.exclusive) == held)
        #expect(refused(.shared) == held)
        withExtendedLifetime(writer) {}
    }

    @Test func readersShareAndExcludeWriters() throws {
        _ = try FileLock(path, .exclusive)
        let readers = try (0..<3).map { _ in try FileLock(path, .shared) }
        #expect(refused(.exclusive)?.errno == .wouldBlock)
        withExtendedLifetime(readers) {}
    }

    @Test func theLockEndsWithItsHolder() throws {
        for kind in [FileLock.Kind.exclusive, .shared, .exclusive, .exclusive] { _ = try FileLock(path, kind) }
    }

    @Test func aReaderDoesNotMakeTheFile() throws {
        #expect(refused(.shared)?.errno == .noSuchFileOrDirectory)
        #expect(names(in: directory.path) == [])
    }

    @Test func aWriterLeavesItsProcessIDInTwelveBytes() throws {
        #expect(FileLock.lastWriter(path) == nil)
        let writer = try FileLock(path, .exclusive)
        #expect(FileLock.lastWriter(path) == Int(getpid()))
        let bytes = try readBytes(path)
        #expect(bytes.count == 12)
        #expect(String(decoding: bytes, as: UTF8.self).hasPrefix("\(getpid())\n "))
        // A refused writer leaves no trace.
        _ = refused(.exclusive)
        #expect(try readBytes(path) == bytes)
        withExtendedLifetime(writer) {}
        try writeBytes(Array("nonsense".utf8), to: path)
        #expect(FileLock.lastWriter(path) == nil)
    }

    @Test func theLockHoldsBetweenProcesses() throws {
        let attempt = [
            "python3", "-c",
            """
            import fcntl, sys
            with open(sys.argv[1], "rb+") as file:
                try: fcntl.flock(file, int(sys.argv[2]) | fcntl.LOCK_NB)
                except BlockingIOError: sys.exit(7)
            """, path.string,
        ]
        do {
            let writer = try FileLock(path, .exclusive)
            #expect(try run(attempt + ["\(LOCK_SH)"]).status == 7)
            withExtendedLifetime(writer) {}
        }
        let reader = try FileLock(path, .shared)
        #expect(try run(attempt + ["\(LOCK_EX)"]).status == 7)
        #expect(try run(attempt + ["\(LOCK_SH)"]).status == 0)
        withExtendedLifetime(reader) {}
    }
}
