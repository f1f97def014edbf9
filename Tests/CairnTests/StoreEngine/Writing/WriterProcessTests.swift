import SystemPackage
import TestSupport
import Testing

@testable import Cairn

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Who may have a store with changes in its log open, and what a process that was forked off may do with it.
@Suite struct WriterProcessTests {
    private let written: WrittenStore

    init() throws { written = try WrittenStore(dimensions: 2) }

    /// What a writer that was killed left: changes in the log.
    private func crashed() throws -> FilePath {
        let store = try written.create()
        try store.add(written.rows(20).flatMap { $0 }, labels: (0..<20).map { Label($0) })
        try store.markDeleted([3])
        return try written.copy("crashed")
    }

    @Test func `locks do not depend on what is in the log`() throws {
        let path = try crashed()
        func open(_ access: VectorStore.OpenOptions.Access) throws(StoreError) -> VectorStore {
            try VectorStore.quick(at: path, options: .init(access: access, threads: 1))
        }
        let readers = try (0..<2).map { _ in try open(.readOnly) }
        for reader in readers { #expect(try reader.count == 19) }
        #expect(storeError { _ = try open(.readWrite) }?.code == .locked)
        for reader in readers { try reader.close() }
        let writer = try open(.readWrite)
        try writer.unmarkDeleted([3])
        #expect(storeError { _ = try open(.readWrite) }?.code == .locked)
        #expect(storeError { _ = try open(.readOnly) }?.code == .locked)
        #expect(storeError { _ = try VectorStore.verify(at: path) }?.code == .locked)
        try writer.close()
        #expect(try open(.readOnly).count == 20)
    }

    @Test func `a poisoned handle keeps its lock until it is closed`() throws {
        let system = WatchedSystem()
        let store = try VectorStore.create(
            at: written.path, configuration: written.configuration, options: .init(access: .readWrite, threads: 1),
            calls: system.calls
        )
        try store.add([1, 2], labels: [1])
        system.fail(.pwrite, "log", with: .ioError)
        #expect(storeError { try store.markDeleted([1]) }?.code == .io)
        #expect(storeError { _ = try written.open() }?.code == .locked)
        try? store.close()
        #expect(try written.open().contains(1))
    }

    /// In a process of its own, which forks: that has few threads and no other tests.
    @Test func `a forked process may read and not write, and leaves the store to its parent`() async throws {
        try written.create().close()
        let name = written.path.string
        await #expect(processExitsWith: .exitCode(0)) { [name = name as String] in
            exit(Self.fork(FilePath(name)))
        }
        let store = try written.open(.readOnly)
        #expect(try store.allLabels() == [1, 2])
        #expect(try await store.verify().problems == [])
    }

