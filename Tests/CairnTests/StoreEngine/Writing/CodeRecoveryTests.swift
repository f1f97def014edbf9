import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// A journal has the first sector of the codes as of its checkpoint; it belongs to that file and to no other.
@Suite struct CodeRecoveryTests {
    /// A checkpoint wrote its header, which never left the cache; the process was killed, the next one made other codes, and
    /// then the power went: what is on the disk is the header before the checkpoint, its journal, and the new file.
    @Test func `a journal is redone beside codes that were made after it`() throws {
        let written = try WrittenStore(dimensions: 4)
        let store = try written.create()
        try store.setQuantization(.scalar8)
        try store.add(written.rows(300).flatMap { $0 }, labels: (0..<300).map { Label($0) })
        // Codes come with the batch after the one that made it large enough.
        try store.add(written.rows(1, seed: 2)[0], labels: [300])
        try store.checkpoint()
        try store.add(written.rows(10, seed: 3).flatMap { $0 }, labels: (400..<410).map { Label($0) })
        let before = try written.copy("before")
        try store.checkpoint()
        let crashed = try written.copy("crashed")
        try store.setQuantization(.scalar4)
        try writeBytes(readBytes(written.path.appending(StoreName.codes)), to: crashed.appending(StoreName.codes))
        try writeBytes(readBytes(before.appending(StoreName.levelZero)), to: crashed.appending(StoreName.levelZero))

        let reader = try VectorStore.quick(at: crashed)
        #expect(try reader.verify().problems == [])
        try reader.close()
        let recovered = try VectorStore.quick(at: crashed, options: .init(access: .readWrite, threads: 1))
        #expect(try recovered.verify().problems == [])
        #expect(try recovered.info.quantizationBytes > 0)
        try recovered.add(written.rows(1, seed: 4)[0], labels: [500])
        try recovered.close()
        let later = try VectorStore.quick(at: crashed)
        #expect(try later.verify().problems == [])
        #expect(try later.info.quantizationBytes > 0)
    }
}
