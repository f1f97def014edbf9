import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// A write or a sync that fails: what the handle says from then on, what searches find, and what the next opening
/// finds.
@Suite struct WriteFailureTests {
    private let written: WrittenStore
    private let system = WatchedSystem()

    init() throws { written = try WrittenStore(dimensions: 3) }

    private var rows: [[Float]] { written.rows(40) }

    /// A store with changes in its file and in its log, and what it holds.
    private func create(
        _ durability: VectorStore.OpenOptions.Durability = .full
    ) throws -> (VectorStore, StoreModel) {
        let store = try VectorStore.create(
            at: written.path, configuration: written.configuration,
            options: .init(access: .readWrite, durability: durability, threads: 1), calls: system.calls)
        var model = StoreModel(written.configuration)
        let steps: [[Change]] = [
            (0..<30).map { .add(Label($0), rows[$0], replacingMarked: false) }, [.mark(3), .erase(4), .mark(5)],
            [.update(6, rows[31]), .unmark(5), .upsert(7, rows[32])],
        ]
        for (number, step) in steps.enumerated() {
            try store.write(VectorStore.WriteBatch(step))
            try #require(model.apply(step) == nil)
            if number == 1 { try store.checkpoint() }
        }
        return (store, model)
    }

    /// The change that fails.
    private var change: [Change] {
        [
            .add(100, rows[33], replacingMarked: false), .update(8, rows[34]), .erase(9), .mark(10), .unmark(3),
            .add(101, rows[35], replacingMarked: true),
        ]
    }

    private func differences(_ store: VectorStore, _ model: StoreModel) throws -> [String] {
        try model.differences(from: store, queries: [rows[39], rows[8]])
    }

    private func expectSame(
        _ store: VectorStore, _ model: StoreModel, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let found = try differences(store, model)
        #expect(found == [], sourceLocation: sourceLocation)
    }

    /// Every change is refused, naming the first failure; searches go on.
    private func expectRefusal(_ store: VectorStore, naming error: Errno) {
        let changes: [() throws -> Void] = [
            { try store.add(rows[38], labels: [500]) }, { try store.write(VectorStore.WriteBatch(change)) },
            { try store.markDeleted([1]) },
            { try store.erase([1]) }, { try store.checkpoint() }, { try store.synchronize() },
            { try store.setEF(9) },
        ]
        for (index, change) in changes.enumerated() {
            let thrown = storeError("change \(index)") { try change() }
            #expect(thrown?.code == .failed, "change \(index): \(thrown.map { "\($0)" } ?? "")")
            #expect(thrown?.systemError == error)
            #expect(thrown?.message.contains("close the store and open it again") == true)
            #expect(thrown?.message.contains("could not") == true, "names what failed: \(thrown?.message ?? "")")
        }
    }

