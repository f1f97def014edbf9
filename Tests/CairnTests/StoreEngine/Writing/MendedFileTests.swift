import FileFormat
import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// A writer that changes nothing makes derived files again that are missing or damaged: what `verify` promises.
@Suite struct MendedFileTests {
    private let store: CodedStore

    init() throws {
        store = try CodedStore(.scalar8)
        try store.build(300)
    }

    enum Writer: CaseIterable {
        case checkpoint, close, searchWidth, change

        func run(_ store: VectorStore) throws {
            switch self {
            case .checkpoint: try store.checkpoint()
            case .close: break
            case .searchWidth: try store.setEF(70)
            case .change: try store.markDeleted([7])
            }
        }
    }

    enum Damage: CaseIterable {
        case missing, empty, cut, beginning, end

        func apply(to file: FilePath) throws {
            var bytes = try readBytes(file)
            switch self {
            case .missing: return removeTree(file)
            case .empty: bytes = []
            case .cut: bytes.removeLast(bytes.count / 3)
            case .beginning: bytes[40] ^= 1
            // A page of labels that no change of the test comes to.
            case .end: bytes[bytes.count - 9] ^= 1
            }
            try writeBytes(bytes, to: file)
        }
    }

    /// What `verify` says of a file.
    private func remarks(_ path: FilePath, _ name: String) throws -> [String] {
        try remarks(VectorStore.open(at: path), name)
    }

    private func remarks(_ store: VectorStore, _ name: String) throws -> [String] {
        let report = try store.verify(depth: .checksums), subject = name == "codes" ? "quantization" : name
        return (report.problems + report.warnings).filter { $0.hasPrefix("\(subject): the file") }
    }

