import HNSW
import MappedStorage
import Synchronization
import SystemPackage
import TestSupport
import Testing
import Threading

@testable import Cairn

/// What looking labels up costs others, and what it finds while the store changes.
@Suite struct LabelLookupTests {
    private let written: WrittenStore
    private let count = 900
    private let rows: [[Float]]

    /// More than one page of buckets.
    init() throws {
        written = try WrittenStore(dimensions: 2, scalar: .uint8, connectivity: 3)
        rows = (0..<count).map { [Float($0 % 256), Float($0 / 256)] }
        try VectorStore.build(
            at: written.path, configuration: written.configuration, vectors: rows.flatMap { $0 },
            options: .init(threads: 1))
    }

    @Test func `a filter of many labels makes no index of the store`() throws {
        let store = try VectorStore.quick(at: written.path, options: .init(access: .readWrite, threads: 1))
        try store.erase([3])
        let before = store.labels.byteCount
        let filter = VectorStore.LabelFilter.including((0..<100).map { Label($0) } + [5000])
        for isExact in [false, true] {
            let found = try store.search(rows[200], k: 200, options: .init(filter: filter, isExact: isExact))
            #expect(Set(found.map(\.label)) == Set(0..<100).subtracting([3]))
        }
        #expect(store.labels.byteCount == before)
    }

    enum Lookup: CaseIterable { case vector, filter, documents }

    /// A page of `labels` that takes long to come from the disk.
    @Test(.timeLimit(.minutes(2)), arguments: Lookup.allCases)
    func `a slow page holds up neither changes nor other lookups`(_ lookup: Lookup) throws {
        let disk = SlowDisk()
        let store = try VectorStore.open(
            at: written.path, options: .init(access: .readWrite, threads: 1), calls: disk.calls)
        let rows = rows, isDone = Atomic<Bool>(false)
        disk.holdNextPage()
        withThreads(3) { thread in
            do {
                switch (thread, lookup) {
                case (0, .vector): #expect(try store.vector(for: 700) == rows[700])
                case (0, .filter):
                    let filter = VectorStore.LabelFilter.including(700..<800)
                    #expect(try store.search(rows[720], k: 1, options: .init(filter: filter))[0].label == 720)
                case (0, .documents):
                    let found = try store.searchDocuments(
                        rows[720], k: 1, by: .shift(2), options: .init(neighborsPerDocument: 4))
                    #expect(Set(found[0].neighbors.map(\.label)) == [720, 721, 722, 723])
                case (1, _):
                    guard poll({ disk.isHolding }) else { return }
                    #expect(try store.vector(for: 20) == rows[20])
                    try store.add([255, 255], labels: [1000])
                    try store.erase([700])
                    #expect(try !store.contains(700) && store.contains(1000))
                    isDone.store(true, ordering: .releasing)
                default:
                    let isDone = poll { isDone.load(ordering: .acquiring) }
                    #expect(isDone && disk.isHolding)
                    disk.release()
                }
            } catch {
                Issue.record("\(error)")
                disk.release()
            }
        }
        #expect(try store.verify().problems == [])
    }

    /// Every round all labels of one kind move, and those of another come or go, so that pages of the file are written while they
    /// are read.
    @Test func `labels lead to their vectors while they move and checkpoints are made`() throws {
        let options = VectorStore.OpenOptions(access: .readWrite, durability: .none, threads: 1)
        let store = try VectorStore.quick(at: written.path, options: options)
        let count = count, isDone = Atomic<Bool>(false), problems = Atomic<Int>(0), lookups = Atomic<Int>(0)
        withThreads(3) { thread in
            do {
                if thread == 0 {
                    defer { isDone.store(true, ordering: .releasing) }
                    for round in 0..<24 {
                        var batch = VectorStore.WriteBatch()
                        for label in stride(from: round % 8, to: count, by: 8) where label % 2 == 0 {
                            batch.upsert([Float(round), Float(label % 256)], label: Label(label))
                        }
                        for label in stride(from: 1 + round % 6 * 2, to: count, by: 36) {
                            if try store.contains(Label(label)) {
                                batch.erase(Label(label))
                            } else {
                                batch.upsert([Float(round), Float(label % 256)], label: Label(label))
                            }
                        }
                        try store.write(batch)
                        if round % 2 == 1 { try store.checkpoint() }
                    }
                    return
                }
                let even = (0..<100).map { Label($0 * 2 + 200) }, filter = VectorStore.LabelFilter.including(even)
                var number = thread
                while !isDone.load(ordering: .acquiring) {
                    number = (number * 1103 + 12345) % 65536
                    // Labels that are even are always there, whichever vector they lead to.
                    if try store.vector(for: Label(number % (count / 2) * 2)) == nil {
                        problems.add(1, ordering: .relaxed)
                    }
                    if number % 16 == thread {
                        let found = try store.search([9, 9], k: 200, options: .init(filter: filter, isExact: true))
                        if Set(found.map(\.label)) != Set(even) { problems.add(1, ordering: .relaxed) }
                    }
                    lookups.add(1, ordering: .relaxed)
                }
            } catch {
                problems.add(1000, ordering: .relaxed)
            }
        }
        let wrong = problems.load(ordering: .relaxed), all = lookups.load(ordering: .relaxed)
        #expect(wrong == 0 && all > 10)
        try store.close()
        #expect(try VectorStore.quick(at: written.path).verify().problems == [])
    }

