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

/// Stores that are moved, swapped, removed or taken apart while they are open: an open store is the directory that was opened, and
/// nothing of another one is touched.
@Suite struct SwappedStoreTests {
    private let written: WrittenStore
    private let rows: [[Float]]
    /// Another store, closed with changes in its log, and all its bytes.
    private let other: FilePath
    private let otherFiles: [String: [UInt8]?]

    init() throws {
        written = try WrittenStore()
        rows = written.rows(8)
        let directory = try TemporaryDirectory()
        let path = directory.appending("other")
        let store = try VectorStore.create(
            at: path, configuration: written.configuration, options: .init(access: .readWrite, threads: 1),
            calls: .withoutSyncs)
        for label in 100..<105 { try store.add(rows[label % 8], labels: [Label(label)]) }
        try store.checkpoint()
        try store.add(rows[0], labels: [200])
        other = written.directory.appending("other")
        // As a killed process leaves it.
        try copyStore(from: path, to: other)
        otherFiles = try snapshot(other)
    }

    private func move(_ from: FilePath, _ to: FilePath) { #expect(unsafe rename(from.string, to.string) == 0) }

    private func openedStore() throws -> VectorStore {
        let store = try written.create()
        try store.add(rows[0], labels: [0])
        try store.checkpoint()
        try store.add(rows[1], labels: [1])
        return store
    }

    private func expectUntouched(_ path: FilePath, _ comment: Comment? = nil) throws {
        #expect(try snapshot(path) == otherFiles, comment)
        let store = try VectorStore.quick(at: path)
        #expect(try store.allLabels().sorted() == [100, 101, 102, 103, 104, 200], comment)
        try store.close()
    }

    @Test func `a writer goes on in its store when another one takes the name`() throws {
        let store = try openedStore(), moved = written.directory.appending("moved")
        move(written.path, moved)
        move(other, written.path)
        try store.add(rows[2], labels: [2])
        for round in 3..<6 {
            try store.checkpoint()
            try store.add(rows[round], labels: [Label(round)])
        }
        try store.setEF(77)
        #expect(try store.verify().problems == [] && store.info.logBytes > 0)
        try store.close()
        try expectUntouched(written.path)
        let again = try VectorStore.quick(at: moved)
        #expect(try again.allLabels().sorted() == [0, 1, 2, 3, 4, 5] && again.configuration.ef == 77)
        #expect(try again.verify().problems == [])
    }

    @Test func `a reader goes on in its store when another one takes the name`() throws {
        try openedStore().close()
        let reader = try written.open(.readOnly), moved = written.directory.appending("moved")
        move(written.path, moved)
        move(other, written.path)
        #expect(try reader.vector(for: 1) == rows[1] && reader.search(rows[0], k: 1)[0].label == 0)
        #expect(try reader.verify().problems == [] && reader.info.count == 2)
        // The name is free, and the reader's store is not.
        #expect(
            storeError { _ = try VectorStore.quick(at: moved, options: .init(access: .readWrite)) }?.code == .locked)
        try expectUntouched(written.path)
        try reader.close()
        try expectUntouched(written.path)
    }

