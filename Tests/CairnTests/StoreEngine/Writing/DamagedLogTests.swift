import FileFormat
import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// Logs that are not what was written: torn at their end, which is what a crash leaves, or damaged before it, which no
/// crash does.
@Suite struct DamagedLogTests {
    private let written: WrittenStore
    private let models: [StoreModel]
    private let log: FilePath
    private let bytes: [UInt8]
    /// Where each batch's frames begin, and the last one's end.
    private let batches: [Int]

    private static let steps: [[Change]] = {
        let rows = vectors(30, dimensions: 3, scalar: .float32, seed: 4).rows(3)
        return [
            (0..<12).map { .add(Label($0), rows[$0], replacingMarked: false) }, [.mark(1), .update(2, rows[20])],
            [.erase(3), .add(50, rows[21], replacingMarked: false)], [.unmark(1)], [.upsert(60, rows[22]), .erase(2)],
            [.mark(60), .add(61, rows[23], replacingMarked: false)],
        ]
    }()

    /// Six durable batches in the log, none of them in the file, as a crash would leave them.
    init() throws {
        written = try WrittenStore(dimensions: 3)
        var models = [StoreModel(written.configuration)]
        let store = try written.create()
        for step in Self.steps {
            try store.write(VectorStore.WriteBatch(step))
            var next = models[models.count - 1]
            _ = next.apply(step)
            models.append(next)
        }
        self.models = models
        let copy = try written.copy("crashed")
        try copyStore(from: copy, to: written.directory.appending("damaged"))
        log = WrittenStore.logs(written.directory.appending("damaged"))[0]
        bytes = try readBytes(log)
        batches = Self.batches(bytes)
        try #require(batches.count == Self.steps.count + 1)
    }

    private var path: FilePath { log.removingLastComponent().removingLastComponent() }

    /// Offsets of the batches, by their commits.
    private static func batches(_ bytes: [UInt8]) -> [Int] {
        var offsets = [LogFileHeader.size], offset = LogFileHeader.size
        while offset + LogFrame.headerSize < bytes.count {
            let header = bytes[offset..<offset + LogFrame.headerSize]
            let frame = unsafe header.withUnsafeBytes { unsafe LogFrame(decoding: $0) }
            guard let frame else { break }
            offset += frame.byteCount
            if frame.kind == .commit { offsets.append(offset) }
        }
        return offsets
    }

    private func options(
        _ access: VectorStore.OpenOptions.Access, _ damage: VectorStore.OpenOptions.LogDamage = .fail
    ) -> VectorStore.OpenOptions { .init(access: access, logDamage: damage, threads: 1) }

