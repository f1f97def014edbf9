import Allocation
package import FileFormat
import Synchronization
package import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The address ranges of a store's columns. Each column gets one reserved range, much longer than it is today, and the
/// pieces of its segments are put into it side by side; so the row of a slot is at `base + slot * stride` for as long
/// as the store is open, and growing moves nothing. Addresses past the last piece cannot be touched.
@safe
package final class ColumnMemory: @unchecked Sendable {
    // Sendable because all but an atomic is immutable after init, and only the thread that changes the store maps or
    // copies.

    package let geometry: Geometry
    private let addresses: AddressRange
    private let offsets: [Int]
    /// Slots that the reserved ranges hold: those of whole segments.
    package let reservedSlots: Int
    /// Whether the process could not have addresses for as many slots as were asked for.
    package let isCutShort: Bool
    /// The slots, from 0 on, whose memory is a file's pages and nothing else.
    private let mappedSlots = Atomic<Int>(0)
    /// The kernel maps up to so many bytes around a page that is touched.
    private static let faultAround = 64 << 10

    /// Reserves addresses for the segments of `slots` slots or, when the address space is short, for as few as
    /// `minimum`. Beyond the minimum it takes no more than half of the addresses that there are: the others are for
    /// what is kept in addition to the columns, and for the rest of the program.
    package init(geometry: Geometry, slots: Int, minimum: Int, path: FilePath) throws(StorageError) {
        var target = max(slots, minimum)
        while true {
            let reserved = geometry.capacity(segments: geometry.segments(forSlots: target))
            var length = 0
            let offsets = Geometry.Column.allCases.map { column in
                let offset = length
                length += roundUp(reserved * geometry.stride(of: column) + Geometry.granule, to: Geometry.hugePage)
                return offset
            }
            let isLast = target <= minimum
            let bytes = length + Geometry.hugePage, all = bytes + Self.bytesBeside(reserved, geometry)
            if AddressRange.isAvailable(isLast ? all : 2 * all), let addresses = try? AddressRange(bytes) {
                self.geometry = geometry
                self.offsets = offsets
                reservedSlots = reserved
                isCutShort = target < slots
                self.addresses = addresses
                return
            }
            guard !isLast else { throw StorageError(path, "reserve \(all) bytes of addresses", .noMemory) }
            target = max(minimum, target / 2)
        }
    }

    /// About how many addresses are reserved in addition to the columns: for records, changed lists and codes.
    private static func bytesBeside(_ slots: Int, _ geometry: Geometry) -> Int {
        slots * (64 + geometry.stride(of: .vectors) / 2) + min(512 * slots, 1 << 30) + (2 << 20)
    }

    /// Where slot 0's row of `column` is. The pointer lives as long as this object.
    package func base(of column: Geometry.Column) -> UnsafeMutableRawPointer {
        unsafe addresses.start.alignedUp(toMultipleOf: Geometry.hugePage) + offsets[column.rawValue]
    }

    /// Who may write the memory of a file's piece.
    package enum Writing: Sendable {
        /// Nobody: the file is changed by writing it.
        case none
        /// This process, into the file: nobody else knows it yet.
        case shared
        /// This process, for itself: the file stays as it is.
        case copied
    }

    /// Maps the pieces of `segment` from `file`.
    package func map(_ segment: Geometry.Segment, of file: File, _ writing: Writing) throws(StorageError) {
        for piece in segment.pieces {
            let address = unsafe address(of: piece, in: segment)
            try unsafe file.map(at: address, length: piece.length, offset: piece.fileOffset, writing)
        }
        if writing == .none && segment.slots.lowerBound == mappedSlots.load(ordering: .relaxed) {
            mappedSlots.store(segment.slots.upperBound, ordering: .relaxed)
        }
    }

    /// Puts zeroed memory behind the pieces of `segment`: a store that lives in memory.
    package func allocate(_ segment: Geometry.Segment, path: FilePath) throws(StorageError) {
        for piece in segment.pieces {
            let start = unsafe address(of: piece, in: segment) - addresses.start
            try claiming(path, addresses.commit(start..<start + piece.length))
        }
    }

    /// Where a piece belongs. Beyond the reserved range it would lie on top of the next column.
    private func address(of piece: Geometry.Piece, in segment: Geometry.Segment) -> UnsafeMutableRawPointer {
        precondition(segment.slots.upperBound <= reservedSlots, "segment \(segment.index) has no addresses")
        return unsafe base(of: piece.column) + piece.columnOffset
    }

    /// Copies bytes that belong at `fileOffset` of the file into memory that is this process's own; what lies outside
    /// the columns is left out.
    package func copy(_ bytes: UnsafeRawBufferPointer, fileOffset: Int, _ places: ColumnPlaces) {
        for segment in places.segments where segment.fileOffset < fileOffset + bytes.count && fileOffset < segment.end {
            for piece in segment.pieces {
                let low = max(fileOffset, piece.fileOffset)
                let high = min(fileOffset + bytes.count, piece.fileOffset + piece.length)
                guard low < high else { continue }
                let source = unsafe UnsafeRawBufferPointer(rebasing: bytes[low - fileOffset..<high - fileOffset])
                unsafe (base(of: piece.column) + piece.columnOffset + low - piece.fileOffset).copyMemory(
                    from: source.baseAddress!, byteCount: source.count)
            }
        }
    }

    /// How the kernel should expect the pages to be used.
    package enum Advice: Sendable {
        /// Everything fits in memory: large pages, so that the CPU finds addresses faster.
        case resident
        /// Read single rows, here and there.
        case random
    }

    /// Whether a segment's pages are in the page cache, as far as a sample of them tells.
    package func isCached(_ segment: Geometry.Segment) -> Bool {
        for piece in segment.pieces {
            let address = unsafe address(of: piece, in: segment)
            for sample in 0..<4 {
                let offset = piece.length / 4 * sample / Geometry.granule * Geometry.granule
                var residence: UInt8 = 0
                guard unsafe mincore(address + offset, 1, &residence) == 0, residence & 1 == 1 else { return false }
            }
        }
        return true
    }

    /// Has the kernel read rows from the disk, for who will look at them soon. From any thread.
    package func expect(_ slots: Range<Int>, of columns: [Geometry.Column] = Geometry.Column.allCases) {
        for column in columns {
            guard let pages = mappedPages(slots, of: column) else { continue }
            unsafe madvise(base(of: column) + pages.lowerBound, pages.count, MADV_WILLNEED)
        }
    }

    /// Has the kernel read the rows of `count` slots from the disk, all at a time. From any thread.
    package func expectRows(_ slots: UnsafePointer<UInt32>, _ count: Int, of column: Geometry.Column) {
        let stride = geometry.stride(of: column), base = unsafe base(of: column)
        let mapped = mappedSlots.load(ordering: .relaxed), page = Geometry.pageSize
        for index in 0..<count {
            let slot = unsafe Int(slots[index])
            guard slot < mapped else { continue }
            let first = slot * stride / page * page, end = roundUp((slot + 1) * stride, to: page)
            unsafe madvise(base + first, end - first, MADV_WILLNEED)
        }
    }

    /// Keeps a column of some segments in memory, as far as the process may lock any.
    package func lock(_ column: Geometry.Column, _ segments: [Geometry.Segment]) {
        for segment in segments {
            for piece in segment.pieces where piece.column == column {
                unsafe mlock(address(of: piece, in: segment), piece.length)
            }
        }
    }

    /// For who goes through all slots in order: gives the memory of rows back to the page cache. Others may be reading
    /// them; what is touched comes back.
    package func release(_ slots: Range<Int>, of columns: [Geometry.Column] = Geometry.Column.allCases) {
        for column in columns {
            // And what came back with the pages behind it.
            guard let pages = mappedPages(slots, of: column, behind: 2 * Self.faultAround) else { continue }
            unsafe madvise(base(of: column) + pages.lowerBound, pages.count, MADV_DONTNEED)
        }
    }

    /// The pages of rows, as bytes of their column, as far as they are a file's and nothing else.
    private func mappedPages(_ slots: Range<Int>, of column: Geometry.Column, behind: Int = 0) -> Range<Int>? {
        let stride = geometry.stride(of: column), mapped = mappedSlots.load(ordering: .relaxed)
        let start = max(0, slots.lowerBound * stride - behind) / Geometry.granule * Geometry.granule
        let end = min(slots.upperBound, mapped) * stride / Geometry.granule * Geometry.granule
        return start < end ? start..<end : nil
    }

    /// Passes `advice` on for the pieces of `segment`, which are mapped. Advice that the kernel does not take changes
    /// nothing but speed.
    package func advise(_ advice: Advice, _ segment: Geometry.Segment) {
        for piece in segment.pieces {
            let address = unsafe address(of: piece, in: segment)
            switch advice {
            case .resident:
                #if canImport(Glibc)
                unsafe madvise(address, piece.length, MADV_HUGEPAGE)
                #endif
            case .random: unsafe madvise(address, piece.length, MADV_RANDOM)
            }
        }
    }
}
