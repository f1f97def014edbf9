import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// Checkpoints that a store would make by itself and cannot.
@Suite struct FailedCheckpointTests {
    private let directory: TemporaryDirectory
    private let system = WatchedSystem()
    private let rows = vectors(60, dimensions: 3, scalar: .float32, seed: 9).rows(3)

    init() throws { directory = try TemporaryDirectory() }

    @Test func `they show, with the reason, until one is made`() throws {
        let store = try VectorStore.create(
            at: directory.appending("store"), configuration: .init(dimensions: 3),
            options: .init(access: .readWrite, logBytes: 3000, threads: 1), calls: system.calls)
        #expect(try store.info.failedCheckpoint == nil)
        // With the first change there is a log.
        try store.add(rows[0], labels: [0])
        system.fail(.pwrite, "journal", with: .noSpace)
        for label in 1..<40 { try store.add(rows[label], labels: [Label(label)]) }
        let failed = try #require(try store.info.failedCheckpoint)
        #expect(failed.error.code == .full && failed.error.systemError == .noSpace)
        #expect(failed.attempts > 1)
        #expect(failed.since > 1_700_000_000)
        #expect(storeError { try store.checkpoint() }?.code == .full)
        let later = try #require(try store.info.failedCheckpoint)
        #expect(later.attempts == failed.attempts + 1 && later.since == failed.since)
        system.fail(.pwrite, "journal", with: nil)
        for (label, row) in rows[40...].enumerated() { try store.add(row, labels: [Label(100 + label)]) }
        #expect(try store.info.failedCheckpoint == nil)
        #expect(try store.count == 60)
    }

    @Test func `closing keeps the reason`() throws {
        let store = try VectorStore.create(
            at: directory.appending("store"), configuration: .init(dimensions: 3),
            options: .init(access: .readWrite, threads: 1), calls: system.calls)
        try store.add(rows[0], labels: [1])
        #expect(store.failedCheckpoint == nil)
        system.fail(.pwrite, "journal", with: .noSpace)
        try store.close()
        #expect(store.failedCheckpoint?.error.code == .full)
        #expect(try VectorStore.open(at: directory.appending("store")).count == 1)
    }
}
