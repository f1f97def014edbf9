import FileFormat
import HNSW
import MappedStorage
import SystemPackage

/// The file `labels`: a derived header, the CRC32C of each bucket page (u32, filled up to a whole page), then the bucket
/// pages. Its owner lets one thread at a time in.
final class LabelIndexFile: LabelBuckets, @unchecked Sendable {
    private let file: File
    let bucketCount: Int
    private(set) var count: Int
    private var checksums: [UInt8]
    private let graph: Graph
    private static let bucketsPerPage = Geometry.pageSize / 4
    /// Pages that were changed and are not in the file yet, or the last one that was read.
    private var pages: [Int: [UInt8]] = [:]
    private var changedBuckets: Set<Int> = []

    private static func checksumBytes(_ buckets: Int) -> Int {
        roundUp((buckets + bucketsPerPage - 1) / bucketsPerPage * 4, to: Geometry.pageSize)
    }
    private static let checksumOffset = Geometry.pageSize
    private static func bucketOffset(_ buckets: Int) -> Int { checksumOffset + checksumBytes(buckets) }

    /// Opens the file if it is whole, belongs to this generation of this layout and has `count` labels; nil if it has to be rebuilt.
    init?(
        _ path: FilePath, layout: Identifier, generation: UInt64, count: Int, graph: Graph, writable: Bool,
        calls: SystemCalls
    ) {
        guard let file = try? File(path, writable ? .readWrite : .read, calls: calls),
            let bytes = try? file.read(count: DerivedFile.size, at: 0),
            let header = DerivedFile(decoding: bytes, kind: .labels),
            header.layout == layout, header.generation == generation, header.count == count,
            header.extent >= 64, header.extent.nonzeroBitCount == 1,
            let size = try? file.size(), size == Self.bucketOffset(header.extent) + header.extent * 4,
            let checksums = try? file.read(count: Self.checksumBytes(header.extent), at: Self.checksumOffset),
            Checksum.crc32c(checksums, prefix: checksums.count) == header.bodyChecksum
        else { return nil }
        self.file = file
        self.checksums = checksums
        self.graph = graph
        bucketCount = header.extent
        self.count = count
    }

    /// Why a lookup has no answer.
    struct Damaged: Error {}

    func load(_ bucket: Int) throws(Damaged) -> UInt32 {
        try page(bucket / Self.bucketsPerPage).integer(at: bucket % Self.bucketsPerPage * 4)
    }

    func store(_ value: UInt32, at bucket: Int) throws(Damaged) {
        let number = bucket / Self.bucketsPerPage
        var bytes = try page(number)
        pages[number] = nil
        bytes.store(value, at: bucket % Self.bucketsPerPage * 4)
        pages[number] = bytes
        changedBuckets.insert(bucket)
    }

    func label(_ slot: UInt32) throws(Damaged) -> Label {
        guard slot < graph.publishedSlotCount else { throw Damaged() }
        return graph.slots.label(slot)
    }

    private func page(_ page: Int) throws(Damaged) -> [UInt8] {
        if let bytes = pages[page] { return bytes }
        let length = min(Geometry.pageSize, bucketCount * 4)
        guard let bytes = try? file.read(count: length, at: Self.bucketOffset(bucketCount) + page * Geometry.pageSize),
            bytes.count == length,
            Checksum.crc32c(bytes, prefix: length) == checksums.integer(at: page * 4, as: UInt32.self)
        else { throw Damaged() }
        if changedBuckets.isEmpty { pages.removeAll(keepingCapacity: true) }
        pages[page] = bytes
        return bytes
    }

    /// Whether every page matches its checksum.
    var isSound: Bool {
        for number in 0..<(bucketCount + Self.bucketsPerPage - 1) / Self.bucketsPerPage {
            do throws(Damaged) {
                _ = try page(number)
            } catch {
                return false
            }
        }
        return true
    }

    // MARK: Checkpoints

    /// A stretch of the file and what a checkpoint writes there.
    struct Extent {
        let offset: Int
        let bytes: [UInt8]
    }

