import FileFormat
import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// One damaged header costs nothing, whenever the process died; and an older header is not taken for the newest.
@Suite struct DamagedHeaderTests {
    private let written: WrittenStore
    private let directory: TemporaryDirectory

    init() throws {
        written = try WrittenStore(dimensions: 3)
        directory = try TemporaryDirectory()
    }

    /// A store as it is left by a process that died after some batches, and how many vectors it acknowledged.
    private func killed(checkpoints: Bool, width: Bool) throws -> (path: FilePath, count: Int, firstHeaders: [UInt8]) {
        let store = try written.create()
        let first = Array(try readBytes(written.path.appending("level0"))[..<8192])
        for round in 0..<6 {
            try store.add(
                written.rows(10, seed: UInt64(round)).flatMap { $0 },
                labels: (round * 10..<round * 10 + 10).map { Label($0) })
            if checkpoints && round % 2 == 1 { try store.checkpoint() }
            if width { try store.setEF(round + 1) }
        }
        let copy = directory.appending("killed-\(checkpoints)-\(width)")
        try copyStore(from: written.path, to: copy)
        return (copy, 60, first)
    }

    private func flip(_ offset: Int, of path: FilePath) throws {
        var bytes = try readBytes(path.appending("level0"))
        bytes[offset] ^= 0x40
        try writeBytes(bytes, to: path.appending("level0"))
    }

    @Test(arguments: [false, true], [0, 4096])
    func `nothing acknowledged is lost with one header`(checkpoints: Bool, slot: Int) throws {
        let (path, count, _) = try killed(checkpoints: checkpoints, width: slot == 0)
        try flip(slot + 16, of: path)
        #expect(try VectorStore.open(at: path).count == count)
        let store = try VectorStore.open(at: path, options: .init(access: .readWrite))
        #expect(try store.count == count && store.verify().problems == [])
        try store.add([1, 2, 3], labels: [1000])
        try store.close()
        for slot in [0, 4096] {
            let closed = directory.appending("closed-\(slot)")
            removeTree(closed)
            try copyStore(from: path, to: closed)
            try flip(slot + 16, of: closed)
            #expect(try VectorStore.open(at: closed).count == count + 1)
            #expect(try VectorStore.verify(at: closed).problems == [])
        }
    }

    /// A crash can leave this: one header torn, the other one lost by a sync that failed.
    @Test(arguments: [VectorStore.OpenOptions.Access.readOnly, .readWrite])
    func `the journal stands in for both headers`(access: VectorStore.OpenOptions.Access) throws {
        let (path, count, _) = try killed(checkpoints: true, width: false)
        for slot in [0, 4096] { try flip(slot + 16, of: path) }
        let store = try VectorStore.open(at: path, options: .init(access: access))
        #expect(try store.count == count)
        #expect(try store.verify().problems == [])
        if access == .readWrite {
            try store.add([1, 2, 3], labels: [1000])
            try store.close()
            #expect(try VectorStore.open(at: path).count == count + 1)
            #expect(try VectorStore.verify(at: path).problems == [])
        }
    }

    @Test func `without a journal both headers must not be damaged`() throws {
        let (path, _, _) = try killed(checkpoints: true, width: false)
        for slot in [0, 4096] { try flip(slot + 16, of: path) }
        removeTree(path.appending("journal"))
        let error = storeError { _ = try VectorStore.open(at: path) }
        #expect(error?.code == .corrupt && error?.message.contains("neither header is valid") == true)
    }

    @Test func `a log that no header knows is damage, and is not thrown away`() throws {
        let (path, _, first) = try killed(checkpoints: false, width: false)
        var bytes = try readBytes(path.appending("level0"))
        for slot in [0, 4096] { bytes.replaceSubrange(slot..<slot + 512, with: first[slot..<slot + 512]) }
        try writeBytes(bytes, to: path.appending("level0"))
        for access in [VectorStore.OpenOptions.Access.readOnly, .readWrite] {
            let error = storeError { _ = try VectorStore.open(at: path, options: .init(access: access)) }
            #expect(error?.code == .corrupt && error?.message.contains("newest header is damaged") == true)
        }
        let salvaged = try VectorStore.open(at: path, options: .init(access: .readWrite, logDamage: .discardRest))
        #expect(try salvaged.count == 0 && salvaged.verify().problems == [])
    }
}
