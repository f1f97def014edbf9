import FileFormat
import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// Data that codes of one grid lose the order of: the store uses other codes, or none, and says so.
@Suite struct CodePromiseTests {
    /// How vectors come into a store.
    enum Way: CaseIterable { case built, live, later, inMemory }

    /// Vectors of 40 components, and what becomes of stores that ask for codes of them.
    enum Data: CaseIterable {
        case even, wideComponent, longRows, table

        var dimensions: Int { self == .table ? 6 : 40 }

        func rows(_ count: Int, seed: UInt64) -> [[Float]] {
            let rows = seededVectors(count: count, dimensions: dimensions, seed: seed).rows(dimensions)
            return rows.enumerated().map { number, row in
                switch self {
                case .even: row
                case .wideComponent: row.enumerated().map { $0 == 7 ? 3000 * $1 : $1 }
                case .longRows: number % 250 == 11 ? row.map { 1000 * $0 } : row
                case .table: zip(row, [20, 1, 90_000, 5, 1, 3]).map { $0 * $1 }
                }
            }
        }

        var used: Set<VectorStore.QuantizationReport.Kind> {
            switch self {
            case .even, .longRows: [.scalar8]
            case .wideComponent: [.half]
            case .table: [.none, .scalar8]
            }
        }
    }

    private func store(_ data: Data, _ way: Way, _ codes: VectorStore.Quantization, in directory: TemporaryDirectory)
        throws -> VectorStore
    {
        let path = directory.appending("\(codes)"), rows = data.rows(1600, seed: 1)
        let configuration = VectorStore.Configuration(
            dimensions: data.dimensions, m: 8, efConstruction: 60, quantization: way == .later ? .none : codes)
        let writing = VectorStore.OpenOptions(access: .readWrite, threads: 1)
        switch way {
        case .built: try VectorStore.build(at: path, configuration: configuration, vectors: rows.flatMap { $0 })
        case .live, .later:
            let store = try VectorStore.create(at: path, configuration: configuration, options: writing)
            for first in stride(from: 0, to: rows.count, by: 200) {
                try store.add(Array(rows[first..<first + 200]), from: first)
            }
            if way == .later { try store.setQuantization(codes) }
            try store.close()
        case .inMemory:
            let store = try VectorStore(inMemory: configuration)
            for first in stride(from: 0, to: rows.count, by: 200) {
                try store.add(Array(rows[first..<first + 200]), from: first)
            }
            return store
        }
        return try VectorStore.open(at: path, options: writing)
    }