    /// What searches read the disk through is shared with the parent, so a child must not use it.
    @Test func `a forked process searches a store that is larger than memory`() async throws {
        let store = try CodedStore(.scalar4)
        try store.build(2000)
        let name = store.path.string
        await #expect(processExitsWith: .exitCode(0)) { [name = name as String] in
            exit(Self.forkAndSearch(FilePath(name)))
        }
    }

    private static func forkAndSearch(_ path: FilePath) -> Int32 {
        do throws(any Error) {
            let store = try VectorStore.open(at: path, options: .init(memoryBudget: 400_000, threads: 1))
            let queries: [[Float]] = vectors(100, dimensions: 24, scalar: .float32, seed: 4).rows(24)
            func answers() throws -> [[VectorStore.Neighbor]] { try queries.map { try store.search($0, k: 10) } }
            let wanted = try answers()
            let child = forkProcess()
            if child == 0 {
                let found = (try? answers()) ?? []
                try? store.close()
                _exit(found == wanted ? 0 : 20)
            }
            // At the same time.
            for _ in 0..<20 { guard try answers() == wanted else { return 30 } }
            var status: Int32 = 0
            guard unsafe waitpid(child, &status, 0) == child, status & 0x7f == 0 else { return 40 }
            return try answers() == wanted ? status >> 8 : 31
        } catch {
            return 50
        }
    }

    /// 0 if all is as it should be; otherwise a number that says what is not.
    private static func fork(_ path: FilePath) -> Int32 {
        do {
            let store = try VectorStore.quick(at: path, options: .init(access: .readWrite, threads: 1))
            try store.add([1, 2], labels: [1])
            let child = forkProcess()
            if child == 0 { _exit(childOutcome(store, path)) }
            var status: Int32 = 0
            guard unsafe waitpid(child, &status, 0) == child, status & 0x7f == 0 else { return 40 }
            guard status >> 8 == 0 else { return status >> 8 }
            // The lock and the log are the parent's as before.
            guard isLocked(path) else { return 41 }
            try store.add([3, 4], labels: [2])
            guard try store.verify().problems == [] else { return 42 }
            try store.close()
            return isLocked(path) ? 43 : 0
        } catch {
            return 50
        }
    }

    private static func isLocked(_ path: FilePath) -> Bool {
        do throws(StoreError) {
            _ = try VectorStore.quick(at: path, options: .init(access: .readWrite, threads: 1))
            return false
        } catch {
            return error.code == .locked
        }
    }

    private static func childOutcome(_ store: VectorStore, _ path: FilePath) -> Int32 {
        do {
            guard try store.search([1, 2], k: 1).first?.label == 1, try store.count == 1 else { return 20 }
        } catch {
            return 21
        }
        var batch = VectorStore.WriteBatch()
        batch.erase(1)
        let changes: [() throws -> Void] = [
            { try store.add([3, 4], labels: [9]) }, { try store.markDeleted([1]) }, { try store.write(batch) },
            { try store.checkpoint() }, { try store.synchronize() }, { try store.setEF(7) },
        ]
        for (number, change) in changes.enumerated() {
            do {
                try change()
                return 30 + Int32(number)
            } catch {
                guard (error as? StoreError)?.code == .forked else { return 60 + Int32(number) }
            }
        }
        do { try store.close() } catch { return 22 }
        return isLocked(path) ? 0 : 23
    }

    @Test func `a reader writes nothing, whatever it does`() throws {
        var paths = [try crashed()]
        let system = WatchedSystem()
        let store = try VectorStore.quick(at: paths[0], options: .init(access: .readWrite, threads: 1))
        try store.erase([4])
        try store.close()
        let again = try VectorStore.open(
            at: paths[0], options: .init(access: .readWrite, threads: 1), calls: system.calls)
        try again.update([9, 9], labels: [5])
        system.fail(.pwrite, "level0", with: .ioError)
        #expect(storeError { try again.checkpoint() }?.code == .io)
        // A journal that is not brought into the files; and, of another store, a log without derived files.
        let journal = written.directory.appending("journal")
        try copyStore(from: paths[0], to: journal)
        try? again.close()
        let bare = try written.copy("bare")
        for file in ["upper", "labels"] { removeTree(bare.appending(file)) }
        paths = [journal, bare]
        for path in paths {
            let before = try snapshot(path)
            #expect(before.keys.contains { $0.hasPrefix("log/") })
            let watched = WatchedSystem()
            let reader = try VectorStore.open(at: path, options: .init(threads: 2), calls: watched.calls)
            let rows = written.rows(20), labels = try reader.allLabels()
            for row in rows {
                _ = try reader.search(row, k: 5)
                _ = try reader.search(row, k: 5, options: .init(filter: .including(0..<100)))
            }
            for label in labels { _ = try reader.vector(for: label) }
            _ = try reader.distances(from: rows[0], to: (0..<100).map { Label($0) })
            _ = try reader.info
            _ = try reader.verify()
            #expect(storeError { try reader.markDeleted([1]) }?.code == .readOnly)
            try reader.close()
            #expect(try snapshot(path) == before)
            for name in ["level0", "upper", "labels", "journal", "log", "lock"] {
                #expect(watched.count(.pwrite, name) == 0 && watched.count(.synchronize, name) == 0, "\(name)")
            }
        }
    }
}

/// Swift does not offer `fork`, because most of what a program might do after it is not safe.
@_silgen_name("fork") private func forkProcess() -> pid_t
