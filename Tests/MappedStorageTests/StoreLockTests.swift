import MappedStorage
import SystemPackage
import TestSupport
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

@Suite struct StoreLockTests {
    let directory: TemporaryDirectory
    let path: FilePath

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.appending("lock")
    }

    /// Each lock has a directory of its own, as each handle of a store has.
    private func lock(_ kind: StoreLock.Kind, _ calls: SystemCalls = .system) throws(StorageError) -> StoreLock {
        try StoreLock(Directory(directory.path, calls: calls)["lock"], kind)
    }

    private func refused(_ kind: StoreLock.Kind, _ calls: SystemCalls = .system) -> StorageError? {
        #expect(throws: StorageError.self) { _ = try lock(kind, calls) }
    }

    private func lastWriter() throws -> Int? { StoreLock.lastWriter(try Directory(directory.path)["lock"]) }

    @Test func `a writer excludes everybody, in its own process too`() throws {
        let writer = try lock(.exclusive)
        for kind in [StoreLock.Kind.exclusive, .shared] {
            #expect(refused(kind) == StorageError(directory.path, "lock the store", .wouldBlock))
        }
        withExtendedLifetime(writer) {}
    }

    @Test func `readers share, and exclude writers`() throws {
        _ = try lock(.exclusive)
        let readers = try (0..<3).map { _ in try lock(.shared) }
        #expect(refused(.exclusive)?.errno == .wouldBlock)
        withExtendedLifetime(readers) {}
    }

    @Test func `the lock ends with its holder, and with one that fails`() throws {
        for kind in [StoreLock.Kind.exclusive, .shared, .exclusive, .exclusive] { _ = try lock(kind) }
        var calls = SystemCalls.system
        calls.status = { (descriptor, path) throws(Errno) in
            if path != nil { throw .ioError }
            return try SystemCalls.system.status(descriptor, path)
        }
        let kept = try Directory(directory.path, calls: calls)
        #expect(throws: StorageError.self) { _ = try StoreLock(kept["lock"], .exclusive) }
        _ = try lock(.exclusive)
        withExtendedLifetime(kept) {}
    }

    @Test func `the file's removal lets nobody in, and its writer is told`() throws {
        let writer = try lock(.exclusive)
        try writer.checkIsInPlace()
        removeTree(path)
        #expect(refused(.exclusive)?.errno == .wouldBlock && refused(.shared)?.errno == .wouldBlock)
        let error = #expect(throws: StorageError.self) { try writer.checkIsInPlace() }
        #expect(error?.errno == .staleNFSFileHandle && error?.path == path)
        try writeBytes([], to: path)
        #expect(throws: StorageError.self) { try writer.checkIsInPlace() }
    }

    @Test func `a reader needs no file and makes none, and excludes writers without`() throws {
        let reader = try lock(.shared)
        #expect(names(in: directory.path) == [])
        #expect(refused(.exclusive)?.errno == .wouldBlock)
        _ = try lock(.shared)
        withExtendedLifetime(reader) {}
    }

    /// Between opening and locking it, somebody removes the file, as often as asked.
    @Test func `a lock of a file without a name does not count`() throws {
        for kind in [StoreLock.Kind.exclusive, .shared] {
            try writeBytes([], to: path)
            var calls = SystemCalls.system
            calls.lock = { [path] (descriptor, operation) throws(Errno) in
                let status = try SystemCalls.system.status(descriptor, nil)
                try SystemCalls.system.lock(descriptor, operation)
                if status.kind == .file && status.size == 0 && operation & LOCK_UN == 0 {
                    removeTree(path)
                    try? writeBytes([1], to: path)
                }
            }
            let held = try lock(kind, calls)
            try held.checkIsInPlace()
            #expect(try readBytes(path) == [1])
            removeTree(path)
        }
    }

    @Test(arguments: [Errno.noLocks, .notSupported, .noFunction])
    func `where the file system locks nothing, readers go without and writers do not`(errno: Errno) throws {
        try writeBytes([], to: path)
        var calls = SystemCalls.system
        calls.lock = { (_, _) throws(Errno) in throw errno }
        _ = try lock(.shared, calls)
        let error = refused(.exclusive, calls)
        #expect(error?.errno == errno && error?.action.contains("has no locks") == true)
        // One that fails is another matter.
        calls.lock = { (_, _) throws(Errno) in throw .ioError }
        #expect(refused(.shared, calls)?.errno == .ioError)
    }

    @Test func `where it locks no directories, the file's lock is enough`() throws {
        var calls = SystemCalls.system
        calls.lock = { (descriptor, operation) throws(Errno) in
            if try SystemCalls.system.status(descriptor, nil).kind == .directory { throw .notSupported }
            try SystemCalls.system.lock(descriptor, operation)
        }
        let writer = try lock(.exclusive, calls)
        #expect(refused(.exclusive, calls) == StorageError(path, "lock the store", .wouldBlock))
        #expect(refused(.shared, calls)?.errno == .wouldBlock)
        withExtendedLifetime(writer) {}
    }

    @Test func `a writer leaves its process id in twelve bytes`() throws {
        #expect(try lastWriter() == nil)
        let writer = try lock(.exclusive)
        #expect(try readBytes(path) == [])
        writer.sign()
        #expect(try lastWriter() == Int(getpid()))
        let bytes = try readBytes(path)
        #expect(bytes.count == 12)
        #expect(String(decoding: bytes, as: UTF8.self).hasPrefix("\(getpid())\n "))
        // A refused writer leaves no trace.
        _ = refused(.exclusive)
        #expect(try readBytes(path) == bytes)
        withExtendedLifetime(writer) {}
        try writeBytes(Array("nonsense".utf8), to: path)
        #expect(try lastWriter() == nil)
    }

    @Test func `the lock holds between processes, of the directory and of the file`() throws {
        let attempt = [
            "python3", "-c",
            """
            import fcntl, os, sys
            try: fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), int(sys.argv[2]) | fcntl.LOCK_NB)
            except BlockingIOError: sys.exit(7)
            """,
        ]
        do {
            let writer = try lock(.exclusive)
            for name in [path, directory.path] { #expect(try run(attempt + [name.string, "\(LOCK_SH)"]).status == 7) }
            withExtendedLifetime(writer) {}
        }
        let reader = try lock(.shared)
        for name in [path, directory.path] {
            #expect(try run(attempt + [name.string, "\(LOCK_EX)"]).status == 7)
            #expect(try run(attempt + [name.string, "\(LOCK_SH)"]).status == 0)
        }
        withExtendedLifetime(reader) {}
    }
}
