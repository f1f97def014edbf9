import FileFormat
import HNSW
import MappedStorage
import Synchronization
import SystemPackage
import TestSupport
import Testing
import Threading
import WriteAheadLog

@testable import Cairn

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// What is on the disk when a change returns.
@Suite struct DurabilityTests {
    private let written: WrittenStore
    private let system = WatchedSystem()

    init() throws { written = try WrittenStore() }

    /// A store with one vector, so that its log is there.
    private func create(_ durability: VectorStore.OpenOptions.Durability) throws -> VectorStore {
        let store = try VectorStore.create(
            at: written.path, configuration: written.configuration,
            options: .init(access: .readWrite, durability: durability, threads: 1), calls: system.calls)
        try store.add(written.rows(1)[0], labels: [1000])
        return store
    }

    private func change(_ store: VectorStore, _ round: Int) throws {
        let rows = written.rows(2, seed: UInt64(round) + 50)
        try store.add(rows[0], labels: [Label(round)])
        try store.upsert(rows[1], labels: [Label(round)])
        try store.markDeleted([Label(round)])
        try store.unmarkDeleted([Label(round)])
        try store.erase([Label(round)])
    }

    @Test func `with full durability each change is synced before it returns`() throws {
        let store = try create(.full)
        for round in 0..<4 {
            let before = system.count(.synchronize, "log")
            try change(store, round)
            #expect(system.count(.synchronize, "log") == before + 5)
            #expect(!system.unsynced.contains("log"))
        }
    }

    @Test func `with full durability searches see a change only once it is synced`() throws {
        let store = try create(.full), counts = Guarded<[Int]>([])
        system.beforeSync { _ in counts.withLock { $0.append((try? store.count) ?? -1) } }
        for row in written.rows(3, seed: 2).enumerated() { try store.add(row.element, labels: [Label(row.offset)]) }
        system.beforeSync(nil)
        #expect(counts.withLock { $0 } == [1, 2, 3])
        #expect(try store.count == 4)
    }

    @Test func `without durability no change is synced`() throws {
        let store = try create(.none)
        let before = system.count(.synchronize, "log")
        for round in 0..<4 { try change(store, round) }
        #expect(system.count(.synchronize, "log") == before)
        #expect(system.unsynced.contains("log"))
        #expect(try store.count == 1)
    }

    @Test(arguments: [VectorStore.OpenOptions.Durability.none, .interval(.milliseconds(3_600_000))])
    func `synchronize syncs what came before it`(_ durability: VectorStore.OpenOptions.Durability) throws {
        let store = try create(durability)
        for round in 0..<2 {
            try change(store, round)
            #expect(system.unsynced.contains("log"))
            let before = system.count(.synchronize, "log")
            try store.synchronize()
            #expect(system.count(.synchronize, "log") == before + 1)
            #expect(!system.unsynced.contains("log"))
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `with an interval changes return at once, and the log is synced by itself`() throws {
        let isHeld = Atomic<Bool>(false), hasReturned = Atomic<Bool>(false), isLate = Atomic<Bool>(false)
        let store = try create(.interval(.milliseconds(10)))
        for round in 0..<3 {
            // No sync ends before the change has returned, so it did not wait for one.
            isHeld.store(true, ordering: .releasing)
            hasReturned.store(false, ordering: .releasing)
            system.beforeSync { name in
                guard name == "log", isHeld.load(ordering: .acquiring) else { return }
                if !poll({ hasReturned.load(ordering: .acquiring) }) { isLate.store(true, ordering: .releasing) }
            }
            let before = system.count(.synchronize, "log")
            try store.add(written.rows(1, seed: UInt64(round) + 7)[0], labels: [Label(round)])
            isHeld.store(false, ordering: .releasing)
            hasReturned.store(true, ordering: .releasing)
            #expect(try store.contains(Label(round)))
            #expect(poll { system.count(.synchronize, "log") > before && !system.unsynced.contains("log") })
        }
        system.beforeSync(nil)
        let wasLate = isLate.load(ordering: .acquiring)
        #expect(!wasLate)
    }

    @Test func `an interval goes on after a checkpoint`() throws {
        let store = try create(.interval(.milliseconds(10)))
        for round in 0..<2 {
            try store.checkpoint()
            try store.add(written.rows(1, seed: UInt64(round) + 7)[0], labels: [Label(round)])
            #expect(poll { !system.unsynced.contains("log") })
        }
    }

    @Test(arguments: [VectorStore.OpenOptions.Durability.full, .none, .interval(.milliseconds(3_600_000))])
    func `closing makes everything durable and leaves an empty log`(
        _ durability: VectorStore.OpenOptions.Durability
    ) throws {
        let store = try create(durability)
        for round in 0..<3 { try change(store, round) }
        try store.close()
        // The lock's process id is for a message only.
        #expect(system.unsynced.subtracting(["lock"]) == [])
        let directory = try Directory(written.path)
        let prologue = try LevelZeroFile.readPrologue(directory["level0"], writable: false)
        let log = try Recovery.survey(directory, prologue.superblock, prologue.header, .init())
        #expect(log?.survey.batchCount == 0)
        #expect(WrittenStore.logs(written.path).count == 1)
        #expect(try written.open(.readOnly).allLabels() == [1000])
    }

    @Test(.timeLimit(.minutes(1)))
    func `threads that write at a time share syncs`() throws {
        let store = try create(.full), threads = 8, rows = written.rows(threads, seed: 3)
        let firstWrite = system.count(.pwrite, "log"), firstSync = system.count(.synchronize, "log")
        // The first sync takes until everybody's batch is in the log.
        system.beforeSync { [system] name in
            if name == "log" { _ = poll { system.count(.pwrite, "log") == firstWrite + threads } }
        }
        let failures = Atomic<Int>(0)
        withThreads(threads) { thread in
            do {
                try store.add(rows[thread], labels: [Label(thread)])
            } catch {
                failures.add(1, ordering: .relaxed)
            }
        }
        system.beforeSync(nil)
        let failed = failures.load(ordering: .relaxed)
        #expect(failed == 0)
        // One for the batch that came first, and one for all that came while it was held.
        #expect((1...2).contains(system.count(.synchronize, "log") - firstSync))
        #expect(try store.allLabels().sorted() == (0..<8).map { Label($0) } + [1000])
        #expect(try store.verify().problems == [])
    }

    @Test func `a checkpoint by itself when the log is long, or the overlay`() throws {
        for options in [
            VectorStore.OpenOptions(access: .readWrite, logBytes: 4000, threads: 1),
            VectorStore.OpenOptions(access: .readWrite, overlayBytes: 1000, threads: 1),
        ] {
            let written = try WrittenStore(), system = WatchedSystem()
            let store = try VectorStore.create(
                at: written.path, configuration: written.configuration, options: options, calls: system.calls)
            for (label, row) in written.rows(100).enumerated() { try store.add(row, labels: [Label(label)]) }
            #expect(system.count(.synchronize, "journal") + system.count(.synchronize, "journal.new") > 2)
            #expect(WrittenStore.logs(written.path).count <= 2)
            #expect(try store.verify().problems == [])
            #expect(try VectorStore.quick(at: written.copy("copy")).count == 100)
        }
    }
}

/// Whether `condition` comes true within half a minute.
func poll(_ condition: () -> Bool) -> Bool {
    for _ in 0..<30_000 {
        if condition() { return true }
        usleep(1000)
    }
    return condition()
}
