package import FileFormat
import Threading

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

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
    private let readsKept: Int
    private let process = getpid()
    private let state: Guarded<State>

    private struct State {
        var places: RowPlaces
        /// What nobody has now.
        var idle: [RowReads]
        /// How many there are.
        var count = 1
    }

    /// Each has an open file, and memory that the kernel holds. Searches beyond so many read through mapped memory.
    private static let most = min(64, max(16, 8 * Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))))

    /// nil where rows cannot be read past the page cache. `entry`: the file that `memory` maps as `mapped`, in
    /// `segments`, and that is changed by writing it alone. `readsKept`: how many reads a search has before it forgets
    /// the first ones.
    package init?(
        _ entry: Directory.Entry, mapped: File, _ memory: ColumnMemory, _ segments: [Geometry.Segment],
        _ column: Geometry.Column, readsKept: Int = 64
    ) {
        guard let file = try? File(entry, .read), file.isSame(as: mapped), file.bypassCache(),
            let first = RowReads(file, memory, column, capacity: readsKept)
        else { return nil }
        self.file = file
        self.memory = memory
        self.column = column
        self.readsKept = readsKept
        var places = RowPlaces()
        for segment in segments { places.append(segment, column) }
        state = Guarded(State(places: places, idle: [first]))
    }

    /// The file has one more segment.
    package func append(_ segment: Geometry.Segment) { state.withLock { $0.places.append(segment, column) } }

    /// Lends reads to one search; nil where that cannot be done. `giveBack` ends it.
    package func lend() -> RowReads? {
        // A child that was forked off shares the ring with its parent, and whoever had the lock then is not in it.
        guard getpid() == process else { return nil }
        return state.withLock { state in
            var reads = state.idle.popLast()
            if reads == nil && state.count < Self.most {
                reads = RowReads(file, memory, column, capacity: readsKept)
                state.count += reads == nil ? 0 : 1
            }
            reads?.places = state.places
            return reads
        }
    }

    package func giveBack(_ reads: RowReads) {
        reads.finish()
        state.withLock { state in
            if reads.isBroken { state.count -= 1 } else { state.idle.append(reads) }
        }
    }

    /// Memory for what is read.
    package var byteCount: Int { state.withLock { $0.count * ($0.idle.first?.byteCount ?? 0) } }

    /// How many reads have ended, by what nobody has now.
    package var endedCount: Int { state.withLock { $0.idle.reduce(0) { $0 + $1.endedCount } } }
}
