import FileFormat
import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// A copy has the same vectors, labels and marks; another metric changes distances and nothing else.
@Suite struct StoreCopyTests {
    private static let metrics = [VectorStore.Metric.l2, .innerProduct, .cosine]

    @Test(arguments: metrics, metrics)
    func `another metric`(from: VectorStore.Metric, to: VectorStore.Metric) throws {
        let fixture = try StoreFixture(700, dimensions: 11, metric: from)
        let path = fixture.directory.appending("copy")
        let store = try fixture.open(.readWrite)
        try store.markDeleted([3])
        try store.erase([5, 600])
        try store.update(seededVectors(count: 50, dimensions: 11, seed: 4), labels: (100..<150).map { Label($0) })
        try store.close()
        try VectorStore.copy(from: fixture.path, to: path, metric: to)
        let report = try VectorStore.verify(at: path)
        #expect(report.problems == [])
        let original = try fixture.open(), copy = try VectorStore.open(at: path)
        #expect(try copy.configuration.metric == to)
        #expect(try copy.info.freeSlotCount == 0 && copy.info.deletedCount == 1)
        #expect(try copy.allLabels() == original.allLabels())
        for label in try original.allLabels() {
            let one = try #require(try original.vector(for: label)), other = try #require(try copy.vector(for: label))
            #expect(zip(one, other).allSatisfy { abs($0 - $1) < 1e-5 })
        }
        for query in fixture.queries(10) {
            for neighbor in try copy.search(query, k: 5) {
                let vector = try #require(try copy.vector(for: neighbor.label))
                #expect(abs(Double(neighbor.distance) - distance(to, query, vector)) < 1e-4)
            }
        }
    }

    @Test func `a copy can be changed, and its slots are used again`() throws {
        let fixture = try StoreFixture(300)
        let path = fixture.directory.appending("copy")
        try fixture.open(.readWrite).erase([1, 2, 3])
        try VectorStore.copy(from: fixture.path, to: path)
        let store = try VectorStore.open(at: path, options: .init(access: .readWrite))
        #expect(try store.info.freeSlotCount == 0)
        try store.erase((10..<60).map { Label($0) })
        try store.checkpoint()
        try store.add(seededVectors(count: 50, dimensions: 8, seed: 9), labels: (1000..<1050).map { Label($0) })
        #expect(try store.info.freeSlotCount < 50)
        let report = try store.verify()
        #expect(report.problems == [] && report.unreachableCount == 0)
    }

    @Test func `a vector that has no direction is named`() throws {
        let fixture = try StoreFixture(20)
        let store = try fixture.open(.readWrite)
        try store.add([Float](repeating: 0, count: 8), labels: [777])
        try store.close()
        let path = fixture.directory.appending("copy")
        let error = storeError { try VectorStore.copy(from: fixture.path, to: path, metric: .cosine) }
        #expect(error?.code == .invalidVector && error?.message.contains("777") == true)
        #expect(names(in: fixture.directory.path) == ["store"])
        #expect(storeError { try VectorStore.copy(from: fixture.path, to: fixture.path) }?.code == .alreadyExists)
    }

    /// What the slot table says of a slot, where that is not what the header counts or the lists have.
    @Test(arguments: [(9, 0), (9, 2), (9, 3), (9, 4), (9, 5), (9, 255), (8, 1), (8, 9), (8, 255)] as [(Int, UInt8)])
    func `states and levels that are damaged are not copied`(place: Int, value: UInt8) throws {
        for hasFreeSlots in [false, true] {
            let fixture = try StoreFixture(300)
            if hasFreeSlots { try fixture.open(.readWrite).erase([200, 201]) }
            let level0 = fixture.path.appending("level0"), geometry = fixture.configuration.superblock.geometry
            let table = geometry.layout(segments: 2)[0].pieces.first { $0.column == .slotTable }!.fileOffset
            var bytes = try readBytes(level0)
            let slot = try #require((3..<200).first { bytes[table + 16 * $0 + 8] == 0 })
            bytes[table + 16 * slot + place] = value
            try writeBytes(bytes, to: level0)
            let path = fixture.directory.appending("copy")
            let error = storeError { try VectorStore.copy(from: fixture.path, to: path) }
            #expect(error?.code == .corrupt && error?.message.contains("cairn verify") == true)
            #expect(names(in: fixture.directory.path) == ["store"])
        }
    }

    @Test func `labels that come twice are not copied`() throws {
        let fixture = try StoreFixture(300)
        let level0 = fixture.path.appending("level0"), geometry = fixture.configuration.superblock.geometry
        let table = geometry.layout(segments: 2)[0].pieces.first { $0.column == .slotTable }!.fileOffset
        var bytes = try readBytes(level0)
        bytes.store(8 as UInt64, at: table + 16 * 3)
        try writeBytes(bytes, to: level0)
        let path = fixture.directory.appending("copy")
        #expect(storeError { try VectorStore.copy(from: fixture.path, to: path) }?.code == .corrupt)
    }

    /// A list's links are not its vectors: what leads nowhere is left out.
    @Test func `a copy has no links that lead nowhere and no lengths that are none`() throws {
        for hasFreeSlots in [false, true] {
            let fixture = try StoreFixture(300)
            if hasFreeSlots { try fixture.open(.readWrite).erase([200, 201]) }
            let level0 = fixture.path.appending("level0"), geometry = fixture.configuration.superblock.geometry
            let pieces = geometry.layout(segments: 2)[0].pieces
            let heads = pieces.first { $0.column == .linkHeads }!.fileOffset
            let links = pieces.first { $0.column == .links }!.fileOffset
            var bytes = try readBytes(level0)
            for slot in 0..<100 {
                bytes.store([0xffff, 17, 16][slot % 3] as UInt16, at: heads + 4 * slot)
                bytes.store([0x8000_0000, .max, 300][slot % 3] as UInt32, at: links + 64 * slot + 4)
            }
            try writeBytes(bytes, to: level0)
            let path = fixture.directory.appending("copy")
            try VectorStore.copy(from: fixture.path, to: path)
            let copy = try readBytes(path.appending("level0")), count = hasFreeSlots ? 298 : 300
            for slot in 0..<100 {
                let length = Int(copy.integer(at: heads + 4 * slot, as: UInt16.self))
                #expect(length <= 16, "slot \(slot)")
                for place in 0..<min(length, 16) {
                    #expect(copy.integer(at: links + 64 * slot + 4 * place, as: UInt32.self) < UInt32(count))
                }
            }
        }
    }

    /// A vector of cosine gets its length back, which may be more than its scalar holds.
    @Test func `a length that another metric cannot have is named`() throws {
        let fixture = try StoreFixture(20, metric: .cosine, scalar: .float16)
        let store = try fixture.open(.readWrite)
        try store.add([Float](repeating: 1e6, count: 8), labels: [777])
        try store.close()
        let path = fixture.directory.appending("copy")
        let error = storeError { try VectorStore.copy(from: fixture.path, to: path, metric: .l2) }
        #expect(error?.code == .invalidVector && error?.message.contains("777") == true)
    }
}
