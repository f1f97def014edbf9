import Allocation
import FileFormat
import HNSW
import MappedStorage
import Synchronization
import SystemPackage

/// The file `labels` as one checkpoint left it: a derived header, the CRC32C of each bucket page (u32, filled up to a
/// whole page), then the bucket pages. Any thread may read it.
///
/// A later checkpoint writes into the same file. It keeps the pages that it overwrites for those who still read this
/// state.
final class LabelIndexFile: Sendable {
    let file: File
    let bucketCount: Int
    let count: Int
    /// The slots of the state that the file belongs to: a bucket that holds a later one is damaged, whatever slots there
    /// are by now.
    let slotCount: Int
    /// As they are in the file.
    let checksums: [UInt8]
    let graph: Graph
    private let overwritten = AtomicLazyReference<Pages>()
    static let bucketsPerPage = Geometry.pageSize / 4

    /// Bucket pages by number.
    final class Pages: Sendable {
        let bytes: [Int: [UInt8]]
        init(_ bytes: [Int: [UInt8]]) { self.bytes = bytes }
    }

    private static func checksumBytes(_ buckets: Int) -> Int {
        roundUp((buckets + bucketsPerPage - 1) / bucketsPerPage * 4, to: Geometry.pageSize)
    }
    static let checksumOffset = Geometry.pageSize
    static func bucketOffset(_ buckets: Int) -> Int { checksumOffset + checksumBytes(buckets) }

    /// Opens the file if it is whole, and belongs to the state of `state`; nil if it has to be rebuilt. Throws only for
    /// want of memory or of open files.
    init?(
        _ entry: Directory.Entry, of state: HeaderSlot, graph: Graph, writable: Bool
    ) throws(StorageError) {
        let found = try unlessShort { () throws(StorageError) in
            let file = try File(entry, writable ? .readWrite : .read)
            return (file, try file.size(), try file.read(count: DerivedFile.size, at: 0))
        }
        guard let (file, size, bytes) = found, let header = DerivedFile(decoding: bytes, kind: .labels),
            header.layout == state.layout, header.generation == state.graphGeneration,
            header.count == state.labelCount,
            header.extent >= 64, header.extent.nonzeroBitCount == 1,
            header.extent <= size, size == Self.bucketOffset(header.extent) + header.extent * 4,
            let checksums = try unlessShort({ () throws(StorageError) in
                try file.read(count: Self.checksumBytes(header.extent), at: Self.checksumOffset)
            }),
            Checksum.crc32c(checksums, prefix: checksums.count) == header.bodyChecksum
        else { return nil }
        self.file = file
        self.checksums = checksums
        self.graph = graph
        bucketCount = header.extent
        count = header.count
        // Another process may have changed the header that a check reads again.
        slotCount = min(state.slotCount, graph.publishedSlotCount)
    }

    /// The file after a checkpoint that changes `former`, and writes `state`.
    init(after former: LabelIndexFile, of state: HeaderSlot, count: Int, checksums: [UInt8]) {
        (file, graph, bucketCount) = (former.file, former.graph, former.bucketCount)
        self.count = count
        slotCount = state.slotCount
        self.checksums = checksums
    }

    /// Why a lookup has no answer.
    struct Damaged: Error {}

    /// A page of buckets: 1024 of them, or all when there are fewer.
    func page(_ number: Int) throws(Damaged) -> [UInt8] {
        if let bytes = overwritten.load()?.bytes[number] { return bytes }
        let length = min(Geometry.pageSize, bucketCount * 4)
        let bytes = try? file.read(count: length, at: Self.bucketOffset(bucketCount) + number * Geometry.pageSize)
        // Whoever overwrites a page keeps it first.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        if let bytes = overwritten.load()?.bytes[number] { return bytes }
        guard let bytes, bytes.count == length,
            Checksum.crc32c(bytes, prefix: length) == checksums.integer(at: number * 4, as: UInt32.self)
        else { throw Damaged() }
        return bytes
    }

    /// Has readers of this state find these pages, which are about to be overwritten. Once.
    func keep(_ pages: Pages) {
        _ = overwritten.storeIfNil(pages)
        atomicMemoryFence(ordering: .sequentiallyConsistent)
    }

    /// Heap memory of the pages that are kept.
    var keptBytes: Int { (overwritten.load()?.bytes.count ?? 0) * Geometry.pageSize }

