package import FileFormat
package import MappedStorage
package import SystemPackage

/// A valid journal: the whole of a checkpoint. Takes memory for a buffer, whatever the file's length.
package final class JournalReader {
    /// Nothing in a labels file is further on: its head, and the checksums and buckets for 2³² labels.
    private static let labelsLimit = 4096 + (4 << 22) + (4 << 32)

    package let path: FilePath
    /// The header that the checkpoint leads to.
    package let header: HeaderSlot
    private let window: FileWindow
    private let end: Int
    private let levelZero: Range<Int>

    private init(path: FilePath, header: HeaderSlot, window: FileWindow, end: Int, superblock: Superblock) {
        self.path = path
        self.header = header
        self.window = window
        self.end = end
        // Generous, because the exact layout takes memory for each segment that the header claims.
        let geometry = superblock.geometry, segments = header.segmentCount
        let data = geometry.capacity(segments: segments) * geometry.strides.reduce(0, +)
        let slack = segments * (Geometry.hugePage + 8 * Geometry.granule)
        levelZero = Geometry.prologue..<(Geometry.prologue + data + data / 256 + slack)
    }

    /// Opens the journal of the store with this superblock. Nil when there is none that is whole: no file, one that a
    /// crash cut short, one of another layout. All of it has been checked otherwise: extents lie behind the prologue of
    /// `level0` and no further than as many segments as the new header counts can reach, or within what a labels file
    /// can be. Throws `.incompatible` for a journal of a newer version.
    package static func open(
        _ entry: Directory.Entry, superblock: Superblock
    ) throws(StoreFileError) -> JournalReader? {
        let file: File, path = entry.path
        do {
            file = try File(entry, .read)
        } catch {
            if error.errno == .noSuchFileOrDirectory { return nil }
            throw .storage(error)
        }
        let sectors = try storage { () throws(StorageError) in
            try file.read(count: JournalHeader.extentsOffset, at: 0)
        }
        guard sectors.count == JournalHeader.extentsOffset else { return nil }
        let journal: JournalHeader, header: HeaderSlot
        do {
            journal = try JournalHeader(decoding: Array(sectors[..<JournalHeader.size]))
            header = try HeaderSlot(decoding: Array(sectors[JournalHeader.slotOffset...]), superblock: superblock)
        } catch {
            if error.kind == .incompatible { throw .format(path, error) }
            return nil
        }
        let window = try storage { () throws(StorageError) in try FileWindow(file) }
        let end = JournalHeader.size + journal.bodyLength
        guard journal.layout == superblock.layout, journal.generation == header.generation, end <= window.size else {
            return nil
        }
        let reader = JournalReader(path: path, header: header, window: window, end: end, superblock: superblock)
        let slot = Array(sectors[JournalHeader.slotOffset...])
        guard try reader.checksum(then: slot) == journal.bodyChecksum,
            try reader.hasValidExtents(journal.extentCount)
        else { return nil }
        return reader
    }

    /// Calls `body` with each extent and its bytes, which are good for the call, in the order they were written. Throws
    /// what `body` throws, and `.corrupt` when the file is not what it was.
    package func forEachExtent(
        _ body: (JournalExtent, UnsafeRawBufferPointer) throws(StoreFileError) -> Void
    ) throws(StoreFileError) {
        var offset = JournalHeader.extentsOffset
        while offset < end {
            guard let extent = try extent(at: offset) else {
                throw .format(path, FormatError(.corrupt, "the file changed while it was read"))
            }
            let bytes = unsafe try bytes(at: offset + JournalExtent.headerSize, count: extent.length)
            guard bytes.count == extent.length else {
                throw .format(path, FormatError(.corrupt, "the file changed while it was read"))
            }
            try unsafe body(extent, bytes)
            offset += extent.byteCount
        }
    }

    /// The checksum over the extents, then `slot`.
    private func checksum(then slot: [UInt8]) throws(StoreFileError) -> UInt32 {
        var checksum: UInt32 = 0
        var offset = JournalHeader.extentsOffset
        while offset < end {
            let part = unsafe try bytes(at: offset, count: min(1 << 20, end - offset))
            // The file is being cut short: what is missing makes the checksum wrong.
            if unsafe part.isEmpty { break }
            checksum = unsafe Checksum.crc32c(part, seed: checksum)
            offset += part.count
        }
        return unsafe slot.withUnsafeBytes { unsafe Checksum.crc32c($0, seed: checksum) }
    }

    private func hasValidExtents(_ count: Int) throws(StoreFileError) -> Bool {
        var offset = JournalHeader.extentsOffset, found = 0
        while offset < end {
            guard let extent = try extent(at: offset) else { return false }
            offset += extent.byteCount
            found += 1
        }
        return offset == end && found == count
    }

    /// The extent whose 16 bytes are at `offset`, or nil if it is out of range.
    private func extent(at offset: Int) throws(StoreFileError) -> JournalExtent? {
        let bytes = unsafe try bytes(at: offset, count: JournalExtent.headerSize)
        guard let extent = unsafe try? JournalExtent(decoding: bytes), offset + extent.byteCount <= end else {
            return nil
        }
        switch extent.target {
        case .levelZero:
            guard extent.offset >= levelZero.lowerBound, extent.offset + extent.length <= levelZero.upperBound else {
                return nil
            }
        case .labels: guard extent.offset + extent.length <= Self.labelsLimit else { return nil }
        case .codes: guard extent.offset == 0, extent.length == CodeFileHeader.size else { return nil }
        }
        return extent
    }

    private func bytes(at offset: Int, count: Int) throws(StoreFileError) -> UnsafeRawBufferPointer {
        do {
            return unsafe try window.bytes(at: offset, count: count)
        } catch {
            throw .storage(error)
        }
    }
}
