import FileFormat
import HnswlibFile
import MappedStorage
import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// What goes out after changes is a valid index of what the store finds, without what was erased or replaced.
@Suite struct ExportTests {
    /// The export, imported again: labels, vectors, deletions and answers must be the store's.
    private func check(_ store: VectorStore, _ fixture: HnswlibFixture, marked: [Label]) throws {
        let (bytes, report) = try fixture.exported(store)
        #expect(report.count == (try store.count) && report.deletedCount == marked.count && !report.isOriginal)
        let file = fixture.store.directory.appending("exported.bin")
        let path = fixture.store.directory.appending("again")
        #expect(bytes.count > HnswlibHeader.size)
        defer { removeTree(path) }
        let again = try VectorStore.importHnswlib(from: file, to: path, options: .init(metric: .l2))
        #expect(again.count == report.count && again.deletedCount == marked.count && again.repeatedLabels == 0)
        let verified = try VectorStore.verify(at: path)
        #expect(verified.problems == [] && verified.unreachableCount == 0)
        let copy = try VectorStore.open(at: path)
        #expect(try copy.allLabels().sorted() == store.allLabels().sorted())
        #expect(try copy.deletedLabels().sorted() == marked.sorted())
        for label in try store.allLabels() { #expect(try copy.vector(for: label) == store.vector(for: label)) }
        for query in fixture.store.queries(20) {
            let options = VectorStore.SearchOptions(ef: 200)
            #expect(
                try copy.search(query, k: 10, options: options).map(\.distance)
                    == store.search(query, k: 10, options: options).map(\.distance))
        }
    }

    private func change(_ store: VectorStore, _ fixture: HnswlibFixture) throws -> [Label] {
        let vectors = seededVectors(count: 400, dimensions: 8, seed: 5)
        let marked = (0..<20).map { fixture.label(7 * $0 + 3) }
        try store.markDeleted(marked)
        try store.erase((0..<100).map { fixture.label(200 + $0) })
        try store.update(Array(vectors[..<800]), labels: (0..<100).map { fixture.label(400 + $0) })
        try store.add(Array(vectors[800..<1600]), labels: (0..<100).map { 100_000 + Label($0) })
        try store.checkpoint()
        // These get slots of the others.
        try store.add(Array(vectors[1600..<2400]), labels: (0..<100).map { 200_000 + Label($0) })
        return marked
    }

    @Test func `an import that was changed`() throws {
        let fixture = try HnswlibFixture(1000)
        let (path, _) = try fixture.importChanged()
        do {
            let store = try VectorStore.open(at: path, options: .init(access: .readWrite))
            let marked = try change(store, fixture)
            #expect(try store.info.freeSlotCount > 0)
            try check(store, fixture, marked: marked)
            try store.unmarkDeleted([marked[0]])
            try check(store, fixture, marked: Array(marked[1...]))
            try store.markDeleted([marked[0]])
        }
        let closed = try VectorStore.open(at: path)
        try check(closed, fixture, marked: closed.deletedLabels())
    }

    @Test func `changes that are in the log alone`() throws {
        let fixture = try HnswlibFixture(1000)
        let (path, _) = try fixture.importChanged()
        let store = try VectorStore.open(at: path, options: .init(access: .readWrite))
        let marked = try change(store, fixture)
        // What a killed process leaves.
        let killed = fixture.store.directory.appending("killed")
        try copyStore(from: path, to: killed)
        let reader = try VectorStore.open(at: killed)
        try check(reader, fixture, marked: marked)
        #expect(try fixture.exported(reader).bytes == fixture.exported(store).bytes)
    }

    @Test func `a store in memory, and one from which everything was erased`() throws {
        let fixture = try HnswlibFixture(10)
        let store = try VectorStore(inMemory: .init(dimensions: 8, m: 4, efConstruction: 40))
        #expect(try fixture.exported(store).bytes.count == HnswlibHeader.size)
        try store.add(seededVectors(count: 300, dimensions: 8, seed: 2), labels: (0..<300).map { Label($0) })
        try store.erase([0, 1, 299])
        try check(store, fixture, marked: [])
        try store.erase((2..<299).map { Label($0) })
        let (bytes, report) = try fixture.exported(store)
        #expect(bytes.count == HnswlibHeader.size && report.count == 0)
    }

    @Test(arguments: [VectorStore.Scalar.float16, .uint8, .int8], [VectorStore.Metric.l2, .cosine])
    func `other scalars go out as f32`(scalar: VectorStore.Scalar, metric: VectorStore.Metric) throws {
        let stored = try StoreFixture(300, metric: metric, scalar: scalar)
        let store = try stored.open(), file = stored.directory.appending("f32.bin")
        #expect(try store.defaultExportScalar == .float32 && store.hasLengths == (metric == .cosine))
        let report = try store.exportHnswlib(to: file)
        #expect(report.count == 300)
        let path = stored.directory.appending("f32")
        let imported = try VectorStore.importHnswlib(from: file, to: path, options: .init(metric: metric))
        #expect(imported.configuration.dimensions == 8 && imported.warnings == [])
        let copy = try VectorStore.open(at: path)
        #expect(try !copy.hasLengths)
        for query in stored.queries(10) {
            let expected = try store.search(query, k: 5, options: .init(ef: 100))
            let found = try copy.search(query, k: 5, options: .init(ef: 100))
            for (one, other) in zip(expected, found) {
                #expect(abs(one.distance - other.distance) <= 1e-3 * max(1, abs(one.distance)))
            }
        }
    }

