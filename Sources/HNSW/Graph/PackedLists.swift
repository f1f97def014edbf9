package import Allocation
import CKernels
import Synchronization
import Threading

/// The link lists of level 0 in as few bits as their ids take, in memory of this process: for stores whose links column
/// would be pushed out of memory by the vectors. About 57 bytes a slot at M = 16, where the column takes 132.
///
/// A list is two words or more: its count and the bits of an id, then the ids, one after the other. It is never changed
/// once readers may see it. A list that is replaced stays where it is, until the lists are packed again.
@safe
package final class PackedLists: @unchecked Sendable {
    // Sendable because places are atomic, a list is not written once its place is, and the rest is touched under
    // `adding`.

    /// By slot, where its list begins, in words from 1 on; 0: it is not here.
    private let places: ReservedArray<Atomic<UInt32>>
    private let words: ReservedArray<UInt32>
    private var end = 1
    /// Words of lists that were replaced.
    package private(set) var lostWords = 0
    private let capacity: Int
    private let adding = Guarded<Void>(())

    /// For lists of at most `capacity` ids in up to `slots` slots, of which there are `count` now.
    package init(capacity: Int, slots: Int, count: Int) throws(OutOfMemory) {
        self.capacity = capacity
        places = try ReservedArray(capacity: slots)
        // Whatever the ids are, and as much again for lists that are replaced or come. What finds no room stays in the
        // column.
        words = try ReservedArray(capacity: min(2 * max(count, 1) * (capacity + 2) + 2, Int(UInt32.max)))
    }

    /// Bytes in use.
    package var byteCount: Int { adding.withLock { _ in 4 * end } }

    /// Makes room for slots below `count`.
    package func extend(slots count: Int) throws(OutOfMemory) { try places.extend(to: count) }

    /// Puts the list of `slot` here, in the place of the one that is here; without room for it there is none here then.
    private func set(_ slot: UInt32, _ ids: UncheckedBuffer<UInt32>, count: Int) {
        let count = min(count, capacity)
        var highest: UInt32 = 0
        for index in 0..<count { highest |= ids[index] }
        let bits = max(1, 32 - highest.leadingZeroBitCount), length = 1 + (count * bits + 31) / 32
        // Two words more, because ids are read eight bytes at a time.
        let entry = unsafe places.base + Int(slot)
        guard end + length + 2 <= words.capacity, (try? words.extend(to: end + length + 2)) != nil else {
            return unsafe entry.pointee.store(0, ordering: .releasing)
        }
        let start = end
        unsafe words.base[start] = UInt32(count) | UInt32(bits) << 16
        var pending: UInt64 = 0, filled = 0, place = start + 1
        for index in 0..<count {
            pending |= UInt64(ids[index]) << UInt64(filled)
            filled += bits
            if filled >= 32 {
                unsafe words.base[place] = UInt32(truncatingIfNeeded: pending)
                pending >>= 32
                filled -= 32
                place += 1
            }
        }
        if filled > 0 { unsafe words.base[place] = UInt32(truncatingIfNeeded: pending) }
        end += length
        let former = unsafe entry.pointee.load(ordering: .relaxed)
        if former != 0 {
            let head = unsafe words.base[Int(former)]
            lostWords += 1 + (Int(head & 0xffff) * Int(head >> 16) + 31) / 32
        }
        unsafe entry.pointee.store(UInt32(start), ordering: .releasing)
    }

    /// Takes over lists that the columns have from now on.
    func update(_ lists: [(slot: UInt32, ids: UncheckedBuffer<UInt32>, count: Int)]) {
        adding.withLock { _ in
            for list in lists { set(list.slot, list.ids, count: list.count) }
        }
    }

    /// Takes the lists of some slots over from the columns, but those that `isChanged` says are elsewhere.
    func pack(_ slots: Range<Int>, of columns: Columns, unless isChanged: (UInt32) -> Bool) {
        adding.withLock { _ in
            for slot in slots {
                let slot = UInt32(truncatingIfNeeded: slot)
                guard !isChanged(slot) else { continue }
                let ids = unsafe UncheckedBuffer(columns.links + Int(slot) &* columns.linkStride, count: capacity)
                unsafe set(slot, ids, count: Int(columns.linkHeads[Int(slot)] & 0xffff))
            }
        }
    }

    /// Puts the ids of a list into `room`, which has room for a whole list, and returns how many there are; nil if the
    /// list is not here.
    @inline(__always)
    func unpack(_ slot: UInt32, into room: UncheckedBuffer<UInt32>) -> Int? {
        let place = unsafe Int((places.base + Int(slot)).pointee.load(ordering: .acquiring))
        guard place != 0 else { return nil }
        let head = unsafe words.base[place], count = Int(head & 0xffff), bits = Int(head >> 16)
        let start = unsafe UnsafeRawPointer(words.base + (place &+ 1)), mask = UInt64(1) &<< UInt64(bits) &- 1
        var bit = 0, index = 0
        while index < count {
            let word = unsafe (start + (bit >> 3)).loadUnaligned(as: UInt64.self)
            room[index] = UInt32(truncatingIfNeeded: word &>> UInt64(bit & 7) & mask)
            bit &+= bits
            index &+= 1
        }
        return count
    }

    /// Asks for the beginning of a list.
    @inline(__always)
    func prefetch(_ slot: UInt32) {
        let place = unsafe Int((places.base + Int(slot)).pointee.load(ordering: .relaxed))
        unsafe cairn_prefetch_lines(words.base + place, 2)
    }
}
