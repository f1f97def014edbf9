import Allocation
import Synchronization

/// Level-0 link lists that were changed since the last checkpoint, in heap memory over columns that are not written
/// meanwhile. For each slot the number of its list in the arena, or 0 for the one in the columns; twice, because the
/// writer's newest lists become the searches' only when their batch is published.
@safe
package final class Overlay: @unchecked Sendable {
    // Sendable because searches read only atomics and published lists, `changedSlots` belongs to whoever publishes, one
    // thread at a time, and the rest to the thread that writes.

    let arena: ListArena
    let published: ReservedArray<Atomic<UInt32>>
    let newest: ReservedArray<Atomic<UInt32>>
    /// The slots whose published list is here, in the order they came.
    package internal(set) var changedSlots: [UInt32] = []

    /// `capacity`: links of a list (2M). `slots`: the most there can be.
    init(capacity: Int, slots: Int) throws(OutOfMemory) {
        arena = try ListArena(capacity: capacity, owners: slots)
        published = try ReservedArray(capacity: slots)
        newest = try ReservedArray(capacity: slots)
    }

    /// Slots whose newest list is here.
    var newestCount = 0

    /// Heap memory of the changed lists, and of finding them.
    package var byteCount: Int { newestCount * (arena.listBytes + 8) }

    /// Makes room for slots below `count`.
    func extend(slots count: Int) throws(OutOfMemory) {
        try published.extend(to: count)
        try newest.extend(to: count)
    }
}

extension ReservedArray<Atomic<UInt32>> {
    @inline(__always)
    func load(_ index: Int) -> UInt32 {
        assert(index < capacity)
        return unsafe (base + index).pointee.load(ordering: .acquiring)
    }

    @inline(__always)
    func store(_ value: UInt32, at index: Int) {
        assert(index < capacity)
        unsafe (base + index).pointee.store(value, ordering: .releasing)
    }
}
