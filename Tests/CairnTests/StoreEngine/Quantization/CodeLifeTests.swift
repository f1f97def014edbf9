import FileFormat
import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// From the first codes of a store to those after a crash.
@Suite struct CodeLifeTests {
    static let kinds = [VectorStore.Quantization.scalar8, .scalar4]

    private func rowBytes(_ codes: VectorStore.Quantization) -> Int { 64 }

    @Test(arguments: kinds, [VectorStore.Metric.l2, .innerProduct, .cosine])
    func `a build makes them`(codes: VectorStore.Quantization, metric: VectorStore.Metric) throws {
        let store = try CodedStore(codes, metric: metric)
        try store.build(1200)
        let header = try #require(CodedStore.header(store.path))
        #expect(header.count == 1200 && header.trainedCount == 1200 && header.dimensions == 24)
        #expect(header.isProduct == (metric != .l2) && header.recent.count == 0)
        #expect(try readBytes(CodedStore.file(store.path)).count == 4096 + 1200 * rowBytes(codes))
        for access in [VectorStore.OpenOptions.Access.readOnly, .readWrite] {
            let opened = try store.open(access)
            #expect(try opened.configuration.quantization == codes)
            #expect(try opened.info.quantizationBytes == 1200 * rowBytes(codes))
            try opened.expectSound(store.rows(20, seed: 5), codes: true)
            try opened.close()
        }
        #expect(store.makings == 0)
    }

    @Test(arguments: [VectorStore.Scalar.float16, .uint8, .int8])
    func `of other scalars`(scalar: VectorStore.Scalar) throws {
        for codes in scalar == .float16 ? Self.kinds : [.scalar4] {
            let store = try CodedStore(codes, dimensions: 40, metric: .cosine, scalar: scalar)
            try store.build(600)
            let opened = try store.open()
            try opened.add(store.rows(300, seed: 4), from: 1000)
            try opened.update(store.rows(50, seed: 6).flatMap { $0 }, labels: (0..<50).map { Label($0) })
            try opened.checkpoint()
            try opened.expectSound(store.rows(10, seed: 5), codes: true, "\(codes)")
        }
    }

    @Test func `small builds have none, and say so`() throws {
        for count in [0, 1, 255] {
            let store = try CodedStore(.scalar4)
            try store.build(count)
            #expect(names(in: store.path).contains("codes") == false)
            let opened = try store.open()
            #expect(try opened.configuration.quantization == .scalar4 && opened.info.quantizationBytes == 0)
            #expect(try opened.verify().warnings == [])
        }
    }

    @Test(arguments: kinds)
    func `a store that grows gets them at 256 vectors, and better ones at four times as many`(
        codes: VectorStore.Quantization
    ) throws {
        let store = try CodedStore(codes), rows = store.rows(1600), queries = store.rows(20, seed: 5)
        let opened = try store.create()
        var trained: Set<Int> = []
        for first in stride(from: 0, to: 1600, by: 50) {
            try opened.add(Array(rows[first..<first + 50]), from: first)
            if let header = CodedStore.header(store.path) { trained.insert(header.trainedCount) }
            #expect(try (opened.info.quantizationBytes > 0) == (first >= 300), "\(first)")
            if first % 400 == 350 { try opened.checkpoint() }
        }
        #expect(trained == [300, 1200] && store.makings == 2)
        #expect(try opened.info.quantizationBytes == 1600 * rowBytes(codes))
        try opened.expectSound(queries, codes: true)
        try opened.close()
        let again = try store.open(.readOnly)
        try again.expectSound(queries, codes: true)
        #expect(CodedStore.header(store.path)?.recent.count == 400)
    }

    /// All at once and no batch after it: closing the store, or a checkpoint, makes its codes.
    @Test(arguments: [false, true])
    func `one batch is enough`(closes: Bool) throws {
        let store = try CodedStore(.scalar8), opened = try store.create()
        try opened.add(store.rows(300), from: 0)
        if closes {
            try opened.close()
            try store.open(.readOnly).expectSound(store.rows(10, seed: 5), codes: true)
        } else {
            try opened.checkpoint()
            try opened.expectSound(store.rows(10, seed: 5), codes: true)
        }
    }

