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
    private static func make(_ path: FilePath, _ names: [FilePath.Component]) throws {
        try makeDirectory(path)
        let directory = try Directory(path)
        for name in names { _ = try File(directory[name], .create) }
    }

    /// Has a directory removed, if it is not finished, and these names in it.
    private static func insert(_ path: FilePath, _ names: [FilePath.Component]) throws {
        let name = path.lastComponent!
        UnfinishedFiles.insert(try Directory(path), at: try Directory(path.parent)[name], names: names)
    }

    private static func publish(_ path: FilePath, as destination: FilePath) throws {
        let entry = try Directory(path.parent)[path.lastComponent!]
        try UnfinishedFiles.publishing(path, as: destination) {
            try entry.rename(to: destination.lastComponent!, "rename")
        }
    }

    @Test func `a temporary directory is emptied of its own names, whatever stands in its place by then`() throws {
        let directory = try TemporaryDirectory()
        let draft = directory.appending("draft"), temporary = directory.appending("temporary")
        let moved = directory.appending("moved"), foreign = directory.appending("foreign")
        try Self.make(draft, ["a", "b", "mine"])
        try Self.make(foreign, ["a", "b"])
        try Self.insert(draft, ["a", "b"])
        UnfinishedFiles.expectTemporary(temporary)
        try Self.publish(draft, as: temporary)
        #expect(unsafe rename(temporary.string, moved.string) == 0)
        #expect(unsafe symlink(foreign.string, temporary.string) == 0)
        UnfinishedFiles.discard(temporary)
        #expect(names(in: foreign) == ["a", "b"])
        #expect(names(in: moved) == ["mine"])
        #expect(names(in: directory.path) == ["foreign", "moved", "temporary"])
    }

    @Test func `a temporary directory goes, and one that was there before is emptied and stays`() throws {
        let directory = try TemporaryDirectory()
        let draft = directory.appending("draft"), temporary = directory.appending("temporary")
        try Self.make(draft, ["a"])
        try Self.insert(draft, ["a"])
        UnfinishedFiles.expectTemporary(temporary)
        try Self.publish(draft, as: temporary)
        UnfinishedFiles.discard(temporary)
        #expect(names(in: directory.path) == [])
        try Self.make(temporary, ["a"])
        UnfinishedFiles.expectTemporary(temporary)
        UnfinishedFiles.insert(try Directory(temporary), at: nil, names: ["a"])
        UnfinishedFiles.discard(temporary)
        #expect(names(in: directory.path) == ["temporary"] && names(in: temporary) == [])
    }

    @Test func `a directory that was never made is nobody's to remove`() throws {
        let directory = try TemporaryDirectory()
        let temporary = directory.appending("temporary")
        UnfinishedFiles.expectTemporary(temporary)
        try Self.make(temporary, ["a"])
        UnfinishedFiles.discard(temporary)
        #expect(names(in: temporary) == ["a"])
        // Nor one whose making this process gave up.
        let other = directory.appending("other")
        try Self.make(other, ["a"])
        try Self.insert(other, ["a"])
        UnfinishedFiles.remove(other)
        UnfinishedFiles.discard(other)
        #expect(names(in: other) == ["a"])
    }

    @Test func `an interruption removes what is not finished, and nothing is finished afterwards`() async throws {
        let directory = try TemporaryDirectory()
        await #expect(processExitsWith: .exitCode(7)) { [path = directory.path.string as String] in
            let folder = FilePath(path)
            let finished = try DraftFile(folder.appending("finished")), file = try DraftFile(folder.appending("file"))
            try finished.publish()
            try Self.make(folder.appending("building"), ["a", "other"])
            try Self.insert(folder.appending("building"), ["a"])
            try Self.make(folder.appending("draft"), ["a"])
            try Self.insert(folder.appending("draft"), ["a"])
            UnfinishedFiles.expectTemporary(folder.appending("temporary"))
            try Self.publish(folder.appending("draft"), as: folder.appending("temporary"))
            guard UnfinishedFiles.removeAll() else { exit(1) }
            // Ends the process, because publishing does not return.
            signal(SIGALRM) { _ in _exit(7) }
            alarm(1)
            try? file.publish()
            exit(2)
        }
        #expect(names(in: directory.path) == ["building", "finished"])
        #expect(names(in: directory.appending("building")) == ["other"])
    }

    @Test func `before anything was finished, nothing was`() async {
        await #expect(processExitsWith: .exitCode(7)) { exit(UnfinishedFiles.removeAll() ? 1 : 7) }
    }
}