    /// The process goes from one folder to another, and both have a store of the name that it was opened by.
    @Test func `a store of a relative path stays where it is when the process goes elsewhere`() async throws {
        let folder = written.directory.path.string
        await #expect(processExitsWith: .exitCode(7)) { [folder = folder as String] in
            unsafe chdir(folder)
            unsafe mkdir("a", 0o777)
            unsafe chdir("a")
            let store = try VectorStore.create(at: "other", configuration: .init(dimensions: 4))
            try store.add([1, 2, 3, 4], labels: [1])
            unsafe chdir("..")
            try store.checkpoint()
            try store.add([1, 2, 3, 5], labels: [2])
            guard try store.verify().isSound, try store.info.count == 2 else { exit(1) }
            try store.close()
            exit(7)
        }
        try expectUntouched(other)
        let store = try VectorStore.quick(at: written.directory.appending("a").appending("other"))
        #expect(try store.allLabels().sorted() == [1, 2])
    }

    @Test func `a writer whose store was removed says so, and leaves a new one of the name alone`() throws {
        let store = try openedStore()
        removeTree(written.path)
        move(other, written.path)
        // The log is open still; what it gets is lost, and that is said at the end.
        try? store.add(rows[2], labels: [2])
        let checkpoint = storeError { try store.checkpoint() }
        #expect(checkpoint?.code == .notFound && checkpoint?.message.contains("removed") == true)
        #expect(storeError { try store.add(rows[3], labels: [3]) }?.code == .failed)
        #expect(try store.search(rows[1], k: 1)[0].label == 1)
        #expect(storeError { try store.close() }?.code == .notFound)
        try expectUntouched(written.path)
    }

    @Test func `closing says that the store was removed, whoever found it out`() throws {
        for isFoundBefore in [false, true] {
            var options = VectorStore.OpenOptions(access: .readWrite, threads: 1)
            if isFoundBefore { options.logBytes = 1 }
            let store = try written.create(options)
            try store.add(rows[0], labels: [0])
            if isFoundBefore { try store.checkpoint() }
            removeTree(written.path)
            // An automatic checkpoint finds it after the first of these.
            for label in 1..<4 { try? store.add(rows[label], labels: [Label(label)]) }
            #expect(storeError { try store.close() }?.code == .notFound)
            #expect(names(in: written.directory.path) == ["other"])
        }
    }

    @Test func `a writer whose lock file was removed lets nobody in, and says so`() throws {
        let store = try openedStore()
        removeTree(written.path.appending("lock"))
        for access in [VectorStore.OpenOptions.Access.readWrite, .readOnly] {
            #expect(storeError { _ = try written.open(access) }?.code == .locked)
        }
        try store.add(rows[2], labels: [2])
        let before = try snapshot(written.path)
        let error = storeError { try store.checkpoint() }
        #expect(error?.path == written.path.appending("lock") && error?.message.contains("removed or replaced") == true)
        #expect(try snapshot(written.path) == before)
        #expect(storeError { try store.setEF(9) }?.code == .failed)
        #expect(storeError { try store.close() }?.path == written.path.appending("lock"))
        let again = try written.open()
        #expect(try again.allLabels().sorted() == [0, 1, 2])
    }

    @Test(arguments: ["lock", "level0", "log", "wal"])
    func `a writer does not go on in files that were replaced`(name: String) throws {
        for action in 0..<3 {
            let store = try openedStore()
            var file = written.path.appending(name)
            if name == "wal" { file = try #require(WrittenStore.logs(written.path).last) }
            if name == "log" { move(file, written.directory.appending("log\(action)")) }
            // As rsync does it.
            try writeBytes([1, 2, 3], to: written.directory.appending("new"))
            move(written.directory.appending("new"), file)
            let before = try snapshot(written.path)
            let error = storeError {
                switch action {
                case 0: try store.checkpoint()
                case 1: try store.setEF(9)
                default: try store.setQuantization(.none)
                }
            }
            #expect(error?.path == file)
            #expect(storeError { try store.close() }?.path == file)
            #expect(try snapshot(written.path) == before, "\(name), \(action)")
            removeTree(written.path)
        }
    }

    @Test func `a store without changes is not tidied up when another one's files are in its directory`() throws {
        let store = try openedStore()
        try store.checkpoint()
        for name in names(in: written.path) { removeTree(written.path.appending(name)) }
        for name in names(in: other) { move(other.appending(name), written.path.appending(name)) }
        try store.close()
        try expectUntouched(written.path)
    }

    @Test func `derived files are not made again in a directory that is another store's by now`() throws {
        try openedStore().close()
        for name in ["upper", "labels"] { removeTree(written.path.appending(name)) }
        let store = try written.open()
        for name in names(in: written.path) { removeTree(written.path.appending(name)) }
        for name in names(in: other) { move(other.appending(name), written.path.appending(name)) }
        removeTree(written.path.appending("labels"))
        let before = try snapshot(written.path)
        #expect(storeError { try store.checkpoint() }?.path == written.path.appending("lock"))
        try store.close()
        #expect(try snapshot(written.path) == before)
    }

    @Test func `codes are not made in a directory that is another store's by now`() throws {
        try openedStore().close()
        let store = try VectorStore.open(at: written.path, options: .init(access: .readWrite).coded(from: 8))
        try store.add(rows.flatMap { $0 }, labels: (10..<18).map { Label($0) })
        removeTree(written.path.appending("lock"))
        #expect(storeError { try store.setQuantization(.scalar8) }?.path == written.path.appending("lock"))
        #expect(!names(in: written.path).contains { $0.hasPrefix("codes") })
    }
}
