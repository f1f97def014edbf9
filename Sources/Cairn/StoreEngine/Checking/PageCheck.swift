import Allocation
import FileFormat
import HNSW
import MappedStorage
import SystemPackage
import WriteAheadLog

/// Checks the pages of `level0` against its page tables, as of its header. Reads the file and not the maps: a disk that
/// fails is a finding.
struct PageCheck {
    private let file: File
    private let header: HeaderSlot
    private let columns: Columns
    private let geometry: Geometry
    private let checksums: MaskedChecksum
    /// The label of a slot that has one.
    private let label: (UInt32) -> Label?
    /// What a journal says that was not brought into the file, by place.
    private let patches: [(offset: Int, bytes: [UInt8])]

    /// `journal`: one that leads to `header` and whose bytes are not in the file yet. They are kept in memory. `label`:
    /// the label of a slot, nil for one without.
    init(
        _ file: File, _ superblock: Superblock, _ header: HeaderSlot, columns: Columns, journal: JournalReader?,
        label: @escaping (UInt32) -> Label?
    ) throws(StoreFileError) {
        self.file = file
        self.header = header
        self.columns = columns
        var patches: [(offset: Int, bytes: [UInt8])] = [], unchecked = 0
        try unsafe journal?.forEachExtent { (extent, bytes) throws(StoreFileError) in
            guard extent.target == .levelZero else { return }
            unchecked += bytes.count + 64
            if unchecked >= 1 << 20 {
                unchecked = 0
                try storage { () throws(StorageError) in
                    try claiming(file.path, ProcessMemory.expect(4 << 20))
                }
            }
            patches.append((extent.offset, unsafe Array(bytes)))
        }
        self.patches = patches.sorted { $0.offset < $1.offset }
        geometry = superblock.geometry
        checksums = MaskedChecksum(geometry: superblock.geometry)
        self.label = label
    }

    /// `progress` is called for each page, and ends the check by saying false.
    func run(
        _ segments: [Geometry.Segment], _ report: inout VectorStore.VerifyReport, progress: () -> Bool = { true }
    ) throws(OutOfMemory) {
        for segment in segments {
            var page = 0
            for piece in segment.pieces {
                for offset in stride(from: 0, to: piece.length, by: Geometry.pageSize) {
                    try check(segment, piece, offset, page, &report)
                    page += 1
                    guard progress() else { return }
                }
            }
        }
    }

    private func check(
        _ segment: Geometry.Segment, _ piece: Geometry.Piece, _ offset: Int, _ page: Int,
        _ report: inout VectorStore.VerifyReport
    ) throws(OutOfMemory) {
        let place = PageTable.offset(ofEntry: page)
        let tableOffset = segment.pageTableOffset + place / Geometry.pageSize * Geometry.pageSize
        guard let table = read(tableOffset, &report) else { return }
        if place % Geometry.pageSize == 0 && !PageTable.isSealed(table) {
            return report.add("level0: the page table at byte \(tableOffset) is damaged")
        }
        let expected: UInt32 = table.integer(at: place % Geometry.pageSize)
        let stamp: UInt32 = table.integer(at: place % Geometry.pageSize + 4)
        let isRows = piece.column == .vectors || piece.column == .norms
        // Of a page without a checksum only rows that no state refers to may have been written.
        if stamp == 0 && isRows { return }
        guard let bytes = read(piece.fileOffset + offset, &report) else { return }
        let found: UInt32
        if stamp == 0 {
            found = bytes.contains { $0 != 0 } ? ~expected : expected
        } else if isRows {
            let count = UInt32(header.slotCount), columns = columns
            found = checksums.masked(bytes, piece.column, page: (piece.columnOffset + offset) / Geometry.pageSize) {
                $0 < count && columns.state($0).hasLabel
            }
        } else {
            found = checksums.plain(bytes)
        }
        if found != expected {
            // The labels of a page are a few KiB, and there may be many pages.
            try ProcessMemory.expect(ProcessMemory.uncheckedBytes)
            report.add(
                VectorStore.VerifyReport.DamagedPage(
                    offset: piece.fileOffset + offset, content: .init(piece.column),
                    labels: slots(piece, offset).compactMap(label)))
        }
    }

    /// The slots that have something on the page at `offset` of a piece.
    private func slots(_ piece: Geometry.Piece, _ offset: Int) -> Range<UInt32> {
        let stride = geometry.stride(of: piece.column), start = piece.columnOffset + offset
        let end = min(header.slotCount, (start + Geometry.pageSize + stride - 1) / stride)
        return UInt32(min(start / stride, end))..<UInt32(end)
    }

    private func read(_ offset: Int, _ report: inout VectorStore.VerifyReport) -> [UInt8]? {
        do {
            var bytes = try file.read(count: Geometry.pageSize, at: offset)
            if bytes.count == Geometry.pageSize {
                patch(&bytes, at: offset)
                return bytes
            }
            report.add("level0: the file ends before byte \(offset + Geometry.pageSize)")
        } catch {
            report.add("level0: byte \(offset) cannot be read (\(error.errno))")
        }
        return nil
    }

    /// Puts what the journal says into a page. Extents of one target do not overlap.
    private func patch(_ page: inout [UInt8], at offset: Int) {
        var low = 0, high = patches.count
        while low < high {
            let middle = (low + high) / 2
            if patches[middle].offset + patches[middle].bytes.count <= offset {
                low = middle + 1
            } else {
                high = middle
            }
        }
        while low < patches.count && patches[low].offset < offset + page.count {
            let (start, bytes) = patches[low]
            let first = max(start, offset), end = min(start + bytes.count, offset + page.count)
            page.store(bytes[first - start..<end - start], at: first - offset)
            low += 1
        }
    }
}

extension VectorStore.VerifyReport.DamagedPage.Content {
    fileprivate init(_ column: Geometry.Column) {
        self =
            switch column {
            case .vectors: .vectors
            case .links: .links
            case .slotTable: .slotTable
            case .norms: .norms
            case .linkHeads: .linkHeads
            }
    }
}
