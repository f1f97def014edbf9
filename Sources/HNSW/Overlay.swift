/// Level-0 link lists of published slots that were changed since the last checkpoint. The mapped file is never written
/// outside a checkpoint; a changed list lives here, and one state byte per slot says so to whoever reads lists.
@safe
package final class Overlay {
    /// Bit 0 of a slot's state byte: its list is in the overlay.
    package static let changed: UInt8 = 1

    private let states = Memory<UInt8>(1)
    /// Open addressing: slot + 1 and the number of its list; 0 is empty.
    private var keys = Memory<UInt32>(64)
    private var values = Memory<UInt32>(64)
    private var lists = Memory<UInt32>(1)
    private let listLength: Int
    package private(set) var count = 0

    /// `capacity`: links of a list (2M). A list takes one u32 more, its head.
    init(capacity: Int) {
        listLength = capacity + 1
    }

    package var byteCount: Int { states.byteCount + keys.byteCount + values.byteCount + lists.byteCount }

    /// Makes room for the state bytes of slots below `count`.
    func prepare(slots count: Int) { states.grow(to: count) }

    /// The state bytes, one per slot.
    @inline(__always)
    var stateBytes: UncheckedBuffer<UInt8> { states.buffer }

    /// The changed list of `slot`: its head, then its ids. Only for a slot whose state byte says so.
    func list(_ slot: UInt32) -> UncheckedBuffer<UInt32> {
        let mask = keys.buffer.count - 1
        var bucket = Self.hash(slot) & mask
        while keys.buffer[bucket] != slot + 1 {
            assert(keys.buffer[bucket] != 0)
            bucket = (bucket + 1) & mask
        }
        return lists.buffer.dropFirst(Int(values.buffer[bucket]) * listLength)
    }

    /// Makes a list for `slot`, copied from its base list, unless there is one. Not while anyone reads lists.
    func makeList(_ slot: UInt32, head: UInt32, ids: UncheckedBuffer<UInt32>) {
        guard states.buffer[Int(slot)] & Self.changed == 0 else { return }
        if 2 * (count + 1) > keys.buffer.count { rehash() }
        lists.grow(to: (count + 1) * listLength)
        let list = lists.buffer.dropFirst(count * listLength)
        list[0] = head
        list.dropFirst(1).copy(ids, length: listLength - 1)
        place(slot, UInt32(count))
        states.buffer[Int(slot)] |= Self.changed
        count += 1
    }

    private func place(_ slot: UInt32, _ value: UInt32) {
        let mask = keys.buffer.count - 1
        var bucket = Self.hash(slot) & mask
        while keys.buffer[bucket] != 0 { bucket = (bucket + 1) & mask }
        keys.buffer[bucket] = slot + 1
        values.buffer[bucket] = value
    }

    private func rehash() {
        let (oldKeys, oldValues) = (keys, values)
        keys = Memory(2 * oldKeys.buffer.count)
        values = Memory(2 * oldKeys.buffer.count)
        for bucket in 0..<oldKeys.buffer.count where oldKeys.buffer[bucket] != 0 {
            place(oldKeys.buffer[bucket] - 1, oldValues.buffer[bucket])
        }
    }

    private static func hash(_ slot: UInt32) -> Int { Int((slot &* 0x9E37_79B1) >> 4) }
}
