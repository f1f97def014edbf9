import MappedStorage
import SystemPackage
import TestSupport
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

@Suite struct DraftFileTests {
    @Test func `a file has its name only when it is published, and what stood there stays until then`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path.appending("file")
        try File(path, .create).write([1], at: 0)
        let draft = try DraftFile(path)
        try draft.write([2, 3], at: 1)
        try draft.write([9], at: 0)
        #expect(try File(path, .read).read(count: 8, at: 0) == [1])
        try draft.publish()
        #expect(try File(path, .read).read(count: 8, at: 0) == [9, 2, 3])
        #expect(names(in: directory.path) == ["file"])
    }

    @Test func `one that is let go of leaves nothing`() throws {
        let directory = try TemporaryDirectory()
        do {
            let draft = try DraftFile(directory.path.appending("file"))
            try draft.write([1], at: 0)
        }
        #expect(names(in: directory.path) == [])
    }

    @Test func `a sync that fails leaves the old file, and nothing beside it`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path.appending("file")
        try File(path, .create).write([1], at: 0)
        var calls = SystemCalls.system
        calls.synchronize = { (_) throws(Errno) in throw .ioError }
        do {
            let draft = try DraftFile(path, calls: calls)
            try draft.write([2], at: 0)
            let error = #expect(throws: StorageError.self) { try draft.publish() }
            #expect(error?.path == path && error?.errno == .ioError)
        }
        #expect(try File(path, .read).read(count: 8, at: 0) == [1])
        #expect(names(in: directory.path) == ["file"])
    }

    @Test func `a directory that cannot be synced leaves no new file, and of an old one the new one`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path.appending("file")
        var calls = SystemCalls.system
        calls.synchronize = { (descriptor) throws(Errno) in
            if try SystemCalls.system.status(descriptor, nil).kind == .directory { throw .ioError }
        }
        for isNew in [true, false] {
            if !isNew { try writeBytes([1], to: path) }
            let draft = try DraftFile(path, calls: calls)
            try draft.write([2], at: 0)
            #expect(throws: StorageError.self) { try draft.publish() }
            #expect(names(in: directory.path) == (isNew ? [] : ["file"]))
        }
        #expect(try readBytes(path) == [2])
    }

    @Test func `a file goes to the directory that its path led to, wherever that is moved`() throws {
        let directory = try TemporaryDirectory()
        let folder = directory.appending("folder"), moved = directory.appending("moved")
        try makeDirectory(folder)
        for isPublished in [true, false] {
            let draft = try DraftFile(folder.appending("file"))
            try draft.write([2], at: 0)
            #expect(unsafe rename(folder.string, moved.string) == 0)
            try makeDirectory(folder)
            try writeBytes([1], to: folder.appending("file"))
            if isPublished { try draft.publish() }
            #expect(try readBytes(folder.appending("file")) == [1] && names(in: folder) == ["file"])
            removeTree(folder)
            #expect(unsafe rename(moved.string, folder.string) == 0)
        }
        #expect(try readBytes(folder.appending("file")) == [2])
        #expect(names(in: folder) == ["file"])
    }

    @Test func `a file that is replaced keeps who may read it, and a long name is no hindrance`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path.appending(String(repeating: "ü", count: 120))
        try File(path, .create).write([1], at: 0)
        #expect(unsafe chmod(path.string, 0o600) == 0)
        let draft = try DraftFile(path)
        try draft.write([2], at: 0)
        try draft.publish()
        var status = stat()
        #expect(unsafe stat(path.string, &status) == 0 && status.st_mode & 0o777 == 0o600)
        #expect(try File(path, .read).read(count: 8, at: 0) == [2])
    }

    @Test func `a directory or a link is not replaced`() throws {
        let directory = try TemporaryDirectory()
        try makeDirectory(directory.path.appending("folder"))
        #expect(throws: StorageError.self) { try DraftFile(directory.path.appending("folder")) }
        #expect(throws: StorageError.self) { try DraftFile("/dev/null") }
    }
}
