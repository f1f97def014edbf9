import HnswlibFile
import TestSupport
import Testing

@testable import Cairn

/// Files in which a label stands twice, as hnswlib writes them after replace_deleted with a label that is alive.
@Suite struct RepeatedLabelTests {
    /// Slots 20…29 and 5 have the labels of 100…109 and 6; 6 is deleted, and 109 too.
    private func fixture() throws -> HnswlibFixture {
        var fixture = try HnswlibFixture(400, connectivity: 4)
        for slot in 0..<10 { fixture.setLabel(20 + slot, fixture.label(100 + slot)) }
        fixture.setLabel(5, fixture.label(6))
        fixture.markDeleted(6)
        fixture.markDeleted(109)
        return fixture
    }

    @Test func `the last live one of a label is found, and all of them are exported`() throws {
        let fixture = try fixture()
        let (path, report) = try fixture.importChanged()
        #expect(report.repeatedLabels == 11 && report.count == 389 && report.deletedCount == 0)
        #expect(report.warnings.count == 1)
        #expect(try VectorStore.verify(at: path).problems == [])
        let store = try VectorStore.open(at: path)
        #expect(try fixture.exported(store).bytes == fixture.bytes)
        for slot in 0..<9 {
            #expect(try store.vector(for: fixture.label(100 + slot)) == fixture.store.rows[100 + slot])
            #expect(try !store.search(fixture.store.rows[20 + slot], k: 1).contains { $0.distance == 0 })
        }
        // A deleted slot does not hide a live one, whichever comes last.
        #expect(try store.vector(for: fixture.label(109)) == fixture.store.rows[29])
        #expect(try store.vector(for: fixture.label(5)) == fixture.store.rows[5])
    }

    @Test func `the entry point's label came again`() throws {
        var fixture = try HnswlibFixture(400, connectivity: 4)
        let entry = Int(fixture.header.entryPoint)
        try #require(entry < 399)
        fixture.setLabel(399, fixture.label(entry))
        let (path, report) = try fixture.importChanged()
        #expect(report.repeatedLabels == 1)
        let store = try VectorStore.open(at: path)
        #expect(try store.vector(for: fixture.label(entry)) == fixture.store.rows[399])
        #expect(try store.search(fixture.store.rows[entry], k: 3).allSatisfy { $0.distance > 0 })
        #expect(try fixture.exported(store).bytes == fixture.bytes)
        #expect(try VectorStore.verify(at: path).problems == [])
    }

    /// What is left over is out of the graph with the first batch, and its slots are used again later.
    @Test func `the first change takes them out`() throws {
        let fixture = try fixture()
        let (path, _) = try fixture.importChanged()
        let added = seededVectors(count: 60, dimensions: 8, seed: 77)
        do {
            let store = try VectorStore.open(at: path, options: .init(access: .readWrite))
            try store.add(Array(added[..<8]), labels: [10_000])
            #expect(try store.info.freeSlotCount == 11)
            let report = try store.verify()
            #expect(report.problems == [] && report.unreachableCount == 0)
            let (bytes, export) = try fixture.exported(store)
            #expect(export.count == 390 && !export.isOriginal)
            let header = try HnswlibHeader(decoding: bytes, path: fixture.file)
            #expect(header.count == 390)
            try store.checkpoint()
            try store.add(Array(added[8...]), labels: (1..<60).map { 10_000 + $0 })
            // At least those of level 0, of which there are most.
            #expect(try store.info.freeSlotCount < 11)
            #expect(try store.verify().problems == [])
            #expect(try store.count == 449)
        }
        // As after a crash: the batches are in the log alone.
        let report = try VectorStore.verify(at: path)
        #expect(report.problems == [] && report.unreachableCount == 0)
    }

    @Test func `a copy keeps them until its own first change`() throws {
        let fixture = try fixture()
        let (path, _) = try fixture.importChanged(), copy = fixture.store.directory.appending("copy")
        try VectorStore.copy(from: path, to: copy, metric: .innerProduct)
        #expect(try VectorStore.verify(at: copy).problems == [])
        let store = try VectorStore.open(at: copy, options: .init(access: .readWrite))
        #expect(try store.info.freeSlotCount == 11 && store.count == 389)
        #expect(try fixture.exported(store).bytes == fixture.bytes)
        try store.erase([fixture.label(50)])
        let report = try store.verify()
        #expect(report.problems == [] && report.unreachableCount == 0)
    }

    @Test func `a first batch that fails can be made again`() throws {
        let fixture = try fixture()
        let (path, _) = try fixture.importChanged()
        let store = try VectorStore.open(at: path, options: .init(access: .readWrite))
        #expect(storeError { try store.add([Float](repeating: .nan, count: 8), labels: [10_000]) } != nil)
        #expect(storeError { try store.erase([10_000]) } != nil)
        #expect(try fixture.exported(store).report.isOriginal)
        try store.erase([fixture.label(50)])
        #expect(try store.info.freeSlotCount == 12)
        #expect(try store.verify().unreachableCount == 0)
    }

    /// Labels that all fall into the same bucket, so that each one is looked for past all the others.
    @Test func `labels that were chosen to collide are refused in time`() throws {
        let inverse: UInt64 = 0xF1DE_83E1_9937_733D
        #expect(inverse &* 0x9E37_79B9_7F4A_7C15 == 1)
        let labels = (0..<20_000).map { UInt64($0) &* inverse }
        let error = storeError { _ = try SlotsByLabel(labels).addAll { _ in false } }
        #expect(error?.code == .invalidArgument)
        #expect(try SlotsByLabel((0..<20_000).map { UInt64($0) << 40 }).addAll { _ in false } == [])
        #expect(try SlotsByLabel(Array(labels[..<500])).addAll { _ in false } == [])
    }
}
