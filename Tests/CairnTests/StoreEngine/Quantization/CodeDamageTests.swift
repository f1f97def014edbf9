import FileFormat
import HnswlibFile
import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// Whatever becomes of the file, the store opens, and answers are as good.
@Suite struct CodeDamageTests {
    private let store: CodedStore
    private let queries: [[Float]]
    /// The store after a build, and with changes in its log.
    private var states: [(name: String, path: FilePath)] = []
    private let older: [UInt8]

    init() throws {
        store = try CodedStore(.scalar4)
        queries = store.rows(12, seed: 5)
        try store.build(700)
        older = try readBytes(CodedStore.file(store.path))
        states.append(("built", try store.copy("built")))
        let opened = try store.open()
        try opened.update(store.rows(60, seed: 2).flatMap { $0 }, labels: (0..<60).map { Label($0) })
        try opened.checkpoint()
        states.append(("a checkpoint", try store.copy("checkpoint")))
        try opened.add(store.rows(80, seed: 3), from: 1000)
        try opened.erase((100..<150).map { Label($0) })
        states.append(("a log", try store.copy("log")))
        try opened.close()
    }

    private func resealed(_ bytes: [UInt8], _ change: (inout CodeFileHeader) -> Void) throws -> [UInt8] {
        var header = try #require(CodeFileHeader(decoding: Array(bytes[..<512])))
        change(&header)
        return header.encoded() + bytes[512...]
    }

    /// Files that do not fit, with names.
    private func damages(_ bytes: [UInt8]) throws -> [(name: String, bytes: [UInt8]?)] {
        let other = try CodedStore(.scalar4), otherKind = try CodedStore(.scalar8)
        try other.build(700)
        try otherKind.build(700)
        var flipped = bytes
        flipped[100] ^= 4
        return [
            ("missing", nil), ("empty", []), ("a part of the header", Array(bytes[..<300])),
            ("the header alone", Array(bytes[..<512])), ("without rows", Array(bytes[..<4096])),
            ("cut", Array(bytes[..<(4096 + 64 * 500)])), ("one byte short", Array(bytes[..<(4096 + 64 * 700 - 1)])),
            ("zeros", [UInt8](repeating: 0, count: bytes.count)), ("flipped", flipped),
            ("another store's", try readBytes(CodedStore.file(other.path))),
            ("another kind", try readBytes(CodedStore.file(otherKind.path))),
            ("another generation", try resealed(bytes) { $0.generation = $0.generation.next }),
            ("too few rows", try resealed(bytes) { $0.count = 699 }),
            ("another kind is asked for", try resealed(bytes) { $0.requested = 1 }),
            ("an unknown kind", try resealed(bytes) { $0.kind = 4 }),
            ("a center that is not there", try resealed(bytes) { $0.centerChecksum = 77 }),
            ("a turned one of half precision", try resealed(bytes) { ($0.kind, $0.isRotated) = (3, true) }),
            ("another number of components", try resealed(bytes) { $0.dimensions = 13 }),
            ("another metric", try resealed(bytes) { $0.isProduct = true }),
        ]
    }

    @Test func `a writer makes it again, a reader goes without`() throws {
        for (state, path) in states {
            for (name, bytes) in try damages(readBytes(CodedStore.file(path))) {
                let copy = store.directory.appending("damaged")
                removeTree(copy)
                try copyStore(from: path, to: copy)
                removeTree(CodedStore.file(copy))
                if let bytes { try writeBytes(bytes, to: CodedStore.file(copy)) }
                let comment: Comment = "\(state): \(name)"
                let reader = try store.open(.readOnly, at: copy)
                try reader.expectSound(queries, codes: false, warnings: 1, comment)
                #expect(try reader.verify().warnings[0].hasPrefix("quantization: "))
                #expect(try reader.configuration.quantization == .scalar4)
                try reader.close()
                let before = store.makings, writer = try store.open(at: copy)
                #expect(store.makings == before + 1, comment)
                try writer.expectSound(queries, codes: true, comment)
                try writer.add(store.rows(20, seed: 8), from: 7000)
                try writer.close()
                try store.open(.readOnly, at: copy).expectSound(queries, codes: true, comment)
                #expect(store.makings == before + 1, comment)
                #expect(names(in: copy).contains("codes.new") == false)
            }
        }
    }