    @Test(arguments: kinds)
    func `changed, checkpointed and reopened they are the same file`(codes: VectorStore.Quantization) throws {
        let store = try CodedStore(codes), queries = store.rows(20, seed: 5)
        try store.build(600)
        let inode = CodedStore.inode(store.path)
        for round in 0..<4 {
            let opened = try store.open()
            let labels = (round * 100..<round * 100 + 60).map { Label($0) }
            try opened.update(store.rows(60, seed: UInt64(20 + round)).flatMap { $0 }, labels: labels)
            try opened.erase((round * 100 + 60..<round * 100 + 90).map { Label($0) })
            try opened.markDeleted((round * 100 + 90..<round * 100 + 95).map { Label($0) })
            try opened.expectSound(queries, codes: true, "round \(round), log")
            try opened.checkpoint()
            // These get the slots of the others.
            try opened.add(store.rows(40, seed: UInt64(30 + round)), from: 10_000 + 100 * round)
            try opened.expectSound(queries, codes: true, "round \(round), checkpoint")
            try opened.close()
            try store.open(.readOnly).expectSound(queries, codes: true, "round \(round), closed")
        }
        #expect(store.makings == 0 && CodedStore.inode(store.path) == inode)
        #expect(try store.open(.readOnly).info.freeSlotCount > 0)
    }

    /// What a killed process leaves is read by a reader, which changes nothing, and gone on with by a writer.
    @Test(arguments: kinds)
    func `killed with changes in the log`(codes: VectorStore.Quantization) throws {
        let store = try CodedStore(codes), queries = store.rows(20, seed: 5)
        let opened = try store.create()
        try opened.add(store.rows(400), from: 0)
        try opened.add(store.rows(10, seed: 2), from: 400)
        var moments = [("first codes", try store.copy("first"))]
        try opened.checkpoint()
        moments.append(("checkpoint", try store.copy("checkpoint")))
        try opened.add(store.rows(300, seed: 3), from: 500)
        try opened.erase((0..<100).map { Label($0) })
        try opened.update(store.rows(50, seed: 4).flatMap { $0 }, labels: (100..<150).map { Label($0) })
        moments.append(("log", try store.copy("log")))
        try opened.checkpoint()
        try opened.add(store.rows(120, seed: 6), from: 900)
        moments.append(("reused slots", try store.copy("reused")))
        let makings = store.makings
        for (name, path) in moments {
            let before = try snapshot(path), inode = CodedStore.inode(path)
            let reader = try store.open(.readOnly, at: path)
            try reader.expectSound(queries, codes: true, "\(name), reader")
            try reader.close()
            #expect(try snapshot(path) == before, "\(name)")
            let writer = try store.open(at: path)
            try writer.expectSound(queries, codes: true, "\(name), writer")
            #expect(CodedStore.inode(path) == inode, "\(name)")
            try writer.add(store.rows(30, seed: 9), from: 5000)
            try writer.close()
            try store.open(.readOnly, at: path).expectSound(queries, codes: true, "\(name), closed")
        }
        #expect(store.makings == makings)
    }

    /// A checkpoint whose journal is whole, and that ends there.
    @Test(arguments: kinds)
    func `killed in a checkpoint`(codes: VectorStore.Quantization) throws {
        let store = try CodedStore(codes), queries = store.rows(20, seed: 5)
        try store.build(500)
        for (call, name) in [
            (SystemCall.pwrite, "level0"), (.synchronize, "level0"), (.pwrite, "codes"), (.synchronize, "codes"),
        ] {
            let path = try store.copy("stopped")
            let opened = try store.open(at: path)
            try opened.add(store.rows(100, seed: 3), from: 500)
            try opened.update(store.rows(50, seed: 4).flatMap { $0 }, labels: (100..<150).map { Label($0) })
            store.system.fail(call, name, with: .ioError)
            #expect(storeError { try opened.checkpoint() }?.systemError == .ioError)
            try? opened.close()
            store.system.fail(call, name, with: nil)
            let reader = try store.open(.readOnly, at: path)
            // The file belongs to one of two states; a reader that cannot tell the changes apart does without.
            #expect(try reader.verify().problems == [] && reader.recall(queries) > 0.93)
            try reader.close()
            let writer = try store.open(at: path)
            try writer.expectSound(queries, codes: true, "\(call) \(name)")
            try writer.close()
            try store.open(.readOnly, at: path).expectSound(queries, codes: true, "\(call) \(name), closed")
        }
        #expect(store.makings == 0, "the journal has what the file needs")
    }

