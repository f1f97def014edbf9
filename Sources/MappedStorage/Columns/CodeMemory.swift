import Allocation
import FileFormat
package import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The rows of codes, at addresses that never change: a file mapped for reading and changed by writing it, or this
/// process's own memory. The address range is reserved for as many rows as the store may ever have.
@safe
package final class CodeMemory: @unchecked Sendable {
    // Sendable because `usableBytes` belongs to the thread that changes the store, and all else is immutable after
    // init.

    package let rowBytes: Int
    /// Where slot 0's row is in the file.
    private let rowsOffset: Int
    /// The file that the rows are written to; nil for memory of this process.
    private let file: File?
    /// Whether the rows are in memory of this process, whatever file they are in as well.
    private let isOwned: Bool
    private let addresses: AddressRange
    /// Bytes of the file, or of memory as if there were one, that may be touched.
    private var usableBytes = 0
    /// Room is made for so much more than is needed, or for a share of what there is.
    private static let step = 256 << 10
    private let path: FilePath

    /// Rows in memory. `slots`: the most that there can be.
    package init(rowBytes: Int, slots: Int, path: FilePath) throws(StorageError) {
        (file, self.rowBytes, rowsOffset, self.path, isOwned) = (nil, rowBytes, Geometry.pageSize, path, true)
        addresses = try Self.reserve(rowsOffset + slots * rowBytes, path)
    }

    /// Rows of `file` from `rowsOffset` on, a multiple of the page size; it has `count` of them at least. Not
    /// `isWritable`: changes of rows stay in this process. `isOwned`: the rows are read into memory of this process,
    /// where nothing else can push them out.
    package init(
        _ file: File, rowsOffset: Int, rowBytes: Int, count: Int, slots: Int, isWritable: Bool, isOwned: Bool = false
    ) throws(StorageError) {
        self.file = isWritable ? file : nil
        self.isOwned = isOwned
        (self.rowBytes, self.rowsOffset, path) = (rowBytes, rowsOffset, file.path)
        addresses = try Self.reserve(rowsOffset + max(slots, count) * rowBytes, file.path)
        let length = rowsOffset + count * rowBytes
        if isOwned {
            try read(file, length: length)
            return
        }
        try unsafe file.map(at: start, length: length, offset: 0, isWritable ? .none : .copied)
        usableBytes = roundUp(length, to: Self.pageSize)
        advise(from: 0, to: usableBytes)
    }

    /// Reads the file from `rowsOffset` up to `length`.
    private func read(_ file: File, length: Int) throws(StorageError) {
        let end = roundUp(length, to: Self.pageSize), from = unsafe start - addresses.start
        try claiming(path, addresses.commit(from..<from + end))
        usableBytes = end
        advise(from: 0, to: end)
        let step = 8 << 20
        for offset in stride(from: rowsOffset, to: length, by: step) {
            let room = unsafe UnsafeMutableRawBufferPointer(start: start + offset, count: min(step, length - offset))
            guard try unsafe file.read(into: room, at: offset) == room.count else {
                throw StorageError(path, "read the quantized vectors", .ioError)
            }
        }
    }

    private static func reserve(_ length: Int, _ path: FilePath) throws(StorageError) -> AddressRange {
        try claiming(path, AddressRange(roundUp(length, to: Geometry.hugePage) + 2 * Geometry.hugePage))
    }

    private static let pageSize = Int(sysconf(Int32(_SC_PAGESIZE)))
    private var start: UnsafeMutableRawPointer { unsafe addresses.start.alignedUp(toMultipleOf: Geometry.hugePage) }

    /// Where slot 0's row is.
    package var base: UnsafeMutableRawPointer { unsafe start + rowsOffset }

    /// Makes room for rows below `slots`.
    package func extend(to slots: Int) throws(StorageError) {
        let needed = rowsOffset + slots * rowBytes
        guard needed > usableBytes else { return }
        let end = min(
            roundUp(needed + max(Self.step, needed / 8), to: Self.step), addresses.byteCount - Geometry.hugePage)
        guard needed <= end else { throw StorageError(path, "make room for more codes", .noMemory) }
        let length = end - usableBytes, place = unsafe start + usableBytes
        if let file { try file.allocate(from: usableBytes, to: end) }
        if let file, !isOwned {
            try unsafe file.map(at: place, length: length, offset: usableBytes, .none)
        } else {
            let from = unsafe place - addresses.start
            try claiming(path, addresses.commit(from..<from + length))
        }
        advise(from: usableBytes, to: end)
        usableBytes = end
    }

    /// Writes rows, from that of `slot` on; there is room for them.
    package func write(_ rows: UnsafeRawBufferPointer, at slot: Int) throws(StorageError) {
        let offset = rowsOffset + slot * rowBytes
        precondition(offset + rows.count <= usableBytes)
        if let file { unsafe try file.write(rows, at: offset) }
        guard isOwned || file == nil else { return }
        if let source = rows.baseAddress { unsafe (start + offset).copyMemory(from: source, byteCount: rows.count) }
    }

    /// Large pages, so that the CPU finds addresses faster; a kernel that does not take the advice is slower.
    private func advise(from: Int, to: Int) {
        #if canImport(Glibc)
        unsafe madvise(start + from, to - from, MADV_HUGEPAGE)
        #endif
    }
}
