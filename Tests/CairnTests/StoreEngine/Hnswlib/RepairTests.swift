import FileFormat
import HnswlibFile
import MappedStorage
import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// `repair` links what searches do not come to, and leaves everything else as it is.
@Suite struct RepairTests {
    /// An index in which nobody links to the slots of `lone`; but for the farthest vector of each, if `fromFar`, so that it can be
    /// reached and is not found.
    private func index(_ count: Int, lone: [Int], fromFar: Bool) throws -> HnswlibFixture {
        var fixture = try HnswlibFixture(count, connectivity: 4)
        var farFrom: [Int: Int] = [:]
        if fromFar { for slot in lone { farFrom[slot] = farthest(slot, fixture.store.rows) } }
        for slot in 0..<count {
            let kept = fixture.links(slot).filter { !lone.contains($0) }
            let far = lone.filter { farFrom[$0] == slot }
            fixture.setLinks(slot, kept.prefix(8 - far.count) + far)
        }
        return fixture
    }

    private func farthest(_ slot: Int, _ rows: [[Float]]) -> Int {
        func distance(_ other: [Float]) -> Float { zip(rows[slot], other).map { ($0 - $1) * ($0 - $1) }.reduce(0, +) }
        return rows.indices.max { distance(rows[$0]) < distance(rows[$1]) }!
    }

    private func lone(in fixture: HnswlibFixture, _ count: Int) throws -> [Int] {
        Array((3..<1000).lazy.filter { UInt32($0) != fixture.header.entryPoint }.prefix(count))
    }

    @Test func `vectors out of reach are linked`() throws {
        let plain = try HnswlibFixture(200, connectivity: 4), lone = try lone(in: plain, 3)
        let fixture = try index(200, lone: lone, fromFar: false)
        let (path, _) = try fixture.importChanged()
        let marked = fixture.label(lone[2])
        try VectorStore.open(at: path, options: .init(access: .readWrite)).markDeleted([marked])
        #expect(try VectorStore.verify(at: path).unreachableCount == 3)
        let report = try VectorStore.repair(at: path)
        #expect(report.unreachableCount == 3 && report.remainingLabels == [] && report.files == [])
        #expect(Set(report.relinkedLabels).isSuperset(of: lone.map { fixture.label($0) }))
        let store = try VectorStore.open(at: path), after = try store.verify(depth: .searches)
        #expect(after.problems == [] && after.unreachableCount == 0 && after.missedCount == 0)
        #expect(try store.count == 199 && store.deletedLabels() == [marked])
        for slot in 0..<200 where slot != lone[2] {
            #expect(try store.vector(for: fixture.label(slot)) == fixture.store.rows[slot])
        }
        // Nothing is left to do.
        try store.close()
        #expect(try VectorStore.repair(at: path) == VectorStore.RepairReport())
    }

    /// hnswlib writes them where it updates one element while it adds another. They go in and out as they are.
    @Test func `links that come twice, or lead to their own vector, are linked again`() throws {
        var fixture = try HnswlibFixture(300, connectivity: 4)
        let twice = fixture.links(7), own = fixture.links(20)
        fixture.setLinks(7, [twice[0]] + twice.prefix(7))
        fixture.setLinks(20, own.prefix(7) + [20])
        let (path, imported) = try fixture.importChanged()
        #expect(imported.repeatedLinks == 2 && imported.warnings.count == 1)
        let store = try VectorStore.open(at: path)
        let before = try store.verify(), labels = [fixture.label(7), fixture.label(20)]
        #expect(before.problems == [] && before.damagedLabels == [])
        #expect(before.warnings.contains { $0.hasPrefix("2 vectors have a link twice, or to itself (labels 22, 61)") })
        let (bytes, exported) = try fixture.exported(store)
        #expect(bytes == fixture.bytes && exported.isOriginal)
        try store.close()
        let report = try VectorStore.repair(at: path)
        #expect(report.repeatedLinkCount == 2 && report.remainingLabels == [])
        #expect(Set(report.relinkedLabels).isSuperset(of: labels))
        #expect(try VectorStore.verify(at: path, depth: .searches).warnings == [])
        for slot in 0..<300 {
            #expect(try VectorStore.open(at: path).vector(for: fixture.label(slot)) == fixture.store.rows[slot])
        }
    }

