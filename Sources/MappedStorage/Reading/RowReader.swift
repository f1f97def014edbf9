import CReadRing
package import FileFormat
import Synchronization

/// Reads rows of a column from the disk, many at a time and past the page cache: so they push nothing out of memory that
/// is needed again, and the time is that of the disk's queue, not of one read after the other.
///
/// It needs a kernel with io_uring that lets this process have it, and a file system that reads past its cache. Where
/// there is none, rows are read through their mapped memory.
@safe
package final class RowReader: Sendable {
    private let file: File
    private let memory: ColumnMemory
    private let column: Geometry.Column
    private let count = Atomic<Int>(0)

    /// Threads beyond so many read through mapped memory: each ring is an open file.
    private static let most = 64

    /// nil where rows cannot be read past the page cache. `entry`: the file that `memory` maps as `mapped`.
    package init?(_ entry: Directory.Entry, mapped: File, _ memory: ColumnMemory, _ column: Geometry.Column) {
        guard let file = try? File(entry, .read), file.isSame(as: mapped), file.bypassCache() else { return nil }
        self.file = file
        self.memory = memory
        self.column = column
    }

    /// Reads for one thread; nil where that cannot be done.
    package func makeReads() -> RowReads? {
        guard count.add(1, ordering: .relaxed).newValue <= Self.most else {
            leave()
            return nil
        }
        guard let reads = RowReads(self, stride: memory.geometry.stride(of: column)) else {
            leave()
            return nil
        }
        return reads
    }

    /// Whether the kernel lets this process have what it takes.
    static var isPossible: Bool {
        var byte: UInt8 = 0
        guard let ring = unsafe cairn_read_ring_open(1, -1, &byte, 1) else { return false }
        unsafe cairn_read_ring_close(ring)
        return true
    }

    func leave() { count.subtract(1, ordering: .relaxed) }

    var descriptor: Int32 { file.descriptor }

    /// Where the row of a slot is in the file; nil if it is in memory of this process.
    func fileOffset(of slot: UInt32) -> Int? { memory.fileOffset(ofRow: slot, of: column) }

    /// Where the row of a slot is in memory.
    func row(_ slot: UInt32) -> UnsafeRawPointer {
        unsafe UnsafeRawPointer(memory.base(of: column) + Int(slot) * memory.geometry.stride(of: column))
    }
}
