import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Cairn

/// Calls that are stopped: they throw `cancelled`, soon, and have changed nothing.
@Suite struct CancellationTests {
    private let directory: TemporaryDirectory
    private let cancellation = VectorStore.Cancellation()
    private let vectors = seededVectors(count: 3000, dimensions: 8, seed: 4)

    init() throws { directory = try TemporaryDirectory() }

    private func cancelled<Result>(_ body: () throws(StoreError) -> Result) {
        let error = #expect(throws: StoreError.self) {
            try cancellation.run { () throws(StoreError) in try body() }
        }
        #expect(error?.code == .cancelled)
    }

    private func built(_ name: String) throws -> VectorStore {
        let path = directory.appending(name)
        try VectorStore.build(
            at: path, configuration: .init(dimensions: 8, efConstruction: 20), vectors: vectors)
        return try VectorStore.openForWriting(at: path)
    }

    @Test func `a build leaves nothing behind`() throws {
        // 4 MiB are read at a time: the first portion has half of these.
        let rows = 16_384, path = directory.appending("store")
        let source = VectorStore.RowSource(count: rows) { [cancellation] (range, components) throws(StoreError) in
            if range.lowerBound > 0 { cancellation.cancel() }
            for index in components.indices { components[index] = Float(index % 97) + Float(range.lowerBound) }
        }
        cancelled { () throws(StoreError) in
            try VectorStore.build(
                at: path, configuration: .init(dimensions: 64, efConstruction: 5), rows: source)
        }
        #expect(names(in: directory.path) == [])
    }

    @Test func `a batch is undone`() throws {
        let calls = Atomic<Int>(0)
        unsafe VectorStore.registerDistance("cancelling") { [cancellation] a, b in
            if calls.add(1, ordering: .relaxed).newValue == 20_000 { cancellation.cancel() }
            let a = unsafe a.loadUnaligned(as: Float.self), b = unsafe b.loadUnaligned(as: Float.self)
            return abs(a - b)
        }
        let path = directory.appending("store")
        let store = try VectorStore.create(
            at: path, configuration: .init(dimensions: 1, metric: .custom(name: "cancelling"), m: 4, efConstruction: 10)
        )
        try store.add((0..<50).map { Float($0) }, labels: Array(0..<50))
        let before = try store.verify().contentChecksum
        cancelled { () throws(StoreError) in
            try store.add((0..<5000).map { Float($0) / 7 }, labels: Array(100..<5100))
        }
        #expect(try store.count == 50)
        #expect(try store.verify().contentChecksum == before)
        // It goes on as if nothing had been.
        try store.add([3.5], labels: [77])
        #expect(try store.search([3.5], k: 1).map(\.label) == [77])
        try store.close()
        #expect(try VectorStore.open(at: path).verify().problems == [])
    }

    @Test func `searches for many queries stop`() throws {
        let store = try VectorStore(inMemory: .init(dimensions: 8, efConstruction: 20))
        try store.add(vectors, labels: Array(0..<3000))
        let calls = Atomic<Int>(0)
        let filter = VectorStore.LabelFilter.matching { [cancellation] _ in
            if calls.add(1, ordering: .relaxed).newValue == 5000 { cancellation.cancel() }
            return true
        }
        cancelled { () throws(StoreError) in
            try store.search(batch: vectors, k: 5, options: .init(filter: filter))
        }
        #expect(calls.load(ordering: .relaxed) < 3000 * 50)
        #expect(try store.search(batch: vectors, k: 1).count == 3000)
    }

    @Test(arguments: VectorStore.VerifyReport.Depth.allCases.filter { $0 != .header })
    func `a check stops`(depth: VectorStore.VerifyReport.Depth) throws {
        let store = try built("store")
        cancellation.cancel()
        cancelled { () throws(StoreError) in try store.verify(depth: depth) }
        #expect(try store.verify(depth: depth).problems == [])
    }

    @Test func `a check stops on the way`() throws {
        let path = directory.appending("store")
        try VectorStore.build(
            at: path, configuration: .init(dimensions: 1, m: 2, efConstruction: 2),
            vectors: seededVectors(count: 20_000, dimensions: 1, seed: 1))
        let store = try VectorStore.open(at: path), reports = Atomic<Int>(0)
        cancelled { () throws(StoreError) in
            try store.verify { [cancellation] done, total in
                reports.add(1, ordering: .relaxed)
                cancellation.cancel()
            }
        }
        #expect(reports.load(ordering: .relaxed) == 1)
    }

    @Test func `quantized vectors stay what they were`() throws {
        let store = try built("store")
        try store.setQuantization(.scalar8)
        cancellation.cancel()
        cancelled { () throws(StoreError) in try store.setQuantization(.scalar4) }
        #expect(try store.configuration.quantization == .scalar8)
        #expect(try store.info.quantization?.requested == .scalar8)
        try store.setQuantization(.scalar4)
        try store.close()
        #expect(try VectorStore.open(at: directory.appending("store")).verify().problems == [])
    }

    @Test func `copies, exports and imports leave nothing behind`() throws {
        try built("store").close()
        let path = directory.appending("store"), index = directory.appending("index.bin")
        let store = try VectorStore.open(at: path)
        try store.exportHnswlib(to: index)
        let before = names(in: directory.path).sorted()
        let stop: @Sendable (Int, Int) -> Void = { [cancellation] _, _ in cancellation.cancel() }
        cancelled { () throws(StoreError) in
            try store.exportHnswlib(to: directory.appending("other.bin"), options: .init(progress: stop))
        }
        #expect(names(in: directory.path).sorted() == before)
        cancelled { () throws(StoreError) in
            try VectorStore.importHnswlib(
                from: index, to: directory.appending("imported"),
                options: .init(metric: .l2, dimensions: 8, progress: stop))
        }
        cancelled { () throws(StoreError) in
            try VectorStore.copy(from: path, to: directory.appending("copy"), progress: stop)
        }
        #expect(names(in: directory.path).sorted() == before)
    }

    @Test func `an outer cancellation stops what runs under an inner one, and not the other way round`() throws {
        let store = try built("store")
        let inner = cancellation.run { VectorStore.Cancellation() }
        #expect(!inner.isCancelled)
        inner.cancel()
        #expect(inner.isCancelled && !cancellation.isCancelled)
        let other = cancellation.run { VectorStore.Cancellation() }
        cancellation.cancel()
        #expect(other.isCancelled)
        let error = storeError { try other.run { () throws(StoreError) in _ = try store.verify() } }
        #expect(error?.code == .cancelled)
    }

    /// Nobody asked for the quantized vectors that a checkpoint makes.
    @Test func `a checkpoint and closing go on to their end`() throws {
        let path = directory.appending("store")
        let store = try VectorStore.create(
            at: path, configuration: .init(dimensions: 24, efConstruction: 20, quantization: .scalar8))
        try store.add(seededVectors(count: 400, dimensions: 24, seed: 8), labels: Array(0..<400))
        cancellation.cancel()
        try cancellation.run { () throws(StoreError) in
            try store.checkpoint()
            try store.erase([3])
            try store.close()
        }
        let opened = try VectorStore.open(at: path)
        #expect(try opened.count == 399 && opened.info.quantization?.used == .scalar8)
        #expect(try opened.verify().problems == [])
    }

    @Test func `threads of awaited calls are given back`() async throws {
        let store = try VectorStore(inMemory: .init(dimensions: 1))
        for _ in 0..<4000 { try await store.write(VectorStore.WriteBatch()) }
        // Other tests have threads too, but not so many.
        #expect(stackCount < 1000)
    }

    /// How many stacks of threads this process has, where the system tells.
    private var stackCount: Int {
        // Its size is said to be zero.
        guard let maps = FileHandle(forReadingAtPath: "/proc/self/maps") else { return 0 }
        return String(decoding: maps.readDataToEndOfFile(), as: UTF8.self).split(separator: "\n").count { line in
            let ends = line.prefix { $0 != " " }.split(separator: "-").compactMap { UInt64($0, radix: 16) }
            // A page that nobody may touch is below each.
            return ends.count == 2 && ends[1] - ends[0] == 4096 && line.contains("---p")
        }
    }

    @Test func `a task that is cancelled stops what it awaits`() async throws {
        let path = directory.appending("store"), vectors = seededVectors(count: 60_000, dimensions: 16, seed: 2)
        let begun = Atomic<Bool>(false)
        let task = Task {
            begun.store(true, ordering: .releasing)
            try await VectorStore.build(at: path, configuration: .init(dimensions: 16), vectors: vectors)
        }
        while !begun.load(ordering: .acquiring) { await Task.yield() }
        task.cancel()
        let error = await #expect(throws: StoreError.self) { try await task.value }
        #expect(error?.code == .cancelled)
        #expect(names(in: directory.path) == [])
    }

    @Test func `what is awaited does what the call does`() async throws {
        let path = directory.appending("store")
        try await VectorStore.build(
            at: path, configuration: .init(dimensions: 8, efConstruction: 20), vectors: vectors)
        let store = try VectorStore.openForWriting(at: path)
        try await store.add([Float](repeating: 2, count: 8), labels: [5000])
        try await store.upsert([Float](repeating: 3, count: 8), labels: [5000])
        var batch = VectorStore.WriteBatch()
        batch.erase(1)
        try await store.write(batch)
        try await store.setQuantization(.scalar8)
        try await store.checkpoint()
        #expect(try await store.verify().problems == [])
        let found = try await store.search(batch: Array(repeating: 3, count: 8), k: 1)
        #expect(found.map { $0.map(\.label) } == [[5000]])
        try await store.exportHnswlib(to: directory.appending("index.bin"))
        try await VectorStore.importHnswlib(
            from: directory.appending("index.bin"), to: directory.appending("imported"),
            options: .init(metric: .l2, dimensions: 8))
        try store.close()
        try await VectorStore.copy(from: path, to: directory.appending("copy"))
        #expect(try await VectorStore.repair(at: directory.appending("copy")).remainingLabels == [])
        #expect(try VectorStore.open(at: directory.appending("imported")).count == 3000)
    }
}
