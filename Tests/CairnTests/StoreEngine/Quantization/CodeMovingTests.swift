import FileFormat
import HnswlibFile
import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// Codes stay out of what leaves a store, and go along with a copy of it.
@Suite struct CodeMovingTests {
    private func exported(_ path: FilePath, _ directory: TemporaryDirectory) throws -> [UInt8] {
        let file = directory.appending("exported.bin")
        try VectorStore.open(at: path).exportHnswlib(to: file)
        return try readBytes(file)
    }

    @Test(arguments: [VectorStore.Quantization.scalar8, .scalar4], [VectorStore.Metric.l2, .cosine])
    func `an export does not depend on codes`(codes: VectorStore.Quantization, metric: VectorStore.Metric) throws {
        let plain = try CodedStore(.none, metric: metric)
        try plain.build(700)
        let coded = try plain.copy("coded")
        try plain.open(at: coded).setQuantization(codes)
        #expect(try VectorStore.open(at: coded).info.quantizationBytes > 0)
        #expect(try exported(coded, plain.directory) == exported(plain.path, plain.directory))
    }

    @Test func `an import that only got codes comes out as it went in`() throws {
        let fixture = try HnswlibFixture(600)
        let path = fixture.store.directory.appending("imported")
        let report = try VectorStore.importHnswlib(from: fixture.file, to: path, options: .init(metric: .l2))
        #expect(report.configuration.quantization == .none)
        for codes in [VectorStore.Quantization.scalar4, .scalar8, .none] {
            let opened = try VectorStore.open(at: path, options: .init(access: .readWrite))
            try opened.setQuantization(codes)
            try opened.close()
            let reader = try VectorStore.open(at: path)
            let (bytes, report) = try fixture.exported(reader)
            #expect(bytes == fixture.bytes && report.isOriginal, "\(codes)")
            #expect(try (reader.info.quantizationBytes > 0) == (codes != .none))
        }
    }

    @Test(
        arguments: [VectorStore.Quantization.scalar8, .scalar4], [nil, VectorStore.Metric.l2, .innerProduct, .cosine])
    func `a copy has codes of its own at once`(codes: VectorStore.Quantization, metric: VectorStore.Metric?) throws {
        let store = try CodedStore(codes)
        try store.build(600)
        do {
            let opened = try store.open()
            try opened.erase((0..<50).map { Label($0) })
            try opened.markDeleted([60])
        }
        let copy = store.directory.appending("copy")
        try VectorStore.copy(from: store.path, to: copy, metric: metric)
        let reader = try store.open(.readOnly, at: copy)
        #expect(try reader.configuration.quantization == codes && reader.configuration.metric == metric ?? .l2)
        #expect(try reader.info.quantizationBytes > 0)
        if metric == nil { try reader.expectSound(store.rows(10, seed: 5), codes: true) }
        #expect(try reader.verify().problems == [] && reader.verify().warnings == [])
        #expect(CodedStore.header(copy)?.isProduct == (metric ?? .l2 != .l2))
        #expect(names(in: copy) == ["codes", "labels", "level0", "lock", "upper"])
        try reader.close()
        let writer = try store.open(at: copy)
        #expect(store.makings == 0, "they are those that the copy came with")
        try writer.add(store.rows(30, seed: 3), from: 5000)
        try writer.checkpoint()
        #expect(try writer.verify().problems == [])
    }

    @Test func `a copy for a distance that only a function knows has none`() throws {
        unsafe VectorStore.registerDistance("codes-chebyshev") { a, b in
            let left = unsafe a.bindMemory(to: Float.self)
            let right = unsafe b.bindMemory(to: Float.self)
            var most: Float = 0
            for index in 0..<left.count { most = unsafe max(most, abs(left[index] - right[index])) }
            return most
        }
        let store = try CodedStore(.scalar4)
        try store.build(300)
        let copy = store.directory.appending("copy")
        try VectorStore.copy(from: store.path, to: copy, metric: .custom(name: "codes-chebyshev"))
        let reader = try VectorStore.open(at: copy)
        #expect(try reader.configuration.quantization == .none && reader.info.quantizationBytes == 0)
        #expect(names(in: copy) == ["labels", "level0", "lock", "upper"])
    }

    @Test func `copies of small stores, and of stores without codes`() throws {
        for (codes, count) in [(VectorStore.Quantization.scalar4, 100), (.scalar8, 0), (.none, 600)] {
            let store = try CodedStore(codes), copy = store.directory.appending("copy")
            try store.build(count)
            try VectorStore.copy(from: store.path, to: copy)
            let reader = try VectorStore.open(at: copy)
            #expect(try reader.configuration.quantization == codes && reader.info.quantizationBytes == 0)
            #expect(names(in: copy) == ["labels", "level0", "lock", "upper"])
        }
    }

    @Test func `a file of codes goes with the store when that is moved`() throws {
        let store = try CodedStore(.scalar8)
        try store.build(400)
        let moved = try store.copy("moved")
        try store.open(.readOnly, at: moved).expectSound(store.rows(10, seed: 5), codes: true)
        try store.open(at: moved).close()
        #expect(store.makings == 0)
    }
}