    @Test(arguments: Data.allCases, Way.allCases)
    func `no more is lost than is promised`(data: Data, way: Way) throws {
        let directory = try TemporaryDirectory(), queries = data.rows(150, seed: 2)
        let plain = try store(data, way, .none, in: directory)
        #expect(try plain.info.quantization == nil)
        let coded = try store(data, way, .scalar8, in: directory)
        let report = try #require(try coded.info.quantization)
        #expect(report.requested == .scalar8 && data.used.contains(report.used), "\(report)")
        #expect((report.reason == nil) == (report.used == .scalar8))
        for width in [10, 50, 200] {
            let without = try plain.recall(queries, width: width), with = try coded.recall(queries, width: width)
            // Beyond what is promised, 150 queries have their own chance.
            #expect(
                with >= without - VectorStore.QuantizationReport.promise - 0.01,
                "ef \(width): \(with), by vectors \(without)")
        }
        let verified = try coded.verify()
        #expect(verified.problems == [] && verified.quantization?.used == report.used)
        #expect(verified.warnings.count == (report.reason == nil ? 0 : 1), "\(verified.warnings)")
        if report.used == .none {
            #expect(try coded.info.quantizationBytes == 0 && report.losses == [] && !report.attempts.isEmpty)
        } else {
            #expect(report.losses.map(\.ef) == [10, 20, 50, 100, 200] && report.queries >= 64)
            #expect((report.worst?.lost ?? 1) <= VectorStore.QuantizationReport.promise)
        }
    }

    /// The file says that nothing keeps the promise, so that not every opening tries again.
    @Test func `a store without codes that hold remembers it`() throws {
        let store = try CodedStore(.scalar4, dimensions: 6), rows = Data.table.rows(1500, seed: 3)
        let opened = try store.create()
        try opened.add(Array(rows[..<700]), from: 0)
        try opened.checkpoint()
        #expect(try opened.info.quantization?.used == VectorStore.QuantizationReport.Kind.none)
        try opened.close()
        let header = try #require(CodedStore.header(store.path)), makings = store.makings
        #expect(
            header.kind == 0 && header.requested == VectorStore.Quantization.scalar4.stored
                && header.attempts.count == 1)
        for access in [VectorStore.OpenOptions.Access.readOnly, .readWrite] {
            let again = try store.open(access)
            let report = try #require(try again.info.quantization)
            #expect(report.used == .none && report.reason?.hasPrefix("sq4 may lose ") == true, "\(report)")
            #expect(try again.verify().warnings.count == 1)
            try again.close()
        }
        let writer = try store.open()
        try writer.add(Array(rows[700..<900]), from: 700)
        try writer.checkpoint()
        #expect(store.makings == makings && CodedStore.header(store.path)?.recent.count == 200)
        // Four times as many vectors, or others: it tries again.
        try writer.add(store.rows(2200, seed: 9), from: 10_000)
        try writer.markDeleted([0])
        #expect(store.makings > makings)
        try writer.close()
    }

    /// Codes were made for vectors a hundred times as long; what comes has all one place by them.
    @Test func `vectors that codes tell not apart are found at once`() throws {
        let store = try CodedStore(.scalar8), opened = try store.create()
        try opened.add(store.rows(300).map { $0.map { 100 * $0 } }, from: 0)
        try opened.checkpoint()
        #expect(try opened.info.quantization?.used == .scalar8)
        let queries = store.rows(60, seed: 8)
        let plain = try VectorStore(inMemory: .init(dimensions: 24, m: 6, efConstruction: 40))
        try plain.add(store.rows(300).map { $0.map { 100 * $0 } }, from: 0)
        for round in 1...4 {
            let rows = store.rows(250, seed: UInt64(10 + round))
            try opened.add(rows, from: 1000 * round)
            try plain.add(rows, from: 1000 * round)
            let with = try opened.recall(queries, width: 40), without = try plain.recall(queries, width: 40)
            #expect(with >= without - 0.02, "round \(round): \(with), by vectors \(without)")
        }
        try opened.close()
        try store.open(.readOnly).expectSound(queries, codes: true, least: 0.8)
    }

    @Test func `verify warns of codes that lose too much`() throws {
        let store = try CodedStore(.scalar4)
        try store.build(1500)
        var bytes = try readBytes(CodedStore.file(store.path))
        #expect(try store.open(.readOnly).verify().warnings == [])
        // As another program may have left it: all rows have one code.
        let rows = CodeFileHeader.rowsOffset(dimensions: 24)
        for index in rows..<bytes.count { bytes[index] = bytes[rows + (index - rows) % 64] }
        try writeBytes(bytes, to: CodedStore.file(store.path))
        let report = try store.open(.readOnly).verify()
        #expect(report.warnings.count == 1 && report.warnings[0].contains("'cairn quantize'"), "\(report.warnings)")
        #expect((report.quantization?.worst?.lost ?? 0) > 0.2)
        let writer = try store.open()
        try writer.setQuantization(.scalar4)
        #expect(try writer.verify().warnings == [])
    }

    /// As every store made before 0.2 has it.
    @Test func `a file of version 1 is made again`() throws {
        let store = try CodedStore(.scalar8), queries = store.rows(10, seed: 5)
        try store.build(700)
        var bytes = try readBytes(CodedStore.file(store.path))
        bytes[8] = 1
        for index in 112..<508 { bytes[index] = 0 }
        let checksum = Checksum.crc32c(bytes, prefix: 508)
        for byte in 0..<4 { bytes[508 + byte] = UInt8(truncatingIfNeeded: checksum >> (8 * UInt32(byte))) }
        try writeBytes(bytes, to: CodedStore.file(store.path))
        let reader = try store.open(.readOnly)
        try reader.expectSound(queries, codes: false, warnings: 1)
        try reader.close()
        try store.open().expectSound(queries, codes: true)
        #expect(store.makings == 1)
        try store.open(.readOnly).expectSound(queries, codes: true)
    }
}
