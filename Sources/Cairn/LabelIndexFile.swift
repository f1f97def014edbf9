import FileFormat
import HNSW
import MappedStorage
import SystemPackage

/// The file `labels`: a derived header, the CRC32C of each bucket page (u32, filled up to a whole page), then the bucket
/// pages.
struct LabelIndexFile: Sendable {
    private let file: File
    private let bucketCount: Int
    private let checksums: [UInt8]
    private static let bucketsPerPage = Geometry.pageSize / 4

    private static func checksumBytes(_ buckets: Int) -> Int {
        roundUp((buckets + bucketsPerPage - 1) / bucketsPerPage * 4, to: Geometry.pageSize)
    }
    private static let checksumOffset = Geometry.pageSize
    private static func bucketOffset(_ buckets: Int) -> Int { checksumOffset + checksumBytes(buckets) }

    /// Opens the file if it is whole and belongs to this generation of this layout; nil if it has to be rebuilt.
    init?(_ path: FilePath, layout: Identifier, generation: UInt64, calls: SystemCalls) {
        guard let file = try? File(path, .read, calls: calls),
            let bytes = try? file.read(count: DerivedFile.size, at: 0),
            let header = DerivedFile(decoding: bytes, kind: .labels),
            header.layout == layout, header.generation == generation,
            header.extent >= 64, header.extent.nonzeroBitCount == 1,
            let size = try? file.size(), size == Self.bucketOffset(header.extent) + header.extent * 4,
            let checksums = try? file.read(count: Self.checksumBytes(header.extent), at: Self.checksumOffset),
            Checksum.crc32c(checksums, prefix: checksums.count) == header.bodyChecksum
        else { return nil }
        self.file = file
        self.checksums = checksums
        bucketCount = header.extent
    }

    /// Why a lookup has no answer.
    struct Damaged: Error {}

    /// The slot of `label` among the first `slotCount`; nil if there is none. Throws when a page it needs is damaged.
    func slot(of label: Label, columns: Columns, slotCount: Int) throws(Damaged) -> UInt32? {
        var bucket = LabelIndex.bucket(label, of: bucketCount)
        var page = -1
        var bytes: [UInt8] = []
        for _ in 0..<bucketCount {
            if bucket / Self.bucketsPerPage != page {
                page = bucket / Self.bucketsPerPage
                bytes = try self.page(page)
            }
            let entry: UInt32 = bytes.integer(at: bucket % Self.bucketsPerPage * 4)
            if entry == 0 { return nil }
            guard entry <= slotCount else { throw Damaged() }
            if columns.label(entry - 1) == label { return entry - 1 }
            bucket = (bucket + 1) & (bucketCount - 1)
        }
        return nil
    }

    private func page(_ page: Int) throws(Damaged) -> [UInt8] {
        let length = min(Geometry.pageSize, bucketCount * 4)
        guard let bytes = try? file.read(count: length, at: Self.bucketOffset(bucketCount) + page * Geometry.pageSize),
            bytes.count == length,
            Checksum.crc32c(bytes, prefix: length) == checksums.integer(at: page * 4, as: UInt32.self)
        else { throw Damaged() }
        return bytes
    }

    /// Writes the index of the live slots below `slotCount` to `path` and makes it durable. Returns nil or, if two live slots have
    /// the same label, that label.
    static func write(
        _ path: FilePath, columns: Columns, slotCount: Int, layout: Identifier, generation: UInt64, calls: SystemCalls
    ) throws(StorageError) -> Label? {
        let index = LabelIndex(columns: columns, expected: slotCount)
        for slot in 0..<UInt32(slotCount) where columns.isLive(slot) {
            if !index.insert(slot) { return columns.label(slot) }
        }
        let table = index.buckets.buffer
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
            kind: .labels, layout: layout, generation: generation, count: index.count, extent: table.count,
            bodyChecksum: Checksum.crc32c(checksums, prefix: checksums.count))
        try file.write(header.encoded(), at: 0)
        try file.synchronize()
        return nil
    }
}