    @Test func `what stood at the file stays when an export fails`() throws {
        let fixture = try HnswlibFixture(300)
        let out = fixture.store.directory.appending("out.bin")
        try writeBytes([1, 2, 3], to: out)
        for call in [SystemCall.open, .pwrite, .synchronize, .rename] {
            var number = 1, hasFailed = false
            while number < 100 {
                let fault = Fault(call, number: number, .noSpace)
                let store = try fixture.store.open()
                let result = Result { () throws(StoreError) in
                    try store.readingQuiet { (session) throws(StoreError) in
                        _ = try HnswlibExport(session, .init(), fault.calls).run(to: out)
                    }
                }
                let bytes = try readBytes(out)
                switch result {
                case .success: #expect(bytes == fixture.bytes)
                case .failure(let error):
                    hasFailed = true
                    #expect(error.systemError == .noSpace, "\(call) \(number): \(error)")
                    // The last sync is the directory's: the file has its name, but might lose it.
                    #expect(bytes == [1, 2, 3] || bytes == fixture.bytes)
                }
                if bytes != [1, 2, 3] { try writeBytes([1, 2, 3], to: out) }
                if !fault.hasFired { break }
                #expect(names(in: fixture.store.directory.path).sorted() == ["index.bin", "out.bin", "store"])
                number += 1
            }
            #expect(hasFailed, "\(call)")
        }
    }

    @Test(arguments: SystemCall.allCases)
    func `an import that fails leaves nothing`(call: SystemCall) throws {
        let fixture = try HnswlibFixture(600, metric: .cosine, connectivity: 4)
        let path = fixture.store.directory.appending("imported")
        for number in 1..<400 {
            let fault = Fault(call, number: number, .ioError)
            let result = Result { () throws(StoreError) in
                try HnswlibImport(from: fixture.file, options: .init(metric: .cosine), calls: fault.calls).run(to: path)
            }
            switch result {
            case .success:
                #expect(try VectorStore.verify(at: path).problems == [])
                removeTree(path)
                if !fault.hasFired { return }
            case .failure(let error): #expect(error.systemError == .ioError, "\(call) \(number): \(error)")
            }
            #expect(names(in: fixture.store.directory.path).sorted() == ["index.bin", "store"], "\(call) \(number)")
        }
        Issue.record("\(call) is called more than 400 times")
    }

    /// What the slot table says of a slot, where that is not what the header counts.
    @Test(arguments: [0, 2, 3, 4, 7] as [UInt8])
    func `states that are damaged are not exported`(state: UInt8) throws {
        for hasFreeSlots in [false, true] {
            let fixture = try StoreFixture(300)
            if hasFreeSlots { try fixture.open(.readWrite).erase([200, 201]) }
            let level0 = fixture.path.appending("level0"), geometry = fixture.configuration.superblock.geometry
            let pieces = geometry.layout(segments: 2)[0].pieces
            var bytes = try readBytes(level0)
            bytes[pieces.first { $0.column == .slotTable }!.fileOffset + 16 * 33 + 9] = state
            try writeBytes(bytes, to: level0)
            let file = fixture.directory.appending("exported.bin")
            let error = storeError { try fixture.open().exportHnswlib(to: file) }
            #expect(error?.code == .corrupt && error?.message.contains("cairn verify") == true)
            #expect(!names(in: fixture.directory.path).contains("exported.bin"))
        }
    }

    /// hnswlib believes what a file says of its lists.
    @Test func `no list is exported that is longer than lists are`() throws {
        let fixture = try StoreFixture(300)
        let level0 = fixture.path.appending("level0"), geometry = fixture.configuration.superblock.geometry
        let heads = geometry.layout(segments: 2)[0].pieces.first { $0.column == .linkHeads }!.fileOffset
        var bytes = try readBytes(level0)
        for slot in 0..<50 { bytes.store([17, 0xffff][slot % 2] as UInt16, at: heads + 4 * slot) }
        try writeBytes(bytes, to: level0)
        let file = fixture.directory.appending("exported.bin")
        try fixture.open().exportHnswlib(to: file)
        let exported = try readBytes(file), size = 4 + 4 * 16 + 4 * 8 + 8
        for slot in 0..<300 { #expect(exported.integer(at: 96 + slot * size, as: UInt16.self) <= 16) }
    }
}