    @Test(arguments: ["upper", "labels", "codes"], Writer.allCases)
    func `any writer mends them`(name: String, writer: Writer) throws {
        for damage in Damage.allCases {
            let path = try store.copy("damaged")
            try damage.apply(to: path.appending(name))
            // Codes at the end of the file are those of slots that are not in use.
            guard name != "codes" || damage != .end else { continue }
            #expect(try remarks(path, name).count == 1, "\(damage)")
            let opened = try store.open(at: path)
            try writer.run(opened)
            if writer == .checkpoint { #expect(try remarks(opened, name) == [], "\(damage), before it is closed") }
            try opened.close()
            #expect(try remarks(path, name) == [], "\(damage)")
            let again = try VectorStore.open(at: path)
            #expect(try again.verify().isSound)
            for label in Label(0)..<300 { #expect(try again.contains(label) == (writer != .change || label != 7)) }
        }
    }

    /// Buckets that somebody changed who made the checksums right again.
    enum Buckets: CaseIterable {
        case emptied, invented, doubled, beyond, full, superseded, swapped

        /// Whether the buckets show it, without the labels of the slots.
        var isInconsistent: Bool { self != .superseded && self != .swapped }

        /// `former`: the slot that the last label that was updated had.
        func apply(to buckets: inout [UInt32], last: UInt32, former: UInt32) {
            let used = buckets.indices.filter { buckets[$0] != 0 }, free = buckets.indices.filter { buckets[$0] == 0 }
            switch self {
            case .emptied: buckets[used[5]] = 0
            case .invented: buckets[free[5]] = buckets[used[60]]
            case .doubled: buckets[used[5]] = buckets[used[60]]
            case .beyond: buckets[used[5]] = last + 1000
            // The slot that the label had: only its state says that it has it no more.
            case .superseded: buckets[buckets.firstIndex(of: buckets.max()!)!] = former
            case .swapped: buckets.swapAt(used[5], used[150])
            case .full: for bucket in free { buckets[bucket] = buckets[used[5]] }
            }
        }
    }

    /// The checksums of a damaged file may be right.
    @Test(arguments: Buckets.allCases, Writer.allCases)
    func `a file of labels that is wrong in itself is made again`(damage: Buckets, writer: Writer) throws {
        let writable = try store.open()
        try writable.erase([299])
        // The slot that it leaves has its label still.
        try writable.update(store.rows(1, seed: 5)[0], labels: [60])
        try writable.close()
        let path = try store.copy("damaged")
        try changeBuckets(path) { damage.apply(to: &$0, last: 300, former: 61) }
        #expect(try remarks(path, "labels").count == 1)
        let report = try VectorStore.verify(at: path, depth: .checksums)
        #expect(report.damage.isEmpty == damage.isInconsistent)
        if !damage.isInconsistent {
            #expect(storeError { _ = try VectorStore.repair(at: path) }?.code == .corrupt)
            removeTree(path.appending("labels"))
        }
        let opened = try store.open(at: path)
        try writer.run(opened)
        try opened.close()
        #expect(try remarks(path, "labels") == [])
        let again = try VectorStore.open(at: path)
        #expect(try again.verify().isSound)
        for label in Label(0)..<300 {
            #expect(try again.contains(label) == (label != 299 && (writer != .change || label != 7)), "\(label)")
        }
    }

    /// What was no slot at the checkpoint is none for lookups by its file, though the log has made more slots since.
    @Test func `a bucket with a slot that came after the checkpoint`() throws {
        let path = try store.copy("damaged")
        try changeBuckets(path) { buckets in
            for bucket in buckets.indices where (100...110).contains(buckets[bucket]) { buckets[bucket] += 210 }
        }
        let opened = try store.open(at: path)
        try opened.add(store.rows(100, seed: 3).flatMap { $0 }, labels: (1000..<1100).map { $0 })
        let killed = store.directory.appending("killed")
        try copyStore(from: path, to: killed)
        try opened.close()
        for path in [killed, path] {
            let again = try VectorStore.open(at: path)
            for label in Label(0)..<300 { #expect(try again.contains(label), "\(label)") }
        }
    }

    /// The log erases two slots, of which the slot table says that they have one label: one label leaves, and two slots.
    @Test(arguments: [(10, 20), (20, 10)])
    func `two slots of one label that are erased`(slot: Int, label: Label) throws {
        let writable = try store.open()
        try writable.erase([10, 20])
        let path = try store.copy("killed")
        try writable.close()
        try changeLabel(path, of: slot, to: label)
        let opened = try store.open(at: path)
        #expect(try remarks(opened, "labels") == [])
        try opened.close()
        #expect(try remarks(path, "labels") == [])
        let again = try VectorStore.open(at: path)
        #expect(try again.verify().isSound)
        for label in Label(0)..<300 { #expect(try again.contains(label) == (label != 10 && label != 20), "\(label)") }
    }

    /// Changes the label of a slot of the first segment, and makes the checksum of its page right again.
    private func changeLabel(_ path: FilePath, of slot: Int, to label: Label) throws {
        let file = path.appending("level0")
        var bytes = try readBytes(file)
        let superblock = try Superblock(decoding: Array(bytes[8192..<8704]))
        let segment = superblock.geometry.layout(segments: 1)[0]
        let pages = segment.pieces.prefix { $0.column != .slotTable }.reduce(0) { $0 + $1.length } / Geometry.pageSize
        let piece = try #require(segment.pieces.first { $0.column == .slotTable })
        let place = piece.fileOffset + slot * SlotEntry.size, page = place / Geometry.pageSize * Geometry.pageSize
        bytes.store(label, at: place)
        let number = pages + (page - piece.fileOffset) / Geometry.pageSize
        let entry = segment.pageTableOffset + PageTable.offset(ofEntry: number)
        bytes.store(checksum(bytes, page, Geometry.pageSize), at: entry)
        let table = entry / Geometry.pageSize * Geometry.pageSize
        bytes.store(checksum(bytes, table, Geometry.pageSize - 8), at: table + Geometry.pageSize - 8)
        try writeBytes(bytes, to: file)
    }

    private func checksum(_ bytes: [UInt8], _ start: Int, _ length: Int) -> UInt32 {
        Checksum.crc32c(Array(bytes[start..<start + length]), prefix: length)
    }

    /// Changes buckets of the one page of `labels`, and makes its checksums right again.
    private func changeBuckets(_ path: FilePath, _ change: (inout [UInt32]) -> Void) throws {
        let file = path.appending("labels")
        var bytes = try readBytes(file)
        let start = bytes.count - 4 * 512
        var buckets = (0..<512).map { bytes.integer(at: start + 4 * $0, as: UInt32.self) }
        #expect(buckets.count { $0 != 0 } >= 299)
        change(&buckets)
        for (bucket, value) in buckets.enumerated() { bytes.store(value, at: start + 4 * bucket) }
        bytes.store(Checksum.crc32c(Array(bytes[start...]), prefix: 4 * 512), at: LabelIndexFile.checksumOffset)
        let decoded = DerivedFile(decoding: Array(bytes[..<DerivedFile.size]), kind: .labels)
        let header = try #require(decoded)
        let checksums = Array(bytes[LabelIndexFile.checksumOffset..<start])
        let sealed = DerivedFile(
            kind: .labels, layout: header.layout, generation: header.generation, count: header.count,
            extent: header.extent, bodyChecksum: Checksum.crc32c(checksums, prefix: checksums.count))
        bytes.replaceSubrange(0..<DerivedFile.size, with: sealed.encoded())
        try writeBytes(bytes, to: file)
    }

    @Test func `all of them at once, and readers write nothing`() throws {
        for name in ["upper", "labels", "codes"] { removeTree(store.path.appending(name)) }
        try store.open(.readOnly).close()
        #expect(names(in: store.path) == ["level0", "lock"])
        let opened = try store.open()
        try opened.checkpoint()
        #expect(try opened.verify().problems == [])
        try opened.close()
        #expect(names(in: store.path) == ["codes", "labels", "level0", "lock", "upper"])
        #expect(try store.open(.readOnly).verify().warnings == [])
    }

    @Test func `a sound file is not written again`() throws {
        let before = try readBytes(store.path.appending("labels"))
        let opened = try store.open()
        try opened.checkpoint()
        try opened.checkpoint()
        try opened.close()
        #expect(store.system.count(.open, "labels.new") == 0 && store.system.count(.open, "upper.new") == 0)
        #expect(try readBytes(store.path.appending("labels")) == before)
    }

    /// What is derived can wait.
    @Test func `without room for it the store stays as it is`() throws {
        removeTree(store.path.appending("labels"))
        let opened = try store.open()
        store.system.fail(.open, "labels.new", with: .noSpace)
        #expect(storeError { try opened.checkpoint() }?.code == .full)
        try opened.markDeleted([3])
        store.system.fail(.open, "labels.new", with: nil)
        try opened.checkpoint()
        #expect(try remarks(opened, "labels") == [])
        try opened.close()
        #expect(try store.open(.readOnly).count == 299)
    }
}
