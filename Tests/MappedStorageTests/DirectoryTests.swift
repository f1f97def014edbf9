import MappedStorage
import SystemPackage
import TestSupport
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

@Suite struct DirectoryTests {
    let temporary: TemporaryDirectory
    let directory: Directory

    init() throws {
        temporary = try TemporaryDirectory()
        try makeDirectory(temporary.appending("store"))
        directory = try Directory(temporary.appending("store"))
    }

    private func error(_ body: () throws -> Void) -> StorageError? { #expect(throws: StorageError.self) { try body() } }

    @Test func `what is no directory is not opened`() throws {
        let missing = temporary.appending("missing"), file = temporary.appending("file")
        #expect(Directory.kind(of: missing) == .missing && Directory.kind(of: directory.path) == .directory)
        try writeBytes([], to: file)
        #expect(Directory.kind(of: file) == .other)
        #expect(
            error { _ = try Directory(missing) } == StorageError(missing, "open the directory", .noSuchFileOrDirectory))
        #expect(error { _ = try Directory(file) }?.errno == .notDirectory)
    }

    @Test func `names are listed`() throws {
        for name: FilePath.Component in ["b", "a", ".c"] { _ = try File(directory[name], .create) }
        for _ in 0..<2 { #expect(try directory.names().map(\.string).sorted() == [".c", "a", "b"]) }
    }

    /// A list that ends early would pass for all that there is.
    @Test func `an error while names are read is not the end of them`() throws {
        _ = try File(directory["a"], .create)
        guard let stream = unsafe directory.path.withPlatformString({ unsafe opendir($0) }) else {
            throw Errno.noSuchFileOrDirectory
        }
        // From here on it cannot be read.
        let other = try FileDescriptor.open(FilePath("/dev/null"), .readOnly)
        let descriptor = unsafe dirfd(stream)
        let isReplaced = dup2(other.rawValue, descriptor) >= 0
        #expect(isReplaced)
        try other.close()
        let failure = #expect(throws: Errno.self) { unsafe try Directory.names(in: stream) }
        #expect(failure == .notDirectory)
        unsafe closedir(stream)
        var calls = SystemCalls.system
        calls.list = { (_) throws(Errno) in throw .ioError }
        let failing = try Directory(directory.path, calls: calls)
        #expect(error { _ = try failing.names() } == StorageError(directory.path, "list the directory", .ioError))
    }

    @Test func `a name is looked up in the directory that was opened, whatever has its path`() throws {
        let moved = temporary.appending("moved"), other = directory.path
        #expect(unsafe rename(other.string, moved.string) == 0)
        try makeDirectory(other)
        try writeBytes([9], to: other.appending("a"))
        try File(directory["a"], .create).write([1], at: 0)
        try directory["a"].rename(to: "b", "rename")
        try File(directory["b"], .readWrite).write([2], at: 1)
        _ = try directory["log"].makeDirectory()
        #expect(names(in: moved) == ["b", "log"] && names(in: other) == ["a"])
        #expect(try readBytes(moved.appending("b")) == [1, 2] && readBytes(other.appending("a")) == [9])
        try directory["b"].unlink()
        try directory["log"].removeDirectory()
        #expect(try directory.names().isEmpty && names(in: other) == ["a"])
        #expect(!directory.isRemoved)
        #expect(unsafe rmdir(moved.string) == 0)
        #expect(directory.isRemoved)
        #expect(error { _ = try File(directory["c"], .create) }?.errno == .noSuchFileOrDirectory)
    }

    @Test func `a name leads to a file until that is removed or replaced`() throws {
        let file = try File(directory["a"], .create)
        try directory["a"].checkLeads(to: file.descriptor)
        try directory["a"].rename(to: "b", "rename")
        #expect(error { try directory["a"].checkLeads(to: file.descriptor) }?.errno == .staleNFSFileHandle)
        _ = try File(directory["a"], .create)
        #expect(error { try directory["a"].checkLeads(to: file.descriptor) }?.path == directory["a"].path)
        try directory["b"].checkLeads(to: file.descriptor)
    }

    @Test(arguments: [File.Mode.read, .readWrite, .create, .openOrCreate])
    func `a link is not followed`(mode: File.Mode) throws {
        let victim = temporary.appending("victim")
        for target in [victim.string, temporary.appending("missing").string] {
            try writeBytes([1, 2, 3], to: victim)
            try? directory["a"].unlink()
            #expect(unsafe symlink(target, directory["a"].path.string) == 0)
            let refusal = error { _ = try File(directory["a"], mode) }
            #expect(refusal?.errno == (mode == .create ? .fileExists : .tooManySymbolicLinkLevels))
            #expect(mode == .create || refusal?.action.contains("it is a link") == true)
        }
        #expect(try readBytes(victim) == [1, 2, 3])
        #expect(names(in: temporary.path) == ["store", "victim"])
        #expect(error { _ = try Directory(directory["a"]) } != nil)
    }

    @Test func `a file with a second name is read, and not written`() throws {
        try File(directory["a"], .create).write([1], at: 0)
        #expect(unsafe link(directory["a"].path.string, temporary.appending("copy").string) == 0)
        #expect(try File(directory["a"], .read).read(count: 9, at: 0) == [1])
        for mode in [File.Mode.readWrite, .openOrCreate] {
            #expect(error { _ = try File(directory["a"], mode) }?.errno == .tooManyLinks)
        }
    }

    @Test func `what is no file is not opened as one`() throws {
        #expect(unsafe mkfifo(directory["pipe"].path.string, 0o600) == 0)
        _ = try directory["directory"].makeDirectory()
        for name: FilePath.Component in ["pipe", "directory"] {
            #expect(error { _ = try File(directory[name], .read) }?.errno == .invalidArgument)
            #expect(error { _ = try File(directory[name], .readWrite) } != nil)
        }
    }

    @Test func `a file that could not be made as it should be is not there`() throws {
        var calls = SystemCalls.system
        calls.status = { (descriptor, path) throws(Errno) in
            let status = try SystemCalls.system.status(descriptor, path)
            if path == nil && status.kind == .file { throw .ioError }
            return status
        }
        let failing = try Directory(directory.path, calls: calls)
        for mode in [File.Mode.create, .openOrCreate] {
            #expect(error { _ = try File(failing["a"], mode) }?.errno == .ioError)
            #expect(try directory.names().isEmpty)
        }
    }

    @Test func `room for a file is made where an empty directory has its name`() throws {
        #expect(directory["a"].makeWay())
        _ = try directory["a"].makeDirectory()
        #expect(directory["a"].makeWay())
        #expect(try directory["a"].status() == nil)
        _ = try File(directory["a"].makeDirectory()["b"], .create)
        #expect(!directory["a"].makeWay())
        _ = try File(directory["c"], .create)
        #expect(try directory["c"].makeWay() && directory["c"].status()?.kind == .file)
    }

    @Test func `renaming does not replace a directory that has something in it`() throws {
        for name: FilePath.Component in ["draft", "final"] {
            _ = try File(directory[name].makeDirectory()["a"], .create)
        }
        let refusal = error { try directory["draft"].rename(to: "final", "give it its name") }
        #expect(refusal?.path == directory["final"].path && refusal?.action == "give it its name")
        #expect(refusal?.errno == .directoryNotEmpty || refusal?.errno == .fileExists)
        #expect(try directory.names().map(\.string).sorted() == ["draft", "final"])
    }

    @Test(arguments: [Errno.invalidArgument, .notSupported])
    func `a file system that syncs no directories is believed, and one that fails is not`(errno: Errno) throws {
        var calls = SystemCalls.system
        calls.synchronize = { (_) throws(Errno) in throw errno }
        try Directory(directory.path, calls: calls).synchronize()
        let file = try File(Directory(directory.path, calls: calls)["a"], .create)
        #expect(error { try file.synchronize() }?.errno == errno)
        calls.synchronize = { (_) throws(Errno) in throw .ioError }
        let failing = try Directory(directory.path, calls: calls)
        #expect(
            error { try failing.synchronize() }
                == StorageError(directory.path, "write the directory to the disk", .ioError))
    }

    @Test(arguments: [("a", "."), ("a/b", "a"), ("/a", "/"), ("/a/b", "/a"), ("./a", ".")])
    func parents(path: String, parent: String) {
        #expect(FilePath(path).parent == FilePath(parent))
    }
}

/// Makes a directory.
func makeDirectory(_ path: FilePath) throws(Errno) {
    try SystemCalls.system.makeDirectory(SystemCalls.workingDirectory, path, 0o777)
}