    /// The label of a slot that a bucket holds.
    func label(_ slot: UInt32) throws(Damaged) -> Label {
        guard slot < slotCount else { throw Damaged() }
        return graph.slots.label(slot)
    }

    /// Two slots have this label, which only a damaged store's can.
    struct RepeatedLabel: Error {
        let label: Label
    }

    /// Writes the index of the slots of `graph`, in the state of `header`, in the place of the file of the store in
    /// `directory`, and opens it for writing; nil when that fails. The store does without the file while a directory
    /// with something in it has the name. The file is left as it was where a label comes twice.
    static func replace(
        in directory: Directory, graph: Graph, header: HeaderSlot
    ) throws(StorageError) -> Result<LabelIndexFile?, RepeatedLabel> {
        let entry = directory[StoreName.labels], temporary = directory[StoreName.newLabels]
        guard entry.makeWay() && temporary.makeWay() else { return .success(nil) }
        try? temporary.unlink()
        let repeated = try write(
            temporary, slots: graph.slots, slotCount: header.slotCount, layout: header.layout,
            generation: header.graphGeneration)
        if let repeated { return .failure(RepeatedLabel(label: repeated)) }
        try temporary.rename(to: StoreName.labels, "replace the file")
        return .success(
            try? LabelIndexFile(
                entry, of: header, graph: graph, writable: true))
    }

    /// Writes the index of the live and marked slots below `slotCount` to `entry` and makes it durable. Returns nil or,
    /// if two have the same label, that label.
    static func write(
        _ entry: Directory.Entry, slots: SlotRecords, slotCount: Int, layout: Identifier, generation: Generation
    ) throws(StorageError) -> Label? {
        let index = try claiming(entry.path, LabelIndex(slots: slots, expected: slotCount))
        for slot in 0..<UInt32(slotCount) where slots.state(slot).hasLabel {
            let label = slots.label(slot)
            if index.slot(of: label) != nil { return label }
            index.add(slot, label)
        }
        try write(
            entry, buckets: index.table, count: index.count, layout: layout, generation: generation)
        return nil
    }

    /// Writes the buckets of `count` labels to `entry` and makes them durable.
    static func write(
        _ entry: Directory.Entry, buckets table: UncheckedBuffer<UInt32>, count: Int, layout: Identifier,
        generation: Generation
    ) throws(StorageError) {
        let file = try File(entry, .create)
        try claiming(entry.path, ProcessMemory.expect(checksumBytes(table.count)))
        var checksums = [UInt8](repeating: 0, count: checksumBytes(table.count))
        try file.allocate(from: 0, to: bucketOffset(table.count) + table.count * 4)
        for start in stride(from: 0, to: table.count, by: bucketsPerPage) {
            let length = min(bucketsPerPage, table.count - start)
            var page = [UInt8](repeating: 0, count: length * 4)
            for bucket in 0..<length { page.store(table[start + bucket], at: bucket * 4) }
            checksums.store(Checksum.crc32c(page, prefix: page.count), at: start / bucketsPerPage * 4)
            try file.write(page, at: bucketOffset(table.count) + start * 4)
        }
        try file.write(checksums, at: checksumOffset)
        let header = DerivedFile(
            kind: .labels, layout: layout, generation: generation, count: count, extent: table.count,
            bodyChecksum: Checksum.crc32c(checksums, prefix: checksums.count))
        try file.write(header.encoded(), at: 0)
        try file.synchronize()
    }
}

/// Buckets of the file as one thread reads them, with the page that was read last.
final class LabelFileReader: LabelBuckets {
    private let file: LabelIndexFile
    private var number = -1
    private var page: [UInt8] = []

    init(_ file: LabelIndexFile) {
        self.file = file
    }

    var bucketCount: Int { file.bucketCount }

    func load(_ bucket: Int) throws(LabelIndexFile.Damaged) -> UInt32 {
        let wanted = bucket / LabelIndexFile.bucketsPerPage
        if wanted != number {
            page = try file.page(wanted)
            number = wanted
        }
        return page.integer(at: bucket % LabelIndexFile.bucketsPerPage * 4)
    }

    func label(_ slot: UInt32) throws(LabelIndexFile.Damaged) -> Label { try file.label(slot) }
}
