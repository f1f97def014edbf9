import FileFormat
import HNSW
import MappedStorage
import SystemPackage
import WriteAheadLog

/// The pages of `level0` that a checkpoint changes: it reads each, checks it, puts the changes in, and writes those and
/// the page's new checksum to the journal. In the order of the file, with memory for a page and the page tables'
/// changes.
struct PageUpdates {
    private let contents: StoreContents
    private let file: File
    private let old: HeaderSlot
    private let new: HeaderSlot
    private let journal: JournalWriter
    private let places: ColumnPlaces
    private let checksums: MaskedChecksum
    /// Changed pages of page tables by their place in the file.
    private var tables: [Int: [UInt8]] = [:]

    /// Changes as near to each other as this are written together.
    private static let gap = 256

    init(
        _ contents: StoreContents, _ file: LevelZeroFile, from old: HeaderSlot, to new: HeaderSlot,
        journal: JournalWriter
    ) {
        self.contents = contents
        self.file = file.file
        self.old = old
        self.new = new
        self.journal = journal
        places = contents.places
        checksums = MaskedChecksum(geometry: contents.geometry)
    }

    /// Writes all changes to the journal.
    mutating func run() throws(StoreFileError) {
        let graph = contents.graph, columns = contents.columns
        let slots = graph.slots.changedSlots.filter { $0 < UInt32(new.slotCount) }.sorted()
        let lists = graph.changedLists(), capacity = graph.parameters.capacity(level: 0)
        let linkStride = contents.geometry.stride(of: .links), oldCount = old.slotCount
        // New segments need their page tables whole.
        for index in old.segmentCount..<max(new.segmentCount, old.segmentCount) {
            let segment = contents.segments[index]
            for offset in stride(from: 0, to: segment.pageTableLength, by: Geometry.pageSize) {
                tables[segment.pageTableOffset + offset] = [UInt8](repeating: 0, count: Geometry.pageSize)
            }
        }
        for column in [Geometry.Column.vectors, .norms] where contents.geometry.stride(of: column) > 0 {
            try checksumRows(column, slots)
        }
        try patch(.links, count: lists.count, length: capacity * 4) { index, bytes in
            for id in 0..<capacity { bytes.store(lists[index].list[1 + id], at: 4 * id) }
            return Int(lists[index].slot) * linkStride
        }
        try patch(.linkHeads, count: lists.count, length: 4) { index, bytes in
            let slot = Int(lists[index].slot)
            let flags = slot < oldCount ? unsafe columns.linkHeads[slot] & 0xffff_0000 : 0
            bytes.store(lists[index].list[0] | flags, at: 0)
            return slot * 4
        }
        try patch(.slotTable, count: slots.count, length: SlotEntry.size) { index, bytes in
            let entry = graph.slots.entry(slots[index])
            bytes.store(entry.label, at: SlotEntry.labelOffset)
            bytes[SlotEntry.levelOffset] = UInt8(entry.level)
            bytes[SlotEntry.stateOffset] = entry.state.rawValue
            return Int(slots[index]) * SlotEntry.size
        }
        for offset in tables.keys.sorted() {
            var bytes = tables[offset]!
            PageTable.seal(&bytes, generation: new.generation)
            try append(bytes[...], at: offset)
        }
    }

    /// A page that is being changed.
    private struct Page {
        let column: Geometry.Column
        let number: Int
        let offset: Int
        let segment: Int
        var bytes: [UInt8]
        /// What changed last, so near to each other that it is written together.
        var changed = 0..<0
    }

    /// Puts patches of `length` bytes into the pages of a column: `patch` makes one and says where in the column it
    /// goes. They ascend.
    private mutating func patch(
        _ column: Geometry.Column, count: Int, length: Int, _ patch: (Int, inout [UInt8]) -> Int
    ) throws(StoreFileError) {
        var bytes = [UInt8](repeating: 0, count: length), page: Page?
        for index in 0..<count {
            let offset = patch(index, &bytes)
            var done = 0
            // It may reach over the end of a page.
            while done < length {
                let number = (offset + done) / Geometry.pageSize, place = offset + done - number * Geometry.pageSize
                if page?.number != number {
                    try finish(&page)
                    page = try begin(column, number)
                }
                let part = min(length - done, Geometry.pageSize - place)
                page?.bytes.store(bytes[done..<done + part], at: place)
                if let changed = page?.changed, !changed.isEmpty, place - changed.upperBound > Self.gap {
                    try writeChanged(&page)
                }
                let start = page?.changed.isEmpty == false ? page?.changed.lowerBound : place
                page?.changed = (start ?? place)..<place + part
                done += part
            }
        }
        try finish(&page)
    }

    private mutating func begin(_ column: Geometry.Column, _ number: Int) throws(StoreFileError) -> Page {
        let (offset, segment) = place(column, number)
        let bytes = try read(offset, segment)
        try check(bytes, column, number, offset, segment)
        return Page(column: column, number: number, offset: offset, segment: segment, bytes: bytes)
    }

