import FileFormat
import HNSW
import Synchronization

/// How many slots are in which state, and the caller's position: what a batch changes of the header beyond the graph.
struct StoreCounts: Sendable, Hashable {
    var live = 0
    var marked = 0
    /// Erased or superseded.
    var free = 0
    /// A number of the caller's that came with a batch.
    var position: UInt64 = 0

    init() {}

    init(_ header: HeaderSlot) {
        (live, marked, free) = (header.liveCount, header.markedCount, header.freeCount)
        position = header.position
    }

    /// Whether so many slots can be in these states, which they cannot where states were not what they were taken for.
    func isPossible(of slots: Int) -> Bool {
        live >= 0 && marked >= 0 && free >= 0 && live + marked + free == slots
    }

    /// Counts one slot that goes from one state to another.
    mutating func move(from old: SlotState, to new: SlotState) {
        add(-1, to: old)
        add(1, to: new)
    }

    private mutating func add(_ number: Int, to state: SlotState) {
        switch state {
        case .unused: break
        case .live: live += number
        case .marked: marked += number
        default: free += number
        }
    }
}

/// The counts as of the last batch that searches see.
final class PublishedCounts: Sendable {
    private let live = Atomic<Int>(0)
    private let marked = Atomic<Int>(0)
    private let free = Atomic<Int>(0)
    private let position = Atomic<UInt64>(0)

    init(_ counts: StoreCounts) { store(counts) }

    func store(_ counts: StoreCounts) {
        live.store(counts.live, ordering: .releasing)
        marked.store(counts.marked, ordering: .releasing)
        free.store(counts.free, ordering: .releasing)
        position.store(counts.position, ordering: .releasing)
    }

    func load() -> StoreCounts {
        var counts = StoreCounts()
        counts.live = live.load(ordering: .acquiring)
        counts.marked = marked.load(ordering: .acquiring)
        counts.free = free.load(ordering: .acquiring)
        counts.position = position.load(ordering: .acquiring)
        return counts
    }
}