    /// What a checkpoint has to write so that the file has `changes` and belongs to `generation`; nil if the file must be made
    /// anew, because it is too full or damaged. Followed by `finish`, whether the checkpoint succeeds or not.
    func extents(
        for changes: [Label: (old: UInt32?, new: UInt32?)], layout: Identifier, generation: UInt64
    ) -> [Extent]? {
        pages.removeAll()
        var newCount = count
        do throws(Damaged) {
            for (label, change) in changes.sorted(by: { $0.key < $1.key }) {
                switch (change.old, change.new) {
                case (nil, let new?):
                    guard try insert(new) else { return nil }
                    newCount += 1
                case (let old?, let new):
                    guard try replace(label, old, by: new) else { return nil }
                    newCount -= new == nil ? 1 : 0
                case (nil, nil): break
                }
            }
            guard newCount * 4 <= bucketCount * 3 else { return nil }
            var extents: [Extent] = []
            for bucket in changedBuckets.sorted() {
                var bytes = [UInt8](repeating: 0, count: 4)
                bytes.store(try load(bucket), at: 0)
                extents.append(Extent(offset: Self.bucketOffset(bucketCount) + bucket * 4, bytes: bytes))
            }
            for number in Set(changedBuckets.map { $0 / Self.bucketsPerPage }).sorted() {
                let bytes = try page(number)
                let checksum = Checksum.crc32c(bytes, prefix: bytes.count)
                checksums.store(checksum, at: number * 4)
                extents.append(
                    Extent(
                        offset: Self.checksumOffset + number * 4, bytes: Array(checksums[number * 4..<number * 4 + 4])))
            }
            count = newCount
            let header = DerivedFile(
                kind: .labels, layout: layout, generation: generation, count: count, extent: bucketCount,
                bodyChecksum: Checksum.crc32c(checksums, prefix: checksums.count))
            extents.append(Extent(offset: 0, bytes: header.encoded()))
            return extents
        } catch {
            return nil
        }
    }

    /// Writes a checkpoint's extents; not durable yet.
    func write(_ extents: [Extent]) throws(StorageError) {
        for extent in extents { try file.write(extent.bytes, at: extent.offset) }
        pages.removeAll()
        changedBuckets.removeAll()
    }

    func synchronize() throws(StorageError) { try file.synchronize() }

    /// Two slots have this label, which only a damaged store's can.
    struct RepeatedLabel: Error {
        let label: Label
    }

    /// Writes the index of the slots of `graph`, in the state of `header`, in the place of the file of the store at `store`, and
    /// opens it for writing; nil when that fails. The file is left as it was where a label comes twice.
    static func replace(
        in store: FilePath, graph: Graph, header: HeaderSlot, calls: SystemCalls
    ) throws(StorageError) -> Result<LabelIndexFile?, RepeatedLabel> {
        let name = store.appending(StoreName.labels), temporary = store.appending(StoreName.labels + ".new")
        try? calls.unlink(temporary)
        let repeated = try write(
            temporary, slots: graph.slots, slotCount: header.slotCount, layout: header.layout,
            generation: header.graphGeneration, calls: calls)
        if let repeated { return .failure(RepeatedLabel(label: repeated)) }
        do throws(Errno) {
            try calls.rename(temporary, name)
        } catch {
            throw StorageError(name, "replace the file", error)
        }
        return .success(
            LabelIndexFile(
                name, layout: header.layout, generation: header.graphGeneration, count: header.labelCount, graph: graph,
                writable: true, calls: calls))
    }

    /// Writes the index of the live and marked slots below `slotCount` to `path` and makes it durable. Returns nil or, if two
    /// have the same label, that label.
    static func write(
        _ path: FilePath, slots: SlotRecords, slotCount: Int, layout: Identifier, generation: UInt64,
        calls: SystemCalls
    ) throws(StorageError) -> Label? {
        let index = LabelIndex(slots: slots, expected: slotCount)
        for slot in 0..<UInt32(slotCount) where VectorStore.hasLabel(slots.state(slot)) {
            if !index.add(slot) { return slots.label(slot) }
        }
        try write(
            path, buckets: index.buckets.buffer, count: index.count, layout: layout, generation: generation,
            calls: calls)
        return nil
    }

    /// Writes the buckets of `count` labels to `path` and makes them durable.
    static func write(
        _ path: FilePath, buckets table: UncheckedBuffer<UInt32>, count: Int, layout: Identifier, generation: UInt64,
        calls: SystemCalls
    ) throws(StorageError) {
        let file = try File(path, .create, calls: calls)
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