    @Test func `vectors that searches miss are linked`() throws {
        let plain = try HnswlibFixture(1500, connectivity: 4), lone = try lone(in: plain, 4)
        let fixture = try index(1500, lone: lone, fromFar: true)
        let (path, _) = try fixture.importChanged()
        let labels = Set(lone.map { fixture.label($0) })
        let before = try VectorStore.verify(at: path, depth: .searches)
        #expect(before.isSound && before.unreachableCount == 0)
        #expect(Set(before.missedLabels).isSuperset(of: labels) && before.missedCount == before.missedLabels.count)
        #expect(before.warnings.contains { $0.contains("'cairn repair'") })
        let report = try VectorStore.repair(at: path, threads: 2)
        #expect(
            report.unreachableCount == 0 && report.missedCount == before.missedCount && report.remainingLabels == [])
        #expect(Set(report.relinkedLabels).isSuperset(of: before.missedLabels))
        #expect(try VectorStore.verify(at: path, depth: .searches).missedCount == 0)
    }

    @Test(arguments: [VectorStore.Metric.l2, .innerProduct, .cosine], [VectorStore.Scalar.float32, .float16, .int8])
    func `a vector that is linked again keeps its bits`(metric: VectorStore.Metric, scalar: VectorStore.Scalar) throws {
        let fixture = try StoreFixture(40, metric: metric, scalar: scalar)
        let store = try fixture.open(.readWrite)
        let before = try fixture.labels.map { try store.vector(for: $0) }
        try store.markDeleted([5])
        try store.writing().write([.relink(3), .relink(5), .relink(39)], .none, threads: 1)
        for round in 0..<2 {
            let opened = round == 0 ? store : try fixture.open()
            for label in fixture.labels {
                #expect(try opened.vector(for: label) == (label == 5 ? nil : before[Int(label)]))
            }
            #expect(try opened.deletedLabels() == [5])
            let report = try opened.verify()
            #expect(report.problems == [] && report.unreachableCount == 0)
            if round == 0 { try store.close() }
        }
        #expect(throws: StoreError.self) {
            try fixture.open(.readWrite).writing().write([.relink(77)], .none, threads: 1)
        }
    }

    /// The levels in the slot table are right, and the header's checksum too: only the header knows another highest level.
    @Test(arguments: [1, 2, 40])
    func `a header that has a higher level than there is`(more: Int) throws {
        let fixture = try StoreFixture(400), file = fixture.path.appending("level0")
        var bytes = try readBytes(file)
        let superblock = try LevelZeroFile.open(Directory(fixture.path)["level0"], writable: false).superblock
        for offset in [0, 4096] {
            var header = try HeaderSlot(
                decoding: Array(bytes[offset..<offset + HeaderSlot.size]), superblock: superblock)
            header.maximumLevel += more
            bytes.replaceSubrange(offset..<offset + HeaderSlot.size, with: header.encoded())
        }
        try writeBytes(bytes, to: file)
        #expect(try VectorStore.open(at: fixture.path).search(fixture.rows[7], k: 1).first?.label == 7)
        let report = try VectorStore.repair(at: fixture.path)
        #expect(report.remainingLabels == [])
        let after = try VectorStore.verify(at: fixture.path, depth: .searches)
        #expect(after.problems == [] && after.warnings == [] && after.missedCount == 0)
        // It is so for good.
        try VectorStore.openForWriting(at: fixture.path).close()
        #expect(try VectorStore.verify(at: fixture.path).problems == [])
        #expect(try VectorStore.repair(at: fixture.path) == VectorStore.RepairReport())
    }

    /// What a checkpoint left in its journal is not what the files say, so a reader does not judge the quantized vectors.
    @Test func `wrong quantized vectors show once a pending journal is redone`() throws {
        let store = try CodedStore(.scalar8), fault = LateFault(.pwrite, .ioError, of: "level0")
        try store.build(300)
        let opened = try VectorStore.open(
            at: store.path, options: .init(access: .readWrite, threads: 1), calls: fault.calls)
        try opened.add(store.rows(20, seed: 9).flatMap { $0 }, labels: Array(1000..<1020))
        fault.arm(1)
        #expect(throws: StoreError.self) { try opened.checkpoint() }
        #expect(fault.hasFired)
        try? opened.close()
        let codes = store.path.appending("codes"), first = CodeFileHeader.rowsOffset(dimensions: 24)
        var bytes = try readBytes(codes)
        for index in first..<first + 64 * 20 { bytes[index] ^= 0x55 }
        try writeBytes(bytes, to: codes)
        #expect(try VectorStore.verify(at: store.path).isSound)
        let report = try VectorStore.repair(at: store.path)
        #expect(report.remainingLabels == [])
        let after = try VectorStore.verify(at: store.path)
        #expect(after.problems == [])
        #expect(try VectorStore.open(at: store.path).count == 320)
    }

    @Test func `lost files are made again, and other damage is left alone`() throws {
        let store = try CodedStore(.scalar8)
        try store.build(300)
        for name in ["labels", "upper", "codes"] {
            let path = try store.copy("damaged")
            removeTree(path.appending(name))
            #expect(try VectorStore.repair(at: path).files == [name])
            let report = try VectorStore.verify(at: path)
            #expect(report.problems == [] && report.warnings == [])
            removeTree(path)
        }
        let path = try store.copy("damaged"), file = path.appending("level0")
        var bytes = try readBytes(file)
        bytes[bytes.count / 2] ^= 1
        try writeBytes(bytes, to: file)
        let error = storeError { _ = try VectorStore.repair(at: path) }
        #expect(error?.code == .corrupt && error?.message.contains("has changed nothing") == true)
        #expect(try readBytes(file) == bytes)
    }
}
