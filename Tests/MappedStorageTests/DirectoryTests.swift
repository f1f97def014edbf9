import MappedStorage
import SystemPackage
import TestSupport
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

@Suite struct DirectoryTests {
    let temporary: TemporaryDirectory
    let path: FilePath
    let target: FilePath

    init() throws {
        temporary = try TemporaryDirectory()
        path = temporary.appending("draft")
        target = temporary.appending("final")
    }

    @Test func createsOnce() throws {
        #expect(Directory.kind(of: path) == .missing)
        try Directory(path).create()
        #expect(Directory.kind(of: path) == .directory)
        let error = #expect(throws: StorageError.self) { try Directory(path).create() }
        #expect(error == StorageError(path, "create the directory", .fileExists))
        try writeBytes([], to: target)
        #expect(Directory.kind(of: target) == .other)
    }

    @Test func listsNames() throws {
        try Directory(path).create()
        for name in ["b", "a", ".c"] { try writeBytes([1], to: path.appending(name)) }
        #expect(try Directory(path).names().sorted() == [".c", "a", "b"])
        let error = #expect(throws: StorageError.self) { try Directory(target).names() }
        #expect(error?.errno == .noSuchFileOrDirectory)
    }

    /// A list that ends early would pass for all that there is.
    @Test func anErrorIsNotTheEndOfTheList() throws {
        try Directory(path).create()
        try writeBytes([1], to: path.appending("a"))
        guard let stream = unsafe path.withPlatformString({ unsafe opendir($0) }) else {
            throw Errno.noSuchFileOrDirectory
        }
        // From here on it cannot be read.
        let other = try FileDescriptor.open(FilePath("/dev/null"), .readOnly)
        let descriptor = unsafe dirfd(stream)
        let isReplaced = dup2(other.rawValue, descriptor) >= 0
        #expect(isReplaced)
        try other.close()
        let error = #expect(throws: Errno.self) { unsafe try Directory.names(in: stream) }
        #expect(error == .notDirectory)
        unsafe closedir(stream)
    }

    @Test func publishingRenamesAndThenSyncsTheParent() throws {
        let system = FaultySystem()
        let directory = Directory(path, calls: system.calls)
        try directory.create()
        try writeBytes([1], to: path.appending("a"))
        try directory.publish(as: target)
        #expect(names(in: temporary.path) == ["final"])
        #expect(names(in: target) == ["a"])
        let parent = temporary.path.lastComponent?.string ?? ""
        #expect(system.names == ["rename final", "open \(parent)", "synchronize"])
    }

    @Test func publishingDoesNotReplaceAStore() throws {
        try Directory(path).create()
        try Directory(target).create()
        try writeBytes([1], to: target.appending("a"))
        let error = #expect(throws: StorageError.self) { try Directory(path).publish(as: target) }
        #expect(error?.path == target)
        #expect(error?.errno == .directoryNotEmpty || error?.errno == .fileExists)
        #expect(names(in: temporary.path) == ["draft", "final"])
        #expect(names(in: target) == ["a"])
    }

    @Test(arguments: 0..<3)
    func aFailureToPublishIsReported(call: Int) throws {
        try Directory(path).create()
        let system = FaultySystem(failing: call, with: .noSpace)
        let error = #expect(throws: StorageError.self) {
            try Directory(path, calls: system.calls).publish(as: target)
        }
        #expect(error?.errno == .noSpace)
        #expect(system.names.count == call + 1)
        #expect(names(in: temporary.path) == [call == 0 ? "draft" : "final"])
    }

    @Test(arguments: [("a", "."), ("a/b", "a"), ("/a", "/"), ("/a/b", "/a"), ("./a", ".")])
    func parents(path: String, parent: String) {
        #expect(FilePath(path).parent == FilePath(parent))
    }
}
