import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// A number of the caller's that is kept with a batch: both are there after a crash, or neither.
@Suite struct PositionTests {
    private let written: WrittenStore
    private let rows: [[Float]]

    init() throws {
        written = try WrittenStore()
        rows = written.rows(20)
    }

    private func batch(_ label: Label, _ position: UInt64?) -> VectorStore.WriteBatch {
        var batch = VectorStore.WriteBatch()
        batch.upsert(rows[Int(label)], label: label)
        batch.position = position
        return batch
    }

    @Test func `it is 0 at first, and stays where a batch has none`() throws {
        let store = try written.create()
        #expect(try store.position == 0)
        try store.write(batch(1, 17))
        try store.write(batch(2, nil))
        try store.add(rows[3], labels: [3])
        #expect(try store.position == 17)
        try store.write(batch(4, 5))
        #expect(try store.position == 5, "it need not grow")
        try store.close()
        #expect(try written.open(.readOnly).position == 5)
    }

    @Test func `it comes from the log, from the header, and from both`() throws {
        var store = try written.create()
        try store.write(batch(1, 1))
        let inLog = try written.copy("in-log")
        try store.checkpoint()
        let inHeader = try written.copy("in-header")
        try store.write(batch(2, .max))
        let inBoth = try written.copy("in-both")
        try store.close()
        for (path, position, count) in [(inLog, 1, 1), (inHeader, 1, 1), (inBoth, UInt64.max, 2)] {
            for access in [VectorStore.OpenOptions.Access.readOnly, .readWrite] {
                store = try VectorStore.quick(at: path, options: .init(access: access, threads: 1))
                #expect(try store.position == position && store.count == count, "\(path)")
                try store.close()
            }
        }
    }

    @Test func `a batch of a position alone is kept`() throws {
        let store = try written.create()
        try store.write(batch(1, 1))
        var alone = VectorStore.WriteBatch()
        alone.position = 2
        try store.write(alone)
        #expect(try store.position == 2)
        let copy = try written.copy("copy")
        #expect(try VectorStore.quick(at: copy).position == 2)
        try store.close()
        #expect(try written.open(.readOnly).position == 2)
    }

    @Test func `a batch that is refused leaves it`() throws {
        let store = try written.create()
        try store.write(batch(1, 1))
        var refused = batch(2, 2)
        refused.erase(99)
        #expect(storeError { try store.write(refused) }?.code == .unknownLabel)
        #expect(try store.position == 1 && store.count == 1)
        try store.close()
    }

    @Test func `copies, and stores in memory, have it`() throws {
        let store = try written.create()
        try store.write(batch(1, 7))
        try store.close()
        let copy = written.directory.appending("copied")
        try VectorStore.copy(from: written.path, to: copy)
        #expect(try VectorStore.quick(at: copy).position == 7)
        let memory = try VectorStore(inMemory: .init(dimensions: 4))
        try memory.write(batch(1, 8))
        #expect(try memory.position == 8)
    }
}