    /// A reader that takes long goes on seeing what it saw: on disk through checkpoints, in memory through indexes that are outgrown.
    @Test(arguments: [true, false])
    func `a view keeps its labels while later ones move`(onDisk: Bool) throws {
        let store =
            try onDisk
            ? VectorStore.quick(at: written.path, options: .init(access: .readWrite, threads: 1))
            : VectorStore(inMemory: written.configuration)
        if !onDisk { try store.add(rows.flatMap { $0 }, labels: (0..<count).map { Label($0) }) }
        func slots(_ labels: some Sequence<Int>, _ view: GraphView) -> [UInt32?] {
            labels.map { try! store.labels.slot(of: Label($0), in: view) }
        }
        var memory = 0
        try store.reading { (session) throws(StoreError) in
            let view = session.view
            let before = slots(0..<count, view)
            #expect(!before.contains(nil))
            for round in 0..<3 {
                var batch = VectorStore.WriteBatch()
                for label in stride(from: round, to: count, by: 3) { batch.erase(Label(label)) }
                for label in stride(from: round, to: count, by: 6) {
                    batch.upsert([1, 2], label: Label(label))
                    batch.upsert([3, 4], label: Label(label + 1000 * (round + 1)))
                }
                try store.write(batch)
                try store.checkpoint()
                #expect(slots(0..<count, view) == before)
                let found = try! store.labels.slots(of: (0..<2000).map { Label($0) }, in: view)
                #expect(found.count == count)
            }
            let now = session.graph.publishedView
            #expect(slots(0..<count, now).count { $0 != nil } == count / 2)
            #expect(zip(slots(0..<count, now), before).allSatisfy { $0 != $1 })
            #expect(slots(stride(from: 1000, to: 1900, by: 6), now).allSatisfy { $0 != nil })
            memory = store.labels.byteCount
        }
        // Nobody is left that needs what the labels led to before.
        try store.markDeleted([0])
        #expect(store.labels.byteCount < memory)
        #expect(try store.verify().problems == [])
    }

    /// What is put back, marked or brought back again and again takes no more memory.
    @Test func `an index in memory does not grow with what has left it`() throws {
        let store = try VectorStore(inMemory: written.configuration)
        try store.add(rows[..<40].flatMap { $0 }, labels: (0..<40).map { Label($0) })
        for round in 0..<50 {
            try store.erase((0..<20).map { Label($0) })
            try store.markDeleted([30])
            try store.add(rows[round..<round + 20].flatMap { $0 }, labels: (0..<20).map { Label($0) })
            #expect(try store.deletedLabels() == [30])
            try store.unmarkDeleted([30])
            for label in 0..<40 { #expect(try store.contains(Label(label))) }
        }
        try store.checkpoint()
        #expect(store.labels.byteCount <= 1024)
        #expect(try store.deletedLabels() == [])
    }
}

/// The system's calls, of which one that reads a page of labels can be held up.
private final class SlowDisk: Sendable {
    private struct State {
        var descriptors: Set<Int32> = []
        var holdsNext = false
        var isHolding = false
    }

    private let state = Guarded(State())

    /// The next page of buckets that is read does not come before `release`.
    func holdNextPage() { state.withLock { $0.holdsNext = true } }
    var isHolding: Bool { state.withLock { $0.isHolding } }
    func release() { state.withLock { ($0.holdsNext, $0.isHolding) = (false, false) } }

    var calls: SystemCalls {
        let system = SystemCalls.system
        var calls = SystemCalls.withoutSyncs
        calls.open = { (directory, path, flags, mode) throws(Errno) in
            let descriptor = try system.open(directory, path, flags, mode)
            self.state.withLock { state in
                if path.lastComponent?.string == "labels" {
                    state.descriptors.insert(descriptor)
                } else {
                    state.descriptors.remove(descriptor)
                }
            }
            return descriptor
        }
        unsafe calls.pread = { (descriptor, buffer, offset) throws(Errno) in
            let isHeld = self.state.withLock { state in
                guard state.holdsNext, offset >= 8192, state.descriptors.contains(descriptor) else { return false }
                (state.holdsNext, state.isHolding) = (false, true)
                return true
            }
            if isHeld { _ = poll { !self.isHolding } }
            return try unsafe system.pread(descriptor, buffer, offset)
        }
        return calls
    }
}
