import FileFormat
import MappedStorage

/// Makes the checksums of damaged files right again: what somebody would do who makes files to do harm.
struct Mending {
    private let layout: StoreLayout

    init(_ layout: StoreLayout) {
        self.layout = layout
    }

    func mend(_ files: inout StoreFiles) {
        for name in files.files.keys {
            guard var bytes = files[name] else { continue }
            switch name {
            case "level0": mendLevelZero(&bytes)
            case "upper": mendUpper(&bytes)
            case "labels": mendLabels(&bytes)
            case "codes": mendCodes(&bytes)
            case "journal": mendJournal(&bytes)
            default: if name.hasPrefix("log/") { mendLog(&bytes) }
            }
            files[name] = bytes
        }
    }

    private func seal(_ bytes: inout [UInt8], _ start: Int) {
        guard start + 512 <= bytes.count else { return }
        bytes.store(Self.checksum(bytes, start..<start + 508), at: start + 508)
    }

    private static func checksum(_ bytes: [UInt8], _ range: Range<Int>, seed: UInt32 = 0) -> UInt32 {
        unsafe bytes.withUnsafeBytes { unsafe Checksum.crc32c(UnsafeRawBufferPointer(rebasing: $0[range]), seed: seed) }
    }

    // MARK: level0

    private func mendLevelZero(_ bytes: inout [UInt8]) {
        for offset in HeaderSlot.offsets + Superblock.offsets { seal(&bytes, offset) }
        guard bytes.count >= layout.segments.last?.end ?? 0 else { return }
        let checksums = MaskedChecksum(geometry: layout.geometry), states = states(bytes)
        for segment in layout.segments {
            var page = 0
            for piece in segment.pieces {
                for offset in stride(from: 0, to: piece.length, by: Geometry.pageSize) {
                    defer { page += 1 }
                    let entry = segment.pageTableOffset + PageTable.offset(ofEntry: page)
                    guard bytes.integer(at: entry + 4, as: UInt32.self) != 0 else { continue }
                    let start = piece.fileOffset + offset
                    let content = Array(bytes[start..<start + Geometry.pageSize])
                    let isRows = piece.column == .vectors || piece.column == .norms
                    let checksum =
                        isRows
                        ? checksums.masked(
                            content, piece.column, page: (piece.columnOffset + offset) / Geometry.pageSize
                        ) { Int($0) < states.count && (states[Int($0)] == 1 || states[Int($0)] == 2) }
                        : checksums.plain(content)
                    bytes.store(checksum, at: entry)
                }
            }
            for offset in stride(from: 0, to: segment.pageTableLength, by: Geometry.pageSize) {
                let start = segment.pageTableOffset + offset
                bytes.store(Self.checksum(bytes, start..<start + 4088), at: start + 4088)
            }
        }
    }

    private func states(_ bytes: [UInt8]) -> [UInt8] {
        (0..<layout.header.slotCount).map { bytes[layout.offset(.slotTable, $0, SlotEntry.stateOffset)] }
    }

    // MARK: Derived files

    private func mendUpper(_ bytes: inout [UInt8]) {
        guard bytes.count >= DerivedFile.size else { return }
        let listBytes = 4 * (layout.superblock.connectivity + 1)
        let count: UInt64 = bytes.integer(at: 40), extent: UInt64 = bytes.integer(at: 48)
        let wanted = count < 1 << 32 && extent < 1 << 32 ? Int(count) * 8 + Int(extent) * listBytes : bytes.count
        var offset = min(bytes.count, DerivedFile.size + wanted)
        bytes.store(Self.checksum(bytes, DerivedFile.size..<offset), at: 12)
        seal(&bytes, 0)
        while offset + UpperAppendix.size <= bytes.count {
            let nodes: UInt32 = bytes.integer(at: offset + 24), lists: UInt32 = bytes.integer(at: offset + 28)
            let body = offset + UpperAppendix.size, length = 8 * Int(nodes) + Int(lists) * (listBytes + 4)
            let end = min(bytes.count, body + length)
            bytes.store(Self.checksum(bytes, body..<end), at: offset + 32)
            bytes.store(Self.checksum(bytes, offset..<offset + 36), at: offset + 36)
            offset = end
        }
    }

    private func mendLabels(_ bytes: inout [UInt8]) {
        guard bytes.count >= 2 * Geometry.pageSize else { return }
        let extent: UInt64 = bytes.integer(at: 48), page = Geometry.pageSize
        guard extent > 0, extent < 1 << 20 else { return seal(&bytes, 0) }
        let pages = (Int(extent) + 1023) / 1024, table = roundUp(4 * pages, to: page)
        for number in 0..<pages {
            let start = page + table + number * page, end = min(start + page, page + table + 4 * Int(extent))
            guard end <= bytes.count else { break }
            bytes.store(Self.checksum(bytes, start..<end), at: page + 4 * number)
        }
        if page + table <= bytes.count { bytes.store(Self.checksum(bytes, page..<page + table), at: 12) }
        seal(&bytes, 0)
    }

    private func mendCodes(_ bytes: inout [UInt8]) {
        let end = CodeFileHeader.size + 4 * layout.superblock.dimensions
        guard bytes.count >= CodeFileHeader.size else { return }
        if bytes[15] != 0 && bytes.count >= end {
            bytes.store(Self.checksum(bytes, CodeFileHeader.size..<end), at: 132)
        }
        seal(&bytes, 0)
    }

    // MARK: Log and journal

    private func mendLog(_ bytes: inout [UInt8]) {
        guard bytes.count >= LogFileHeader.size else { return }
        seal(&bytes, 0)
        let seed: UInt32 = bytes.integer(at: 508)
        var previous = seed
        for frame in LogFrames(bytes).all {
            let end = frame.offset + LogFrame.headerSize + frame.length
            bytes.store(previous, at: frame.offset + 16)
            previous = Self.checksum(bytes, frame.offset + 8..<end, seed: seed)
            bytes.store(previous, at: frame.offset + 4)
        }
    }

    private func mendJournal(_ bytes: inout [UInt8]) {
        let extents = JournalHeader.extentsOffset
        guard bytes.count >= extents else { return }
        seal(&bytes, JournalHeader.slotOffset)
        let length: UInt64 = bytes.integer(at: 40)
        let end = length < 1 << 40 ? max(extents, min(bytes.count, JournalHeader.size + Int(length))) : bytes.count
        let body = Self.checksum(bytes, extents..<end)
        bytes.store(Self.checksum(bytes, JournalHeader.slotOffset..<extents, seed: body), at: 56)
        seal(&bytes, 0)
    }
}
