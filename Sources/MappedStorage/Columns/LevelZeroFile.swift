import Allocation
package import FileFormat
import SystemPackage

/// `level0`: the headers, and the segments mapped into memory. The file grows by whole segments; what is mapped stays
/// where it is until the object goes away.
package final class LevelZeroFile: Sendable {
    package let file: File
    package let superblock: Superblock
    package let memory: ColumnMemory
    /// The state the file had when it was opened; nil for one that is being made.
    package let header: HeaderSlot?
    /// The segments that were there when the file was opened.
    package let segments: [Geometry.Segment]

    private init(
        file: File, superblock: Superblock, memory: ColumnMemory, header: HeaderSlot?, segments: [Geometry.Segment]
    ) {
        self.file = file
        self.superblock = superblock
        self.memory = memory
        self.header = header
        self.segments = segments
    }

    /// Creates the file with its superblocks; it becomes a store's when a header is written. Nobody else may know its
    /// name yet, because its memory is writable.
    package static func create(
        _ entry: Directory.Entry, superblock: Superblock, slots: Int
    ) throws(StoreFileError) -> LevelZeroFile {
        try storage { () throws(StorageError) in
            let file = try File(entry, .create)
            try file.allocate(from: 0, to: Geometry.prologue)
            let bytes = superblock.encoded()
            for offset in Superblock.offsets { try file.write(bytes, at: offset) }
            let memory = try ColumnMemory(geometry: superblock.geometry, slots: slots, minimum: slots, path: entry.path)
            return LevelZeroFile(file: file, superblock: superblock, memory: memory, header: nil, segments: [])
        }
    }

    /// What is in the prologue of a file, and the file.
    package struct Prologue: Sendable {
        package let file: File
        package let superblock: Superblock
        package let header: HeaderSlot
        /// Whether the other slot says the same. Then one of them was synced before the other was written; else nobody
        /// knows whether the newer one is on the disk.
        package let isHeaderTwice: Bool

        package init(file: File, superblock: Superblock, header: HeaderSlot, isHeaderTwice: Bool) {
            self.file = file
            self.superblock = superblock
            self.header = header
            self.isHeaderTwice = isHeaderTwice
        }
    }

    /// Opens the file and reads what says where everything lies: a superblock and a header.
    package static func readPrologue(
        _ entry: Directory.Entry, writable: Bool, fallback: (Superblock) -> HeaderSlot? = { _ in nil }
    ) throws(StoreFileError) -> Prologue {
        let path = entry.path
        let file = try storage { () throws(StorageError) in try File(entry, writable ? .readWrite : .read) }
        let (prologue, size) = try storage { () throws(StorageError) in
            (try file.read(count: Geometry.prologue, at: 0), try file.size())
        }
        guard prologue.count == Geometry.prologue else {
            throw .format(path, cutShort(size, Geometry.prologue))
        }
        let superblock = try format(path) { () throws(FormatError) in try readSuperblock(prologue, writable: writable) }
        let (header, isTwice) = try format(path) { () throws(FormatError) in
            do throws(FormatError) {
                return try readHeader(prologue, superblock)
            } catch {
                // A crash can leave this: one torn, the other lost by a sync that failed. A journal still says it.
                guard let header = fallback(superblock) else { throw error }
                return (header, false)
            }
        }
        return Prologue(file: file, superblock: superblock, header: header, isHeaderTwice: isTwice)
    }

    /// Maps the segments that `header` counts, after checking that the file is long enough. `slots`: the most the store
    /// may grow to while it is open, as far as there are addresses. Reads no records: O(segments).
    package static func map(
        _ file: File, _ superblock: Superblock, _ header: HeaderSlot, slots: Int, _ writing: ColumnMemory.Writing
    ) throws(StoreFileError) -> LevelZeroFile {
        let geometry = superblock.geometry, path = file.path
        let size = try storage { () throws(StorageError) in try file.size() }
        // Before the layout is made, which takes memory for each segment the header claims.
        let least = Geometry.prologue + geometry.capacity(segments: header.segmentCount) * geometry.strides.reduce(0, +)
        guard size >= least else { throw .format(path, cutShort(size, least)) }
        let segments = geometry.layout(segments: header.segmentCount)
        let end = segments.last?.end ?? Geometry.prologue
        guard size >= end else { throw .format(path, cutShort(size, end)) }
        let memory = try storage { () throws(StorageError) in
            let minimum = max(geometry.capacity(segments: header.segmentCount), 1)
            let memory = try ColumnMemory(geometry: geometry, slots: slots, minimum: minimum, path: path)
            for segment in segments { try memory.map(segment, of: file, writing) }
            return memory
        }
        return LevelZeroFile(file: file, superblock: superblock, memory: memory, header: header, segments: segments)
    }

    /// Opens the file and maps it read-only, as its header says, without looking for a log.
    package static func open(_ entry: Directory.Entry, writable: Bool) throws(StoreFileError) -> LevelZeroFile {
        let prologue = try readPrologue(entry, writable: writable)
        return try map(prologue.file, prologue.superblock, prologue.header, slots: 1, .none)
    }

    private static func cutShort(_ size: Int, _ expected: Int) -> FormatError {
        FormatError(
            .corrupt, "the file was cut short: it has \(size) bytes and needs at least \(expected)",
            remedy: "restore it from a copy")
    }

    private static func sector(_ prologue: [UInt8], _ offset: Int) -> [UInt8] {
        Array(prologue[offset..<(offset + HeaderSlot.size)])
    }

    /// Either copy will do. When neither does, the error of the better one is reported: "newer version" before
    /// "damaged" before "not a store".
    private static func readSuperblock(_ prologue: [UInt8], writable: Bool) throws(FormatError) -> Superblock {
        var problem = FormatError(.notAStore, "the file has no superblock; it is not the level0 of a cairn store")
        for offset in Superblock.offsets {
            do {
                let superblock = try Superblock(decoding: sector(prologue, offset))
                if writable { try Superblock.checkWritable(sector(prologue, offset)) }
                return superblock
            } catch {
                if problem.kind == .notAStore || error.kind == .incompatible { problem = error }
            }
        }
        throw problem
    }

    /// The newer header, and whether the other one says the same.
    private static func readHeader(
        _ prologue: [UInt8], _ superblock: Superblock
    ) throws(FormatError) -> (HeaderSlot, isTwice: Bool) {
        var found: [HeaderSlot] = []
        var problem: FormatError?
        for (index, offset) in HeaderSlot.offsets.enumerated() {
            do throws(FormatError) {
                let header = try HeaderSlot(decoding: sector(prologue, offset), superblock: superblock)
                // The next header would be written over the only good one.
                guard header.generation.headerSlot == index else {
                    throw FormatError(.corrupt, "a header is in the slot of the other one")
                }
                found.append(header)
            } catch {
                problem = error
            }
        }
        guard let best = found.max(by: { $0.generation < $1.generation }) else {
            throw FormatError(
                .corrupt, "neither header is valid: \(problem?.problem ?? "")",
                remedy: "restore the store from a copy")
        }
        let isTwice = found.allSatisfy { header in
            var copy = header
            copy.generation = best.generation
            return copy == best
        }
        return (best, isTwice && found.count == 2)
    }

    /// Writes `header` into the slot of its generation and makes it durable.
    package func write(_ header: HeaderSlot) throws(StorageError) { try Self.write(header, to: file) }

    /// Makes `header` the state of the store, and then the same under the next generation in the other slot, so that
    /// damage to one of them costs nothing. Both are durable when this returns; gives the second.
    package static func writeBoth(_ header: HeaderSlot, to file: File) throws(StorageError) -> HeaderSlot {
        try write(header, to: file)
        var copy = header
        copy.generation = copy.generation.next
        try write(copy, to: file)
        return copy
    }

    private static func write(_ header: HeaderSlot, to file: File) throws(StorageError) {
        try file.write(header.encoded(), at: HeaderSlot.offsets[header.generation.headerSlot])
        try file.synchronize()
    }

    /// Adds `segment` to the end of the file, with blocks of the disk behind it, and maps it. The file may have the
    /// blocks already, from before a crash. `isResident`: there is memory for all of the file.
    package func append(
        _ segment: Geometry.Segment, isResident: Bool = true, _ writing: ColumnMemory.Writing
    ) throws(StorageError) {
        let end = try file.size()
        if end < segment.end { try file.allocate(from: end, to: segment.end) }
        if isResident && segment.end - segment.fileOffset >= 8 * Geometry.hugePage { try fillWithZeros(segment) }
        try memory.map(segment, of: file, writing)
        memory.advise(isResident ? .resident : .random, segment)
    }

    /// Writes a large segment's zeros. The kernel keeps what it is given in large pieces in large pages, and finds
    /// addresses in them faster; pages that come one by one, as a mapped file is filled, stay small for as long as they
    /// are cached (measured: 10 % of the searches a second on one million rows of 128 bytes).
    private func fillWithZeros(_ segment: Geometry.Segment) throws(StorageError) {
        let length = 2 * Geometry.hugePage
        // Without the memory for it the segment does with small pages.
        guard (try? ProcessMemory.expect(length)) != nil else { return }
        let zeros = [UInt8](repeating: 0, count: length)
        for offset in stride(from: segment.fileOffset, to: segment.end, by: zeros.count) {
            let length = min(zeros.count, segment.end - offset)
            try file.write(length == zeros.count ? zeros : Array(zeros[..<length]), at: offset)
        }
    }

    /// Writes the page tables of `segments` over what their memory holds; pages past `slotCount` slots count as never
    /// written.
    package func writePageTables(
        _ segments: [Geometry.Segment], slotCount: Int, generation: Generation
    ) throws(StorageError) {
        for segment in segments {
            var checksums: [UInt32?] = []
            for piece in segment.pieces {
                let used = slotCount * superblock.geometry.stride(of: piece.column)
                for offset in stride(from: 0, to: piece.length, by: Geometry.pageSize) {
                    guard piece.columnOffset + offset < used else {
                        checksums.append(nil)
                        continue
                    }
                    let page = unsafe memory.base(of: piece.column) + piece.columnOffset + offset
                    checksums.append(
                        unsafe Checksum.crc32c(UnsafeRawBufferPointer(start: page, count: Geometry.pageSize)))
                }
            }
            try file.write(PageTable.encoded(checksums, generation: generation), at: segment.pageTableOffset)
        }
    }
}

private func format<Result>(
    _ path: FilePath, _ body: () throws(FormatError) -> Result
) throws(StoreFileError) -> Result {
    do {
        return try body()
    } catch {
        throw .format(path, error)
    }
}