    @Test(arguments: [SystemCall.pwrite, .synchronize], [Errno.noSpace, .ioError])
    func `a log that cannot be written is the end of the handle`(call: SystemCall, error: Errno) throws {
        let (store, before) = try create()
        var after = before
        #expect(after.apply(change, replaceable: [3]) == nil)
        system.fail(call, "log", with: error)
        let thrown = storeError { try store.write(VectorStore.WriteBatch(change)) }
        #expect(thrown?.systemError == error)
        #expect(thrown?.code == (error == .noSpace ? .full : .io))
        #expect(thrown?.path?.extension == "wal")
        // Working again does not help: nobody knows what the disk has.
        system.fail(call, "log", with: nil)
        expectRefusal(store, naming: error)
        try expectSame(store, before)
        try? store.close()
        let again = try written.open()
        // The change that failed may have reached the disk.
        let found = try differences(again, before), other = try differences(again, after)
        #expect(found == [] || other == [], "\(found) \(other)")
        if call == .pwrite { #expect(found == []) }
        try again.add(rows[38], labels: [500])
        #expect(try again.verify().problems == [])
    }

    /// What was computed for the next batch while this one could not be synced is not seen either.
    @Test func `threads that wait for the same sync all fail`() throws {
        let (store, before) = try create()
        let firstWrite = system.count(.pwrite, "log")
        system.fail(.synchronize, "log", with: .ioError)
        system.beforeSync { [system] name in
            if name == "log" { _ = poll { system.count(.pwrite, "log") >= firstWrite + 4 } }
        }
        let failed = Atomic<Int>(0), rows = rows
        withThreads(4) { thread in
            if (try? store.add(rows[30 + thread], labels: [Label(200 + thread)])) == nil {
                failed.add(1, ordering: .relaxed)
            }
        }
        system.beforeSync(nil)
        let failedCount = failed.load(ordering: .relaxed)
        #expect(failedCount == 4)
        expectRefusal(store, naming: .ioError)
        try expectSame(store, before)
    }

    @Test func `no room for the log leaves the handle as it was`() throws {
        let (store, model) = try create()
        var written = model, number = 0
        system.fail(.allocate, "log", with: .noSpace)
        var thrown: StoreError?
        // The log has some room at first.
        while thrown == nil && number < 100 {
            let changes = (0..<60).map {
                Change.add(Label(1000 + number * 60 + $0), rows[$0 % 40], replacingMarked: false)
            }
            do throws(StoreError) {
                try store.write(VectorStore.WriteBatch(changes))
                _ = written.apply(changes)
            } catch {
                thrown = error
            }
            number += 1
        }
        #expect(thrown?.code == .full && thrown?.systemError == .noSpace)
        #expect(thrown?.message.contains("make room and try again") == true)
        try expectSame(store, written)
        system.fail(.allocate, "log", with: nil)
        #expect(written.apply(change, replaceable: [3]) == nil)
        try store.write(VectorStore.WriteBatch(change))
        try expectSame(store, written)
        try store.close()
        try expectSame(self.written.open(), written)
    }

    /// A batch that is undone leaves nothing, not even another choice of levels or slots: what comes later is the same
    /// as in a store where it was never tried.
    @Test(arguments: [
        (SystemCall.allocate, "level0", Errno.noSpace), (.pwrite, "level0", .noSpace), (.pwrite, "level0", .ioError),
    ])
    func `a batch whose vectors cannot be written is undone`(call: SystemCall, name: String, error: Errno) throws {
        let (store, before) = try create()
        let content = try store.verify().contentChecksum
        // More than the first segment has room for.
        let changes = change + (0..<300).map { .add(Label(2000 + $0), rows[$0 % 40], replacingMarked: false) }
        system.fail(call, name, with: error)
        let thrown = storeError { try store.write(VectorStore.WriteBatch(changes)) }
        #expect(thrown?.systemError == error)
        #expect(try store.verify().contentChecksum == content)
        try expectSame(store, before)
        system.fail(call, name, with: nil)
        try store.write(VectorStore.WriteBatch(changes))
        var after = before
        #expect(after.apply(changes, replaceable: [3]) == nil)
        try expectSame(store, after)

        let other = try WriteFailureTests()
        let (never, _) = try other.create()
        try never.write(VectorStore.WriteBatch(changes))
        #expect(try store.verify().contentChecksum == never.verify().contentChecksum)
    }

    @Test(arguments: [
        (SystemCall.pwrite, "upper"), (.open, "upper"), (.open, "journal"), (.pwrite, "journal"), (.open, "log"),
        (.pwrite, "log"),
    ])
    func `no room for a checkpoint can be mended`(call: SystemCall, name: String) throws {
        let (store, before) = try create()
        system.fail(call, name, with: .noSpace)
        let thrown = storeError { try store.checkpoint() }
        #expect(thrown?.code == .full)
        system.fail(call, name, with: nil)
        try expectSame(store, before)
        try store.write(VectorStore.WriteBatch(change))
        try store.checkpoint()
        var after = before
        #expect(after.apply(change, replaceable: [3]) == nil)
        try expectSame(store, after)
        try store.close()
        try expectSame(written.open(), after)
    }

    /// What the failed one would have written to `labels` is not taken for what the file has.
    @Test(arguments: [(SystemCall.open, "log"), (.pwrite, "log"), (.open, "journal"), (.pwrite, "journal")])
    func `after a checkpoint without room the next one changes the file of labels in place`(
        call: SystemCall, name: String
    ) throws {
        let (store, before) = try create()
        try store.checkpoint()
        try store.write(VectorStore.WriteBatch(change))
        var after = before
        #expect(after.apply(change, replaceable: [3]) == nil)
        let (made, written) = (system.count(.open, "labels.new"), system.count(.pwrite, "labels"))
        for _ in 0..<2 {
            system.fail(call, name, with: .noSpace)
            #expect(storeError { try store.checkpoint() }?.code == .full)
            system.fail(call, name, with: nil)
            try expectSame(store, after)
        }
        #expect(system.count(.pwrite, "labels") == written)
        try store.checkpoint()
        #expect(system.count(.open, "labels.new") == made && system.count(.pwrite, "labels") > written)
        try expectSame(store, after)
        try store.close()
        let again = try self.written.open()
        try expectSame(again, after)
        #expect(try again.verify().problems == [])
    }

    @Test(arguments: [
        (SystemCall.synchronize, "journal"), (.synchronize, "level0"), (.pwrite, "level0"), (.synchronize, "labels"),
    ])
    func `a checkpoint that fails halfway is the end of the handle, and is finished by the next`(
        call: SystemCall, name: String
    ) throws {
        let (store, before) = try create()
        system.fail(call, name, with: .ioError)
        let thrown = storeError { try store.checkpoint() }
        #expect(thrown?.systemError == .ioError)
        system.fail(call, name, with: nil)
        expectRefusal(store, naming: .ioError)
        // The files are between two states now; what is in memory is not.
        for (label, vector) in before.live { #expect(try store.search(vector, k: 1)[0].label == label) }
        #expect(try store.count == before.live.count)
        try? store.close()
        let reader = try written.open(.readOnly)
        try expectSame(reader, before)
        try reader.close()
        let again = try written.open()
        try expectSame(again, before)
        #expect(again.path == written.path)
    }

    @Test func `a change whose checkpoint fails has been made all the same`() throws {
        let options = VectorStore.OpenOptions(access: .readWrite, logBytes: 2000, threads: 1)
        let store = try VectorStore.create(
            at: written.path, configuration: written.configuration, options: options, calls: system.calls)
        system.fail(.open, "upper", with: .noSpace)
        system.fail(.open, "upper.new", with: .noSpace)
        for (label, row) in rows.enumerated() { try store.add(row, labels: [Label(label)]) }
        #expect(try store.info.logBytes > 4000)
        system.fail(.open, "upper", with: nil)
        system.fail(.open, "upper.new", with: nil)
        let more = vectors(40, dimensions: 3, scalar: .float32, seed: 77).rows(3)
        for (label, row) in more.enumerated() { try store.add(row, labels: [Label(100 + label)]) }
        #expect(system.count(.synchronize, "journal") + system.count(.synchronize, "journal.new") > 0)
        #expect(try store.count == 80)
        #expect(try store.verify().problems == [])
    }

    @Test(.timeLimit(.minutes(1)))
    func `a sync in the background that fails ends the handle`() throws {
        let (store, before) = try create(.interval(.milliseconds(4)))
        // Before the failure: on a busy machine that comes while a call still runs.
        try store.markDeleted([1])
        system.fail(.synchronize, "log", with: .ioError)
        #expect(poll { (try? store.markDeleted([2])) == nil || (try? store.unmarkDeleted([2])) == nil })
        system.fail(.synchronize, "log", with: nil)
        expectRefusal(store, naming: .ioError)
        #expect(try store.count <= before.live.count - 1)
        // What was acknowledged may not be on the disk, and nobody else says so.
        #expect(storeError { try store.close() } != nil)
    }

    @Test func `closing says that acknowledged changes may be lost`() throws {
        let (store, _) = try create(.none)
        system.fail(.synchronize, "log", with: .ioError)
        #expect(storeError { try store.synchronize() }?.code == .io)
        let thrown = storeError { try store.close() }
        #expect(thrown?.systemError == .ioError)
        #expect(storeError { _ = try store.count }?.code == .closed)
    }
}