    @Test func `an older file`() throws {
        let path = states[1].path
        try writeBytes(older, to: CodedStore.file(path))
        try store.open(.readOnly, at: path).expectSound(queries, codes: false, warnings: 1)
        try store.open(at: path).expectSound(queries, codes: true)
    }

    @Test func `a directory in its place`() throws {
        let path = states[0].path
        removeTree(CodedStore.file(path))
        try copyFiles(from: states[1].path.appending("log"), to: CodedStore.file(path))
        try store.open(.readOnly, at: path).expectSound(queries, codes: false, warnings: 1)
        // A writer cannot put a file there, and goes without too.
        let writer = try store.open(at: path)
        try writer.add(store.rows(20, seed: 8), from: 7000)
        try writer.expectSound(queries, codes: false, warnings: 1)
        try writer.close()
    }

    /// Rows have no checksum: searches decide by the vectors, and `verify` compares.
    @Test func `wrong rows`() throws {
        let path = states[0].path
        var bytes = try readBytes(CodedStore.file(path))
        for slot in [3, 77, 500] { bytes[4096 + 64 * slot + 2] ^= 0x11 }
        try writeBytes(bytes, to: CodedStore.file(path))
        let opened = try store.open(at: path)
        let report = try opened.verify(depth: .checksums)
        #expect(
            report.problems.count == 1 && report.problems[0].hasPrefix("quantization: the row of slot 3 "),
            "\(report.problems)")
        #expect(try opened.recall(queries) > 0.9)
        try opened.setQuantization(.scalar4)
        try opened.expectSound(queries, codes: true)
    }

    /// Every header that passes for one gives answers, or is refused; no distance by codes leads anywhere but to vectors.
    @Test func `hostile headers`() throws {
        let bytes = try readBytes(CodedStore.file(states[0].path))
        let changes: [(inout CodeFileHeader) -> Void] = [
            { $0.scale = .leastNonzeroMagnitude }, { $0.scale = .greatestFiniteMagnitude },
            { $0.low = -.greatestFiniteMagnitude }, { $0.low = .greatestFiniteMagnitude },
            { $0.margin = .greatestFiniteMagnitude }, { $0.margin = 0 }, { $0.depth = 1 << 16 }, { $0.depth = 0 },
            { $0.error = .greatestFiniteMagnitude }, { $0.trainedCount = 0 }, { $0.trainedCount = .init(Int32.max) },
            { $0.recent.count = 1 << 48 }, { $0.recent.loss = .greatestFiniteMagnitude },
            { $0.recent.beyond = 1 << 48 },
            { $0.recent.doubted = 1 << 48 }, { $0.measurement = nil }, { $0.isRotated.toggle() },
            { $0.levels = [UInt8](repeating: 127, count: 16) }, { $0.levels.reverse() },
        ]
        for (number, change) in changes.enumerated() {
            let path = store.directory.appending("hostile-\(number)")
            try copyStore(from: states[0].path, to: path)
            try writeBytes(resealed(bytes, change), to: CodedStore.file(path))
            let reader = try store.open(.readOnly, at: path)
            for query in queries {
                let found = try reader.walk(query, width: 100)
                #expect(found.count == 100 && found.map { $0.distance } == found.map { $0.distance }.sorted())
            }
            try reader.close()
            let writer = try store.open(at: path)
            // More recent rows than can be counted.
            for round in 0..<3 {
                try writer.update(
                    store.rows(100, seed: UInt64(number + round)).flatMap { $0 }, labels: (0..<100).map { Label($0) })
            }
            try writer.close()
        }
    }

    /// One torn header and the other lost: the journal stands in for both. What it says of the codes' file belongs to the file
    /// that there was then.
    @Test(arguments: [false, true])
    func `a journal that is older than the codes`(setsCodes: Bool) throws {
        let store = try CodedStore(.scalar4), opened = try store.create()
        try opened.add(store.rows(300), from: 0)
        try opened.checkpoint()
        let first = try #require(CodedStore.header(store.path))
        // Other data, so that other levels are right.
        for round in 0..<5 {
            try opened.add(store.rows(250, seed: UInt64(round + 3)).map { $0.map { $0 * 9 } }, from: 1000 * (round + 1))
            if setsCodes && round == 0 {
                try opened.setQuantization(.none)
                try opened.setQuantization(.scalar4)
                break
            }
        }
        let second = try #require(CodedStore.header(store.path))
        #expect(second.trainedCount > first.trainedCount && second.levels != first.levels)
        let copy = try store.copy("torn")
        var bytes = try readBytes(copy.appending("level0"))
        for offset in HeaderSlot.offsets { bytes[offset + 20] ^= 0xFF }
        try writeBytes(bytes, to: copy.appending("level0"))
        let writer = try store.open(at: copy)
        try writer.expectSound(queries, codes: true)
        try writer.close()
        try store.open(.readOnly, at: copy).expectSound(queries, codes: true)
    }

    /// What stands in free slots is of no account: a crash may have left anything there.
    @Test func `training looks at vectors that are in use`() throws {
        let store = try CodedStore(.scalar4)
        try store.build(600)
        do {
            let opened = try store.open()
            try opened.erase((100..<500).map { Label($0) })
            try opened.close()
        }
        var bytes = try readBytes(store.path.appending("level0"))
        let vectors = Geometry.prologue
        let slots = Set((100..<500).map { $0 })
        // Segment 0 has 256 vectors of 128 bytes at its beginning.
        for slot in slots where slot < 256 {
            for offset in 0..<96 { bytes[vectors + slot * 128 + offset] = offset % 4 == 3 ? 0x7F : 0xC0 }
        }
        try writeBytes(bytes, to: store.path.appending("level0"))
        removeTree(CodedStore.file(store.path))
        let opened = try store.open()
        try opened.expectSound(queries, codes: true)
        try opened.close()
        try store.open(.readOnly).expectSound(queries, codes: true)
    }

    /// hnswlib's files may hold vectors that no search can place.
    @Test(arguments: [VectorStore.Quantization.scalar8, .scalar4])
    func `vectors that are not numbers`(codes: VectorStore.Quantization) throws {
        var fixture = try HnswlibFixture(600)
        for (slot, value) in [(7, Float.nan), (300, .infinity), (301, -.infinity), (555, .nan)] {
            let place = fixture.element(slot) + fixture.header.labelOffset - 32
            for byte in 0..<4 {
                fixture.bytes[place + byte] = UInt8(truncatingIfNeeded: value.bitPattern >> (8 * UInt32(byte)))
            }
        }
        let path = try fixture.importChanged().path
        let opened = try VectorStore.open(at: path, options: .init(access: .readWrite, threads: 1))
        let queries = fixture.store.queries(20)
        let before = try queries.map { try opened.walk($0, width: 60).prefix(5).map { $0.label } }
        try opened.setQuantization(codes)
        let after = try queries.map { try opened.walk($0, width: 60).prefix(5).map { $0.label } }
        let same = zip(before, after).reduce(0) { $0 + Set($1.0).intersection($1.1).count }
        #expect(same >= 97)
        try opened.add(seededVectors(count: 1, dimensions: 8, seed: 3), labels: [9999])
        try opened.close()
        let inode = CodedStore.inode(path)
        #expect(try VectorStore.open(at: path).info.quantizationBytes > 0)
        try VectorStore.open(at: path, options: .init(access: .readWrite)).close()
        #expect(CodedStore.inode(path) == inode && inode != 0)
    }
}