    private func expect(
        _ model: StoreModel, _ access: VectorStore.OpenOptions.Access, _ comment: Comment,
        damage: VectorStore.OpenOptions.LogDamage = .fail, isDamaged: Bool = true,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let store = try VectorStore.quick(at: path, options: options(access, damage))
        var differences = try model.differences(from: store, queries: [[0, 0, 0]])
        if access == .readOnly && damage == .discardRest && isDamaged {
            // A reader leaves the log as it is, and checking says so.
            #expect(
                differences.count == 1 && differences[0].hasPrefix(log.string), comment, sourceLocation: sourceLocation)
            differences = []
        }
        #expect(differences == [], comment, sourceLocation: sourceLocation)
        try store.close()
    }

    /// Writes damaged bytes in place of the log, and whatever a writer has done since is undone.
    private func restore(_ damaged: [UInt8]) throws -> FilePath {
        removeTree(path)
        try copyStore(from: written.directory.appending("crashed"), to: path)
        try writeBytes(damaged, to: log)
        return path
    }

    @Test func `whole, it gives every batch`() throws {
        for damage in [VectorStore.OpenOptions.LogDamage.fail, .discardRest] {
            try expect(models[6], .readOnly, "for reading", damage: damage, isDamaged: false)
        }
        try expect(models[6], .readWrite, "for writing")
        try expect(models[6], .readOnly, "after that")
    }

    /// Offsets in a batch: in the first frame's header, its payload, and its commit.
    private func places(_ batch: Int) -> [Int] {
        let start = batches[batch], end = batches[batch + 1]
        return [0, 3, 4, 8, 16, 20, 24, 25, 40].map { start + $0 }.filter { $0 < end } + [end - 90, end - 33]
    }

    @Test(arguments: 0..<5)
    func `damage before later batches is an error that names the way out`(batch: Int) throws {
        for place in places(batch) {
            var damaged = bytes
            damaged[place] ^= 0x10
            _ = try restore(damaged)
            for access in [VectorStore.OpenOptions.Access.readOnly, .readWrite] {
                let error = storeError("byte \(place)") {
                    _ = try VectorStore.quick(at: path, options: options(access))
                }
                #expect(error?.code == .corrupt, "byte \(place)")
                #expect(error?.path == log)
                #expect(error?.message.contains("salvage") == true, "\(error?.message ?? "")")
            }
            #expect(storeError { _ = try VectorStore.verify(at: path, depth: .header) }?.code == .corrupt)
            try expect(models[batch], .readOnly, "byte \(place), for reading", damage: .discardRest)
        }
        let error = storeError { _ = try VectorStore.quick(at: path, options: options(.readOnly)) }
        #expect(error?.code == .corrupt, "a reader mends nothing")
        try expect(models[batch], .readWrite, "for writing", damage: .discardRest)
        // What a writer discarded is gone; nobody has to say so again.
        try expect(models[batch], .readOnly, "after a writer")
        let store = try VectorStore.quick(at: path, options: options(.readWrite))
        try store.add([9, 9, 9], labels: [999])
        try store.close()
        var model = models[batch]
        _ = model.apply([.add(999, [9, 9, 9], replacingMarked: false)])
        try expect(model, .readOnly, "after another change")
    }

    @Test func `a torn end is no part of the log`() throws {
        let start = batches[5], end = batches[6]
        for length in stride(from: start, to: end, by: 13) {
            for fill in [nil, 0, 0xa5] as [UInt8?] {
                var torn = Array(bytes[..<length])
                if let fill { torn += [UInt8](repeating: fill, count: bytes.count - length) }
                // A last byte that is the one that was written is no damage.
                guard torn != bytes else { continue }
                _ = try restore(torn)
                try expect(
                    models[5], .readOnly, "\(length) of \(end) bytes, then \(fill.map(String.init) ?? "nothing")")
            }
            try expect(models[5], .readWrite, "\(length) of \(end) bytes, for writing")
            try expect(models[5], .readWrite, "and again")
        }
    }

    @Test func `a log that is cut ends there`() throws {
        for (batch, end) in batches.enumerated() {
            _ = try restore(Array(bytes[..<end]))
            try expect(models[batch], .readOnly, "after batch \(batch)")
            _ = try restore(Array(bytes[..<end]) + [UInt8](repeating: 0xff, count: 4000))
            try expect(models[batch], .readWrite, "after batch \(batch)")
        }
    }

    @Test func `frames of an earlier life are not taken for new ones`() throws {
        // Batch 3 again behind the last, as blocks that were used before might have it.
        let old = Array(bytes[batches[2]..<batches[3]])
        var damaged = bytes
        damaged.replaceSubrange(batches[6]..<batches[6] + old.count, with: old)
        _ = try restore(damaged)
        try expect(models[6], .readOnly, "old frames")
    }

    @Test(arguments: ["missing", "empty", "short", "magic", "salt", "of another store", "of a later version"])
    func `a log that is not the store's is an error`(_ kind: String) throws {
        _ = try restore(bytes)
        var header = try LogFileHeader(decoding: Array(bytes[..<LogFileHeader.size]))
        switch kind {
        case "missing": removeTree(log)
        case "empty": try writeBytes([], to: log)
        case "short": try writeBytes(Array(bytes[..<300]), to: log)
        case "magic": try writeBytes([0] + bytes[1...], to: log)
        case "salt":
            header.salt = .random()
            try writeBytes(header.encoded() + bytes[LogFileHeader.size...], to: log)
        case "of another store":
            let other = try DamagedLogTests()
            #expect(other.log.lastComponent == log.lastComponent)
            try writeBytes(other.bytes, to: log)
        default:
            var sector = header.encoded()
            sector.store(UInt32(2), at: 8)
            sector.store(Checksum.crc32c(sector, prefix: 508), at: 508)
            try writeBytes(sector + bytes[LogFileHeader.size...], to: log)
        }
        let isNewer = kind == "of a later version"
        let before = try snapshot(path)
        for access in [VectorStore.OpenOptions.Access.readOnly, .readWrite] {
            let error = storeError { _ = try VectorStore.quick(at: path, options: options(access)) }
            #expect(error?.code == (isNewer ? .incompatible : .corrupt))
            #expect(error?.path == log)
            #expect(isNewer || error?.message.contains("discardRest") == true, "\(error?.message ?? "")")
        }
        // The lock's process id is all that a writer may have written.
        #expect(try snapshot(path).filter { $0.key != "lock" } == before.filter { $0.key != "lock" })
        guard !isNewer else { return }
        try expect(models[0], .readOnly, "for reading", damage: .discardRest)
        try expect(models[0], .readWrite, "for writing", damage: .discardRest)
        try expect(models[0], .readWrite, "after a writer")
    }

    @Test func `with a checkpoint in between, a missing log costs what came after it`() throws {
        let store = try written.open()
        try store.checkpoint()
        try store.erase([5])
        let copy = try written.copy("second")
        for log in WrittenStore.logs(copy) { removeTree(log) }
        #expect(storeError { _ = try VectorStore.quick(at: copy) }?.code == .corrupt)
        let salvaged = try VectorStore.quick(at: copy, options: options(.readWrite, .discardRest))
        #expect(try models[6].differences(from: salvaged, queries: [[0, 0, 0]]) == [])
    }
}
