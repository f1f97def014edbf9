import Allocation
package import FileFormat

/// A `level0` that is written from its first slot to its last without being mapped: rows go into a buffer for each
/// column, and from there, with the checksums of their pages, into the file. Memory: some hundred KiB a column and 8
/// bytes for each page of the segments that are begun, whatever the size of the file.
package final class LevelZeroStream {
    private let file: File
    private let geometry: Geometry
    private let slotCount: Int
    private let unusedSlots: [UInt32]
    private let places: ColumnPlaces
    private let masked: MaskedChecksum
    private var columns: [ColumnBuffer]
    /// Of the segments that are begun.
    private var tables: [Int: Table] = [:]
    private var writtenTables: Set<Int> = []
    private var slotsDone = 0

    /// The bytes of a column that are not in the file yet; they begin at a page.
    @safe
    private struct ColumnBuffer {
        let column: Geometry.Column
        let stride: Int
        let bytes: UnsafeMutableRawBufferPointer
        var start = 0
        var count = 0
    }

    /// The checksums of a segment's pages, nil for those not written.
    private struct Table {
        var checksums: [UInt32?]
        /// The first page of each column's piece.
        let firstPages: [Int]
        var pagesLeft: Int
    }

    /// Bytes that a column collects before they are written.
    private static let writeBytes = 256 << 10

    /// The rows that are asked for at once: so few that they stay in the second-level cache on their way.
    package let rowsAtOnce: Int

    /// Creates the file, with room on the disk for `slotCount` slots. `unusedSlots`: those, ascending, that will be
    /// neither live nor marked; checksums leave their vectors out.
    package init(
        _ entry: Directory.Entry, superblock: Superblock, slotCount: Int, unusedSlots: [UInt32]
    ) throws(StorageError) {
        geometry = superblock.geometry
        self.slotCount = slotCount
        self.unusedSlots = unusedSlots
        places = ColumnPlaces(geometry.layout(segments: geometry.segments(forSlots: slotCount)))
        masked = MaskedChecksum(geometry: geometry)
        file = try File(entry, .create)
        rowsAtOnce = max(1, min(4096, (1 << 20) / geometry.strides.reduce(0, +)))
        columns = []
        try file.allocate(from: 0, to: places.segments.last?.end ?? Geometry.prologue)
        for column in Geometry.Column.allCases where geometry.stride(of: column) > 0 {
            let stride = geometry.stride(of: column)
            let capacity = Self.writeBytes + roundUp(rowsAtOnce * stride, to: Geometry.pageSize) + Geometry.pageSize
            let start = try unsafe claiming(entry.path, ProcessMemory.allocate(capacity, alignment: Geometry.pageSize))
            let bytes = unsafe UnsafeMutableRawBufferPointer(start: start, count: capacity)
            unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0)
            columns.append(unsafe ColumnBuffer(column: column, stride: stride, bytes: bytes))
        }
    }

    deinit {
        for column in columns { if let start = unsafe column.bytes.baseAddress { unsafe ProcessMemory.release(start) } }
    }

    /// The number of segments.
    package var segmentCount: Int { places.segments.count }

    /// Where the next rows of each column go, whose bytes are zeros: `row(column)` is the first one's address.
    @safe
    package struct Rows {
        fileprivate let starts: [UnsafeMutableRawPointer?]

        /// nil for a column that the store does not have.
        package func row(_ column: Geometry.Column) -> UnsafeMutableRawPointer? { unsafe starts[column.rawValue] }
    }

    /// Has `fill` write the next `count` rows, at most `rowsAtOnce`, of every column.
    package func append(_ count: Int, _ fill: (Rows) -> Void) throws(StorageError) {
        precondition(count <= rowsAtOnce && slotsDone + count <= slotCount, "more rows than there is room for")
        var starts = unsafe [UnsafeMutableRawPointer?](repeating: nil, count: Geometry.Column.allCases.count)
        for column in columns { unsafe starts[column.column.rawValue] = column.bytes.baseAddress! + column.count }
        fill(unsafe Rows(starts: starts))
        slotsDone += count
        for index in columns.indices {
            columns[index].count += count * columns[index].stride
            if columns[index].count >= Self.writeBytes { try flush(&columns[index], isLast: false) }
        }
    }

    /// Writes the whole pages of a column's buffer, or all of it.
    private func flush(_ column: inout ColumnBuffer, isLast: Bool) throws(StorageError) {
        let length = isLast ? column.count : column.count / Geometry.pageSize * Geometry.pageSize
        guard length > 0 else { return }
        let range = column.start..<column.start + roundUp(length, to: Geometry.pageSize)
        for stretch in places.stretches(column.column, range) {
            let bytes = unsafe UnsafeRawBufferPointer(
                rebasing: column.bytes[stretch.start..<stretch.start + stretch.length])
            try unsafe file.write(bytes, at: stretch.fileOffset)
            unsafe enter(bytes, column, stretch)
            try writeTable(stretch.segment, isLast: false)
        }
        let rest = column.count - length
        let start = unsafe column.bytes.baseAddress!
        unsafe start.copyMemory(from: start + length, byteCount: rest)
        // What was behind the end is still zeros.
        unsafe (start + rest).initializeMemory(as: UInt8.self, repeating: 0, count: column.count - rest)
        column.start += length
        column.count = rest
    }

    /// Enters the checksums of a stretch into its segment's table.
    private func enter(_ bytes: UnsafeRawBufferPointer, _ column: ColumnBuffer, _ stretch: ColumnPlaces.Stretch) {
        let segment = places.segments[stretch.segment]
        var table = tables.removeValue(forKey: stretch.segment) ?? newTable(segment)
        let piece = segment.pieces.first { $0.column == column.column }!
        var page =
            table.firstPages[column.column.rawValue] + (stretch.fileOffset - piece.fileOffset) / Geometry.pageSize
        for offset in stride(from: 0, to: bytes.count, by: Geometry.pageSize) {
            let content = unsafe UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + Geometry.pageSize])
            table.checksums[page] = unsafe checksum(content, column, at: column.start + stretch.start + offset)
            table.pagesLeft -= 1
            page += 1
        }
        tables[stretch.segment] = table
    }

    private func newTable(_ segment: Geometry.Segment) -> Table {
        var firstPages = [Int](repeating: 0, count: Geometry.Column.allCases.count), pages = 0
        for piece in segment.pieces {
            firstPages[piece.column.rawValue] = pages
            pages += piece.length / Geometry.pageSize
        }
        return Table(
            checksums: Array(repeating: nil, count: pages), firstPages: firstPages, pagesLeft: pages)
    }

    /// The checksum of the page at byte `offset` of its column, without the vectors and norms of unused slots.
    private func checksum(_ page: UnsafeRawBufferPointer, _ column: ColumnBuffer, at offset: Int) -> UInt32 {
        let slots = UInt32(offset / column.stride)...UInt32((offset + Geometry.pageSize - 1) / column.stride)
        guard column.column == .vectors || column.column == .norms, hasUnused(slots) else {
            return unsafe Checksum.crc32c(page)
        }
        return unsafe masked.masked(Array(page), column.column, page: offset / Geometry.pageSize) {
            !hasUnused($0...$0)
        }
    }

    private func hasUnused(_ slots: ClosedRange<UInt32>) -> Bool {
        var low = 0, high = unusedSlots.count
        while low < high {
            let middle = (low + high) / 2
            if unusedSlots[middle] < slots.lowerBound { low = middle + 1 } else { high = middle }
        }
        return low < unusedSlots.count && unusedSlots[low] <= slots.upperBound
    }

    /// Writes the page table of a segment if all of it is there, or nothing more will come.
    private func writeTable(_ segment: Int, isLast: Bool) throws(StorageError) {
        guard !writtenTables.contains(segment), isLast || tables[segment]?.pagesLeft == 0 else { return }
        let table = tables.removeValue(forKey: segment) ?? newTable(places.segments[segment])
        writtenTables.insert(segment)
        let bytes = PageTable.encoded(table.checksums, generation: 1)
        let place = places.segments[segment]
        try file.write(bytes, at: place.pageTableOffset)
        file.beginSynchronizing(from: place.fileOffset, length: place.end - place.fileOffset)
    }

    /// Writes what is left and the superblocks, makes all of it durable, and then the two headers: `header`, of
    /// generation 1, and its copy. `superblock`: with the geometry of the one that the file was begun with.
    package func finish(_ superblock: Superblock, _ header: HeaderSlot) throws(StorageError) {
        precondition(slotsDone == slotCount, "rows are missing")
        for index in columns.indices { try flush(&columns[index], isLast: true) }
        for segment in places.segments { try writeTable(segment.index, isLast: true) }
        let bytes = superblock.encoded()
        for offset in Superblock.offsets { try file.write(bytes, at: offset) }
        try file.synchronize()
        _ = try LevelZeroFile.writeBoth(header, to: file)
    }
}
