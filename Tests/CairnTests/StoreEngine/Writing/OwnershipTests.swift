import MappedStorage
import SystemPackage
import TestSupport
import Testing

@testable import Cairn

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Whoever works on a store leaves it to its owner. Without locks and syncs of directories it can still be read, or used.
@Suite struct OwnershipTests {
    private let written: WrittenStore
    private let rows: [[Float]]
    /// A user that no system has.
    private static let service: UInt32 = 54_321

    init() throws {
        written = try WrittenStore()
        rows = written.rows(300)
        try written.create().close()
    }

    /// The attributes of all that is in the store, by name.
    private func attributes() throws -> [String: FileAttributes] {
        var found: [String: FileAttributes] = [:]
        for name in try snapshot(written.path).keys {
            let path = written.path.pushing(FilePath(name))
            found[name] = try SystemCalls.system.status(SystemCalls.workingDirectory, path).attributes
        }
        return found
    }

    /// Has every file of a store made again.
    private func workThrough() throws {
        let names = ["upper", "labels", "lock"].map { written.path.appending($0) }
        for name in names { removeTree(name) }
        let store = try written.open()
        try store.add(rows.flatMap { $0 }, labels: rows.indices.map { Label($0) })
        try store.setQuantization(.scalar8)
        try store.checkpoint()
        try store.erase((0..<10).map { Label($0) })
        try store.checkpoint()
        try store.add(rows[0], labels: [1000])
        let found = try attributes()
        for name in ["upper", "labels", "lock", "codes", "journal", "log"] { #expect(found.keys.contains(name)) }
        try store.close()
    }

    @Test(arguments: [UInt16(0o600), 0o664])
    func `files that are made follow level0, and not the mask`(mode: UInt16) throws {
        #expect(unsafe chmod(written.path.appending("level0").string, mode_t(mode)) == 0)
        try workThrough()
        for (name, found) in try attributes() where !name.hasSuffix("log") {
            #expect(found.mode == mode, "\(name)")
        }
        #expect(try attributes()["log"]?.mode == mode | (mode & 0o444) >> 2)
    }

    @Test(.enabled(if: geteuid() == 0, "giving files away needs root"))
    func `root leaves a service its store`() throws {
        for name in try snapshot(written.path).keys + [""] {
            let path = written.path.pushing(FilePath(name))
            #expect(unsafe chown(path.string, Self.service, Self.service) == 0)
        }
        try workThrough()
        for (name, found) in try attributes() {
            #expect(found.owner == Self.service && found.group == Self.service, "\(name)")
        }
    }

    @Test(.enabled(if: geteuid() == 0, "giving files away needs root"))
    func `root does not write to files of its own in another user's store`() throws {
        let journal = written.path.appending("journal")
        for name in try snapshot(written.path).keys + [""] {
            #expect(unsafe chown(written.path.pushing(FilePath(name)).string, Self.service, Self.service) == 0)
        }
        try writeBytes([1, 2, 3], to: written.path.appending("lock"))
        #expect(unsafe chown(written.path.appending("lock").string, 0, 0) == 0)
        let error = storeError { _ = try written.open() }
        #expect(error?.path == written.path.appending("lock") && error?.message.contains("one user") == true)
        #expect(try readBytes(written.path.appending("lock")) == [1, 2, 3])
        #expect(try written.open(.readOnly).count == 0)
        #expect(!names(in: written.path).contains(journal.lastComponent?.string ?? ""))
    }

    @Test(.enabled(if: geteuid() == 0, "giving files away needs root"))
    func `what root made and did not give to the owner before it died is made again`() throws {
        for name in try snapshot(written.path).keys + [""] {
            #expect(unsafe chown(written.path.pushing(FilePath(name)).string, Self.service, Self.service) == 0)
        }
        removeTree(written.path.appending("log"))
        for name in ["lock", "journal"] {
            removeTree(written.path.appending(name))
            try writeBytes([], to: written.path.appending(name))
        }
        try SystemCalls.system.makeDirectory(SystemCalls.workingDirectory, written.path.appending("log"), 0o700)
        let store = try written.open()
        try store.add(rows[0], labels: [0])
        try store.checkpoint()
        for (name, found) in try attributes() { #expect(found.owner == Self.service, "\(name)") }
        try store.close()
    }

    /// As a user who may read and not write.
    @Test func `a reader who may make no lock file keeps writers out all the same`() throws {
        removeTree(written.path.appending("lock"))
        var calls = SystemCalls.system
        calls.open = { (directory, path, flags, mode) throws(Errno) in
            if flags & (O_CREAT | O_RDWR | O_WRONLY) != 0 { throw .permissionDenied }
            return try SystemCalls.system.open(directory, path, flags, mode)
        }
        let reader = try VectorStore.open(at: written.path, options: .init(), calls: calls)
        #expect(storeError { _ = try written.open() }?.code == .locked)
        #expect(try written.open(.readOnly).count == 0)
        try reader.close()
        #expect(try written.open().count == 0)
    }

    @Test func `where the file system has no locks a store is read and not written`() throws {
        var calls = SystemCalls.system
        calls.lock = { (_, _) throws(Errno) in throw .noLocks }
        let reader = try VectorStore.open(at: written.path, options: .init(), calls: calls)
        #expect(try reader.count == 0 && reader.verify().problems == [])
        try reader.close()
        let before = try snapshot(written.path)
        let error = storeError {
            _ = try VectorStore.open(at: written.path, options: .init(access: .readWrite), calls: calls)
        }
        #expect(error?.message.contains("no locks") == true && error?.systemError == .noLocks)
        #expect(try snapshot(written.path) == before)
    }

    @Test func `where the file system syncs no directories a store is made and changed`() throws {
        var calls = SystemCalls.system
        calls.synchronize = { (descriptor) throws(Errno) in
            if try SystemCalls.system.status(descriptor, nil).kind == .directory { throw .invalidArgument }
        }
        let path = written.directory.appending("new")
        let store = try VectorStore.create(
            at: path, configuration: written.configuration, options: .init(access: .readWrite, threads: 1), calls: calls
        )
        for label in 0..<3 {
            try store.add(rows[label], labels: [Label(label)])
            try store.checkpoint()
        }
        try store.close()
        #expect(try VectorStore.quick(at: path).count == 3)
    }
}
