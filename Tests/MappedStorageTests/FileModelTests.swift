import MappedStorage
import SystemPackage
import TestSupport
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Files that a program makes in a store are the store's, not the program's.
@Suite struct FileModelTests {
    let temporary: TemporaryDirectory
    let path: FilePath
    /// A user that no system has.
    static let service: UInt32 = 54_321

    init() throws {
        temporary = try TemporaryDirectory()
        path = temporary.appending("store")
        try makeDirectory(path)
    }

    private func attributes(_ path: FilePath) throws -> FileAttributes {
        try SystemCalls.system.status(SystemCalls.workingDirectory, path).attributes
    }

    private func make(_ mode: UInt16) throws {
        try writeBytes([], to: path.appending("level0"))
        #expect(unsafe chmod(path.appending("level0").string, mode_t(mode)) == 0)
    }

    @Test(arguments: [UInt16(0o600), 0o640, 0o664, 0o666])
    func `new files have the permissions of the model, whatever the mask`(mode: UInt16) throws {
        try make(mode)
        let directory = try Directory(path, like: "level0")
        for name: FilePath.Component in ["a", "b"] {
            _ = try File(directory[name], name == "a" ? .create : .openOrCreate)
        }
        let logs = try directory["log"].makeDirectory()
        _ = try File(logs["c"], .create)
        for name in ["a", "b", "log/c"] { #expect(try attributes(path.pushing(FilePath(name))).mode == mode) }
        // Who may read may look.
        #expect(try attributes(path.appending("log")).mode == mode | (mode & 0o444) >> 2)
    }

    @Test func `without a model they are as the process makes them`() throws {
        try writeBytes([], to: path.appending("other"))
        let mask = umask(0)
        umask(mask)
        _ = try File(Directory(path)["a"], .create)
        #expect(try attributes(path.appending("a")).mode == 0o666 & ~UInt16(mask))
    }

    @Test(.enabled(if: geteuid() == 0, "giving files away needs root"))
    func `what root makes belongs to the owner of the store`() throws {
        try make(0o640)
        for name in ["", "level0"] {
            #expect(unsafe chown(path.pushing(FilePath(name)).string, Self.service, Self.service) == 0)
        }
        let directory = try Directory(path, like: "level0")
        _ = try File(directory["a"], .create)
        _ = try File(directory["log"].makeDirectory()["b"], .create)
        for name in ["a", "log", "log/b"] {
            let attributes = try attributes(path.pushing(FilePath(name)))
            #expect(attributes.owner == Self.service && attributes.group == Self.service)
        }
        // And may be written by root.
        _ = try File(directory["a"], .readWrite)
        _ = try File(directory["level0"], .readWrite)
    }

    @Test(.enabled(if: geteuid() == 0, "giving files away needs root"))
    func `root does not write to a file of its own that another user may have moved into a store`() throws {
        try make(0o644)
        #expect(unsafe chown(path.string, Self.service, Self.service) == 0)
        func refusal(_ name: FilePath.Component) throws -> StorageError? {
            let directory = try Directory(path, like: "level0")
            _ = try File(directory[name], .read)
            return #expect(throws: StorageError.self) { _ = try File(directory[name], .readWrite) }
        }
        #expect(try refusal("level0")?.errno == .notPermitted)
        #expect(unsafe chown(path.appending("level0").string, Self.service, Self.service) == 0)
        try writeBytes([1], to: path.appending("journal"))
        #expect(try refusal("journal")?.errno == .notPermitted)
        try makeDirectory(path.appending("log"))
        let directory = try Directory(path, like: "level0")
        let error = #expect(throws: StorageError.self) { try Directory(directory["log"]).checkAllowsWriting() }
        #expect(error?.errno == .notPermitted)
        // A directory of root's holds what root lets in: a volume that a service uses.
        #expect(unsafe chown(path.string, 0, 0) == 0)
        let volume = try Directory(path, like: "level0")
        _ = try File(volume["level0"], .readWrite)
        #expect(throws: StorageError.self) { _ = try File(volume["journal"], .readWrite) }
    }

    @Test func `an owner that cannot be given is an error, and leaves no file`() throws {
        try make(0o600)
        var calls = SystemCalls.system
        calls.setMode = { (_, _) throws(Errno) in throw .notPermitted }
        calls.open = { (directory, path, flags, _) throws(Errno) in
            try SystemCalls.system.open(directory, path, flags, 0o400)
        }
        calls.makeDirectory = { (directory, path, _) throws(Errno) in
            try SystemCalls.system.makeDirectory(directory, path, 0o500)
        }
        let directory = try Directory(path, like: "level0", calls: calls)
        #expect(throws: StorageError.self) { _ = try File(directory["a"], .create) }
        #expect(throws: StorageError.self) { _ = try directory["log"].makeDirectory() }
        #expect(names(in: path) == ["level0"])
    }
}
