import MappedStorage
import SystemPackage
import TestSupport
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

@Suite struct UnfinishedFilesTests {
    /// A directory with the files of a store, and one more.
    private static func make(_ path: FilePath, _ names: [String]) throws {
        try Directory(path).create()
        for name in names { _ = try File(path.appending(name), .create) }
    }

    @Test func `a temporary directory is emptied of its own names, whatever stands in its place by then`() throws {
        let directory = try TemporaryDirectory()
        let draft = directory.appending("draft"), temporary = directory.appending("temporary")
        let moved = directory.appending("moved"), foreign = directory.appending("foreign")
        try Self.make(draft, ["a", "b", "mine"])
        try Self.make(foreign, ["a", "b"])
        UnfinishedFiles.insert(directory: draft, names: ["a", "b"])
        UnfinishedFiles.expectTemporary(temporary)
        try Directory(draft).publish(as: temporary)
        try SystemCalls.system.rename(temporary, moved)
        #expect(unsafe symlink(foreign.string, temporary.string) == 0)
        UnfinishedFiles.discard(temporary)
        #expect(try Directory(foreign).names().sorted() == ["a", "b"])
        #expect(try Directory(moved).names() == ["mine"])
        #expect(try Directory(directory.path).names().sorted() == ["foreign", "moved", "temporary"])
    }

    @Test func `a directory that was never made is nobody's to remove`() throws {
        let directory = try TemporaryDirectory()
        let temporary = directory.appending("temporary")
        UnfinishedFiles.expectTemporary(temporary)
        try Self.make(temporary, ["a"])
        UnfinishedFiles.discard(temporary)
        #expect(try Directory(temporary).names() == ["a"])
        // Nor one whose making this process gave up.
        let other = directory.appending("other")
        try Self.make(other, ["a"])
        UnfinishedFiles.insert(directory: other, names: ["a"])
        UnfinishedFiles.remove(other)
        UnfinishedFiles.discard(other)
        #expect(try Directory(other).names() == ["a"])
    }

    @Test func `an interruption removes what is not finished, and nothing is finished afterwards`() async throws {
        let directory = try TemporaryDirectory()
        await #expect(processExitsWith: .exitCode(7)) { [path = directory.path.string as String] in
            let folder = FilePath(path)
            let finished = try DraftFile(folder.appending("finished")), file = try DraftFile(folder.appending("file"))
            try finished.publish()
            try Self.make(folder.appending("building"), ["a", "other"])
            UnfinishedFiles.insert(directory: folder.appending("building"), names: ["a"])
            try Self.make(folder.appending("draft"), ["a"])
            UnfinishedFiles.insert(directory: folder.appending("draft"), names: ["a"])
            UnfinishedFiles.expectTemporary(folder.appending("temporary"))
            try Directory(folder.appending("draft")).publish(as: folder.appending("temporary"))
            guard UnfinishedFiles.removeAll() else { exit(1) }
            // Ends the process, because publishing does not return.
            signal(SIGALRM) { _ in _exit(7) }
            alarm(1)
            try? file.publish()
            exit(2)
        }
        #expect(try Directory(directory.path).names().sorted() == ["building", "finished"])
        #expect(try Directory(directory.appending("building")).names() == ["other"])
    }

    @Test func `before anything was finished, nothing was`() async {
        await #expect(processExitsWith: .exitCode(7)) { exit(UnfinishedFiles.removeAll() ? 1 : 7) }
    }
}
