import HNSW
import HnswlibFile
import MappedStorage
import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// An imported store is the index that it came from: the same graph, the same answers, and the same bytes when it goes out.
@Suite struct ImportTests {
    @Test(arguments: [VectorStore.Metric.l2, .innerProduct, .cosine], [2, 5, 16])
    func `an unchanged import is exported as the same bytes`(metric: VectorStore.Metric, connectivity: Int) throws {
        // More than four segments, and rows that straddle pages.
        let fixture = try HnswlibFixture(2500, dimensions: 13, metric: metric, connectivity: connectivity)
        let (path, report) = try fixture.importChanged()
        #expect(report.count == 2500 && report.deletedCount == 0 && report.warnings == [])
        #expect(report.bytesRead == fixture.bytes.count)
        #expect(try VectorStore.verify(at: path).problems == [])
        let store = try VectorStore.open(at: path)
        let (bytes, exportReport) = try fixture.exported(store)
        #expect(bytes == fixture.bytes)
        #expect(exportReport.isOriginal && exportReport.bytesWritten == bytes.count)
        let original = try fixture.store.open()
        for query in fixture.store.queries(20) {
            for width in [1, 10, 100] {
                let options = VectorStore.SearchOptions(ef: width)
                #expect(
                    try store.search(query, k: 10, options: options)
                        == original.search(query, k: 10, options: options))
            }
        }
        #expect(try store.vector(for: 4) != nil)
    }

    @Test(arguments: [0, 1, 2, 256, 257])
    func `few vectors`(count: Int) throws {
        let fixture = try HnswlibFixture(count)
        let (path, report) = try fixture.importChanged()
        #expect(report.count == count)
        #expect(try VectorStore.verify(at: path).problems == [])
        let store = try VectorStore.open(at: path, options: .init(access: .readWrite))
        #expect(try fixture.exported(store).bytes == fixture.bytes)
        try store.add([Float](repeating: 2, count: 8), labels: [77])
        #expect(try store.search([Float](repeating: 2, count: 8), k: 1).first?.label == 77)
        #expect(try store.count == count + 1)
    }

    @Test(arguments: [VectorStore.Scalar.float16, .uint8, .int8])
    func `other scalars`(scalar: VectorStore.Scalar) throws {
        let fixture = try HnswlibFixture(300, dimensions: 7, scalar: scalar)
        let (path, _) = try fixture.importChanged()
        let store = try VectorStore.open(at: path)
        #expect(try VectorStore.verify(at: path).problems == [])
        #expect(try store.defaultExportScalar == scalar)
        #expect(try fixture.exported(store).bytes == fixture.bytes)
        #expect(try store.vector(for: 1) == fixture.store.open().vector(for: 1))
    }

    @Test func `what the header says besides comes back too`() throws {
        var fixture = try HnswlibFixture(40)
        var header = fixture.header
        header.capacity = 12_345_678_901
        header.constructionWidth = 5_000_000_000
        header.multiplierBits ^= 1
        fixture.bytes.replaceSubrange(0..<HnswlibHeader.size, with: header.encoded())
        // Flags that no version of hnswlib has had yet, and stale links.
        fixture.bytes[fixture.element(3) + 2] = 0xfe
        fixture.bytes[fixture.element(3) + 3] = 0x77
        fixture.bytes.replaceSubrange(fixture.element(5) + 64..<fixture.element(5) + 68, with: [255, 255, 255, 255])
        let (path, _) = try fixture.importChanged()
        let store = try VectorStore.open(at: path)
        #expect(try fixture.exported(store).bytes == fixture.bytes)
        #expect(try store.configuration.efConstruction == 1_000_000)
        let (other, report) = try fixture.exported(store, .init(maximumElements: 40))
        #expect(!report.isOriginal)
        #expect(other[16...] == fixture.bytes[16...] && other[8] == 40)
        #expect(storeError { _ = try fixture.exported(store, .init(maximumElements: 39)) }?.code == .invalidArgument)
        #expect(storeError { _ = try fixture.exported(store, .init(scalar: .uint8)) }?.code == .invalidArgument)
    }

    @Test func `deletion marks come along, and can be undone`() throws {
        var fixture = try HnswlibFixture(300)
        for slot in [0, 17, Int(fixture.header.entryPoint)] { fixture.markDeleted(slot) }
        let (path, report) = try fixture.importChanged()
        #expect(report.deletedCount == 3 && report.count == 297)
        let store = try VectorStore.open(at: path, options: .init(access: .readWrite))
        #expect(try fixture.exported(store).bytes == fixture.bytes)
        let row = fixture.store.rows[17]
        #expect(try store.search(row, k: 1)[0].label != fixture.label(17))
        try store.unmarkDeleted([fixture.label(17)])
        #expect(try store.search(row, k: 1)[0].label == fixture.label(17))
        #expect(try store.verify().problems == [])
    }

    @Test func `another metric than the index was built with`() throws {
        let fixture = try HnswlibFixture(400, metric: .l2)
        let (path, report) = try fixture.importChanged(metric: .innerProduct)
        #expect(report.warnings == [])
        let store = try VectorStore.open(at: path)
        let query = fixture.store.queries(1)[0]
        for neighbor in try store.search(query, k: 5) {
            let vector = try #require(try store.vector(for: neighbor.label))
            #expect(abs(Double(neighbor.distance) - distance(.innerProduct, query, vector)) < 1e-4)
        }
        #expect(try fixture.exported(store).bytes == fixture.bytes)
        let copy = fixture.store.directory.appending("copy")
        try VectorStore.copy(from: path, to: copy, metric: .l2)
        let (bytes, export) = try fixture.exported(VectorStore.open(at: copy))
        #expect(bytes == fixture.bytes && export.isOriginal)
        let cosine = try fixture.importChanged("as-cosine", metric: .cosine)
        #expect(cosine.report.warnings.count == 1 && cosine.report.warnings[0].contains("length 1"))
    }

    @Test func `vectors with components that are no numbers are counted`() throws {
        var fixture = try HnswlibFixture(100)
        fixture.bytes.replaceSubrange(
            fixture.element(9) + 4 + 64..<fixture.element(9) + 8 + 64, with: [0, 0, 0xc0, 0x7f])
        let (path, report) = try fixture.importChanged()
        #expect(report.nonFiniteVectors == 1 && report.warnings.count == 1)
        let store = try VectorStore.open(at: path)
        #expect(try store.search(fixture.store.queries(1)[0], k: 10).count == 10)
        #expect(try fixture.exported(store).bytes == fixture.bytes)
    }

    /// The vectors of a small collection are elsewhere.
    @Test func `a folder of Chroma's without vectors is no empty store`() throws {
        let directory = try TemporaryDirectory(), folder = directory.appending("segment")
        try SystemCalls.system.makeDirectory(SystemCalls.workingDirectory, folder, 0o777)
        let header = HnswlibHeader(
            capacity: 100, count: 0, vectorBytes: 12, maximumLevel: -1, entryPoint: .max, connectivity: 16,
            multiplierBits: 0, constructionWidth: 100)
        try writeBytes([1, 0, 0, 0] + header.encoded(), to: folder.appending("header.bin"))
        for name in ["data_level0.bin", "link_lists.bin", "length.bin"] {
            try writeBytes([], to: folder.appending(name))
        }
        let error = storeError {
            try VectorStore.importHnswlib(
                from: folder, to: directory.appending("store"), options: .init(metric: .cosine))
        }
        #expect(error?.code == .invalidArgument && error?.message.contains("chroma.sqlite3") == true)
        #expect(names(in: directory.path) == ["segment"])
    }

    @Test func `vectors whose distances single precision does not hold are counted`() throws {
        var fixture = try HnswlibFixture(100)
        for (slot, value) in [(3, Float(2e19)), (4, 1e-25), (5, 0)] {
            let place = fixture.element(slot) + 4 + 64
            let bytes = (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
            for component in 0..<8 {
                fixture.bytes.replaceSubrange(place + 4 * component..<place + 4 * component + 4, with: bytes)
            }
        }
        let (path, report) = try fixture.importChanged()
        #expect(report.unorderedVectors == 2 && report.nonFiniteVectors == 0 && report.warnings.count == 1)
        let store = try VectorStore.open(at: path)
        #expect(try store.search(fixture.store.queries(1)[0], k: 10).count == 10)
        #expect(try fixture.exported(store).bytes == fixture.bytes)
    }

    @Test func `Chroma's lengths give vectors back as they were`() throws {
        var fixture = try HnswlibFixture(300, metric: .cosine)
        let original = try fixture.store.open()
        var lengths: [UInt8] = []
        for slot in 0..<300 {
            let length = fixture.store.rows[slot].reduce(Float(0)) { $0 + $1 * $1 }.squareRoot()
            lengths.append(contentsOf: (0..<4).map { UInt8(truncatingIfNeeded: length.bitPattern >> (8 * $0)) })
        }
        fixture.bytes.insert(contentsOf: lengths, at: fixture.element(300))
        let (path, report) = try fixture.importChanged()
        #expect(report.count == 300)
        let store = try VectorStore.open(at: path)
        for slot in 0..<300 {
            #expect(try store.vector(for: fixture.label(slot)) == original.vector(for: fixture.label(slot)))
        }
        #expect(try store.hasLengths)
        // hnswlib's own file has no lengths, so it is not the one that came in.
        let (bytes, export) = try fixture.exported(store)
        #expect(bytes.count == fixture.bytes.count - lengths.count && !export.isOriginal)
    }

    /// In indexes of l2 and inner product the place of the lengths holds whatever Chroma's memory held.
    @Test func `lengths of vectors that are not of length 1 mean nothing`() throws {
        var fixture = try HnswlibFixture(300, metric: .l2)
        let garbage: [Float] = [45.27, -3, 1e37, .nan, 0]
        let lengths = (0..<300).flatMap { slot in
            (0..<4).map { UInt8(truncatingIfNeeded: garbage[slot % 5].bitPattern >> (8 * UInt32($0))) }
        }
        fixture.bytes.insert(contentsOf: lengths, at: fixture.element(300))
        let (path, report) = try fixture.importChanged(metric: .cosine)
        #expect(report.warnings.count == 1 && report.warnings[0].contains("length 1"))
        let store = try VectorStore.open(at: path)
        for slot in 0..<300 { #expect(try store.vector(for: fixture.label(slot)) == fixture.store.rows[slot]) }
    }

    @Test func `lengths that are none leave vectors normalised, and are counted`() throws {
        var fixture = try HnswlibFixture(300, metric: .cosine)
        fixture.bytes.insert(contentsOf: [UInt8](repeating: 0, count: 1200), at: fixture.element(300))
        let (path, report) = try fixture.importChanged()
        #expect(report.warnings.count == 1 && report.warnings[0].contains("300"))
        let vector = try #require(try VectorStore.open(at: path).vector(for: fixture.label(3)))
        #expect(abs(vector.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5)
    }

    @Test(arguments: [VectorStore.Scalar.float16, .uint8, .int8])
    func `other scalars for cosine come back as they are in the file`(scalar: VectorStore.Scalar) throws {
        let fixture = try HnswlibFixture(300, dimensions: 7, metric: .l2, scalar: scalar)
        let (path, _) = try fixture.importChanged(metric: .cosine)
        #expect(try VectorStore.verify(at: path).problems == [])
        let store = try VectorStore.open(at: path), original = try fixture.store.open()
        for slot in 0..<300 {
            #expect(try store.vector(for: fixture.label(slot)) == original.vector(for: fixture.label(slot)))
        }
    }

    @Test func `levels that no index has do not fill the memory`() throws {
        var fixture = try HnswlibFixture(3, connectivity: 2)
        // Three elements of level 63: lists of no links.
        var header = fixture.header
        header.maximumLevel = 63
        header.entryPoint = 0
        let record = [UInt8]([244, 2, 0, 0]) + [UInt8](repeating: 0, count: 63 * 12)
        fixture.bytes =
            header.encoded() + fixture.bytes[fixture.element(0)..<fixture.element(3)] + record + record + record
        let (path, report) = try fixture.importChanged()
        #expect(report.count == 3)
        #expect(try VectorStore.open(at: path).search(fixture.store.rows[1], k: 3).count == 3)
        // As many as a small store has room for, and one more.
        let upper = try UpperLayers(connectivity: 2, slots: 10)
        #expect(upper.hasRoom(lists: 63 * 10) && !upper.hasRoom(lists: 63 * 10 + 65))
    }

    @Test func `a store that was damaged is not exported as the original`() throws {
        let fixture = try HnswlibFixture(300)
        let (path, _) = try fixture.importChanged()
        var bytes = try readBytes(path.appending("level0"))
        bytes[16_384 + 64 + 6] ^= 1
        try writeBytes(bytes, to: path.appending("level0"))
        let error = storeError { _ = try fixture.exported(VectorStore.open(at: path)) }
        #expect(error?.code == .corrupt && error?.message.contains("damaged") == true)
        #expect(!names(in: fixture.store.directory.path).contains("exported.bin"))
    }

    @Test func `wrong parameters and files leave nothing`() throws {
        var fixture = try HnswlibFixture(50)
        let file = try fixture.write(), path = fixture.store.directory.appending("never")
        func code(_ options: VectorStore.ImportOptions, _ file: FilePath) -> StoreError.Code? {
            storeError { try VectorStore.importHnswlib(from: file, to: path, options: options) }?.code
        }
        #expect(code(.init(metric: .l2, dimensions: 9), file) == .dimensionMismatch)
        #expect(code(.init(metric: .l2, dimensions: .max), file) == .dimensionMismatch)
        #expect(code(.init(metric: .l2, scalar: .uint8, dimensions: 8), file) == .dimensionMismatch)
        #expect(code(.init(metric: .l2, ef: 0), file) == .invalidArgument)
        #expect(code(.init(metric: .l2), fixture.store.directory.appending("nothing")) == .notFound)
        fixture.bytes.removeLast()
        #expect(code(.init(metric: .l2), try fixture.write()) == .corrupt)
        #expect(names(in: fixture.store.directory.path).filter { $0.hasPrefix("never") } == [])
        let taken = storeError { try VectorStore.importHnswlib(from: file, to: file, options: .init(metric: .l2)) }
        #expect(taken?.code == .alreadyExists)
    }

    /// hnswlib leaves nodes that nobody links to; the import is what the file is, and that is no damage.
    @Test func `vectors out of reach are told, and an upsert links them`() throws {
        var fixture = try HnswlibFixture(60, connectivity: 4)
        let lone: UInt32 = fixture.header.entryPoint == 7 ? 8 : 7
        for slot in 0..<60 {
            fixture.setLinks(slot, fixture.links(slot).filter { $0 != Int(lone) })
        }
        let (path, _) = try fixture.importChanged()
        let report = try VectorStore.verify(at: path)
        #expect(report.isSound && report.unreachableCount == 1)
        #expect(report.warnings.count == 1 && report.warnings[0].contains("label \(fixture.label(Int(lone)))"))
        let store = try VectorStore.open(at: path, options: .init(access: .readWrite))
        try store.upsert(fixture.store.rows[Int(lone)], labels: [fixture.label(Int(lone))])
        #expect(try store.verify().unreachableCount == 0)
    }

    @Test func `lost upper layers are made anew, and the file is not said to be the same`() throws {
        let fixture = try HnswlibFixture(2500, connectivity: 4)
        let (path, _) = try fixture.importChanged()
        removeTree(path.appending("upper"))
        let store = try VectorStore.open(at: path)
        let (bytes, report) = try fixture.exported(store)
        #expect(report.isOriginal == (bytes == fixture.bytes))
        #expect(bytes.count == fixture.bytes.count)
        let again = fixture.store.directory.appending("again")
        try VectorStore.importHnswlib(
            from: fixture.store.directory.appending("exported.bin"), to: again, options: .init(metric: .l2))
        #expect(try VectorStore.verify(at: again).problems == [])
    }
}