    /// Vectors that the codes were not made for.
    @Test(arguments: kinds)
    func `data that change are trained on anew`(codes: VectorStore.Quantization) throws {
        let store = try CodedStore(codes), opened = try store.create()
        try opened.add(store.rows(1200), from: 0)
        let first = try #require(try trained(opened, store))
        #expect(store.makings == 1)
        for round in 1..<4 {
            let far = store.rows(600, seed: UInt64(50 + round)).map { $0.map { 30 * $0 + 100 } }
            try opened.add(far, from: 10_000 * round)
            #expect((store.makings > 1) == (round > 1), "with the batch after the first that the grid does not reach")
        }
        let second = try #require(CodedStore.header(store.path))
        #expect(second.scale < first.scale / 5)
        try opened.expectSound(store.rows(10, seed: 5), codes: true)
        try opened.expectSound(store.rows(10, seed: 5).map { $0.map { 30 * $0 + 100 } }, codes: true)
    }

    /// Has the next batch make the codes that are due.
    private func trained(_ opened: VectorStore, _ store: CodedStore) throws -> CodeFileHeader? {
        try opened.markDeleted([0])
        return CodedStore.header(store.path)
    }

    @Test func `data that stay the same are not`() throws {
        let store = try CodedStore(.scalar4)
        try store.build(2000)
        let opened = try store.open()
        for round in 0..<8 {
            try opened.update(
                store.rows(500, seed: UInt64(60 + round)).flatMap { $0 }, labels: (0..<500).map { Label($0) })
        }
        #expect(store.makings == 0)
        #expect(try opened.info.quantizationBytes > 0)
    }

    @Test(arguments: kinds)
    func `a store in memory`(codes: VectorStore.Quantization) throws {
        let store = try CodedStore(codes), queries = store.rows(20, seed: 5)
        let memory = try VectorStore(inMemory: store.configuration)
        try memory.add(store.rows(200), from: 0)
        #expect(try memory.info.quantizationBytes == 0)
        for round in 1..<12 {
            try memory.add(store.rows(100, seed: UInt64(round)), from: 100 * (round + 1))
            try memory.erase((100 * round..<100 * round + 20).map { Label($0) })
            #expect(try (memory.info.quantizationBytes > 0) == (round >= 1))
        }
        try memory.expectSound(queries, codes: true)
        for other in [VectorStore.Quantization.none, .scalar4, .scalar8, .scalar8] {
            try memory.setQuantization(other)
            #expect(try memory.configuration.quantization == other)
            try memory.expectSound(queries, codes: other != .none)
        }
        try memory.close()
        #expect(storeError { try memory.setQuantization(.none) }?.code == .closed)
    }

    /// By code that shares nothing with the library.
    @Test(arguments: kinds, [VectorStore.Metric.l2, .cosine])
    func `rows are what the format's description says`(codes: VectorStore.Quantization, metric: VectorStore.Metric)
        throws
    {
        for (scalar, dimensions) in [(VectorStore.Scalar.float32, 20), (.float16, 9), (.int8, 10)] {
            guard codes == .scalar4 || scalar != .int8 else { continue }
            let store = try CodedStore(codes, dimensions: dimensions, metric: metric, scalar: scalar)
            // One component larger than the others: where there are enough of them they are rotated.
            let factor: Float = scalar == .float32 ? 40 : 1
            func rows(_ count: Int, _ seed: UInt64) -> [[Float]] {
                store.rows(count, seed: seed).map { [$0[0] * factor] + $0[1...] }
            }
            let opened = try store.create()
            try opened.add(rows(260, 1), from: 0)
            try opened.checkpoint()
            try opened.add(rows(40, 2), from: 300)
            try opened.erase((0..<20).map { Label($0) })
            try opened.close()
            if codes == .scalar8 && metric == .l2 && scalar == .float32 {
                #expect(CodedStore.header(store.path)?.isRotated == true)
            }
            #expect(try ReadStore.problems(store.path).problems == [])
            var bytes = try readBytes(CodedStore.file(store.path))
            bytes[4096 + 64 * 299] ^= 1
            try writeBytes(bytes, to: CodedStore.file(store.path))
            #expect(try ReadStore.problems(store.path).problems == ["the code of slot 299 is wrong"])
        }
    }
}