    private mutating func writeChanged(_ page: inout Page?) throws(StoreFileError) {
        guard let written = page, !written.changed.isEmpty else { return }
        try append(written.bytes[written.changed], at: written.offset + written.changed.lowerBound)
        page?.changed = 0..<0
    }

    private mutating func finish(_ page: inout Page?) throws(StoreFileError) {
        try writeChanged(&page)
        if let page { try setEntry(checksums.plain(page.bytes), page.offset, page.segment) }
        page = nil
    }

    /// Makes the checksums of the pages of vectors or norms that have rows of `slots`, whose bytes are in place
    /// already.
    private mutating func checksumRows(_ column: Geometry.Column, _ slots: [UInt32]) throws(StoreFileError) {
        let stride = contents.geometry.stride(of: column), graph = contents.graph
        var last = -1
        for slot in slots {
            let first = Int(slot) * stride / Geometry.pageSize
            let end = (Int(slot) * stride + stride - 1) / Geometry.pageSize
            for number in max(first, last + 1)..<max(end + 1, first, last + 1) {
                let (offset, segment) = place(column, number)
                let bytes = try read(offset, segment, isInPlace: true)
                try check(bytes, column, number, offset, segment)
                let checksum = checksums.masked(bytes, column, page: number) { slot in
                    slot < UInt32(new.slotCount) && graph.slots.state(slot).hasLabel
                }
                try setEntry(checksum, offset, segment)
                last = number
            }
        }
    }

    /// Checks a page against the checksum that the present header's state has of it.
    private mutating func check(
        _ bytes: [UInt8], _ column: Geometry.Column, _ number: Int, _ offset: Int, _ segment: Int
    ) throws(StoreFileError) {
        guard segment < old.segmentCount else { return }
        let (table, place) = entry(offset, segment)
        let entries = try self.table(table)
        guard entries.integer(at: place + 4, as: UInt32.self) != 0 else { return }
        let columns = contents.columns, count = UInt32(old.slotCount)
        let expected: UInt32 = entries.integer(at: place)
        let checksum =
            column == .vectors || column == .norms
            ? checksums.masked(bytes, column, page: number) {
                $0 < count && columns.state($0).hasLabel
            } : checksums.plain(bytes)
        guard checksum == expected else {
            throw .format(
                file.path,
                FormatError(
                    .corrupt,
                    "the page at byte \(offset) is damaged, so no checkpoint can be made",
                    remedy: "`cairn verify` names the labels on it; restore the store from a copy"
                ))
        }
    }

    private func place(_ column: Geometry.Column, _ page: Int) -> (offset: Int, segment: Int) {
        let range = page * Geometry.pageSize..<(page + 1) * Geometry.pageSize
        let stretch = places.stretches(column, range)[0]
        return (stretch.fileOffset, stretch.segment)
    }

    /// A page as it is in the file. Of a new segment only the rows that are in place are read.
    private func read(_ offset: Int, _ segment: Int, isInPlace: Bool = false) throws(StoreFileError) -> [UInt8] {
        if segment >= old.segmentCount && !isInPlace { return [UInt8](repeating: 0, count: Geometry.pageSize) }
        do {
            return try file.read(count: Geometry.pageSize, at: offset)
        } catch {
            throw .storage(error)
        }
    }

    private func append(_ bytes: ArraySlice<UInt8>, at offset: Int) throws(StoreFileError) {
        let result = unsafe bytes.withUnsafeBytes { bytes in
            Result { () throws(StorageError) in try unsafe journal.append(to: .levelZero, at: offset, bytes) }
        }
        do {
            try result.get()
        } catch {
            throw .storage(error)
        }
    }

    // MARK: Page tables

    /// Where a page's entry is: the page of its table, and the place in that.
    private func entry(_ offset: Int, _ segment: Int) -> (table: Int, place: Int) {
        let segment = contents.segments[segment]
        let entry = PageTable.offset(ofEntry: (offset - segment.fileOffset) / Geometry.pageSize)
        return (segment.pageTableOffset + entry / Geometry.pageSize * Geometry.pageSize, entry % Geometry.pageSize)
    }

    /// A page of a page table, with the changes so far.
    private func table(_ offset: Int) throws(StoreFileError) -> [UInt8] {
        if let bytes = tables[offset] { return bytes }
        let bytes: [UInt8]
        do {
            bytes = try file.read(count: Geometry.pageSize, at: offset)
        } catch {
            throw .storage(error)
        }
        guard bytes.count == Geometry.pageSize, PageTable.isSealed(bytes) else {
            throw .format(
                file.path,
                FormatError(
                    .corrupt,
                    "the page table at byte \(offset) is damaged, so no checkpoint can be made",
                    remedy: "restore the store from a copy"))
        }
        return bytes
    }

    private mutating func setEntry(_ checksum: UInt32, _ offset: Int, _ segment: Int) throws(StoreFileError) {
        let (table, place) = entry(offset, segment)
        var bytes = try self.table(table)
        tables[table] = nil
        bytes.store(checksum, at: place)
        bytes.store(PageTable.stamp(new.generation), at: place + 4)
        tables[table] = bytes
    }
}
