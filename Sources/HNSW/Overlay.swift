/// Level-0 link lists of published slots that were changed since the last checkpoint. The mapped file is never written
/// outside a checkpoint; a changed list lives here, and one state byte per slot says so to whoever reads lists.
@safe
package final class Overlay {
    /// Bit 0 of a slot's state byte: its list is in the overlay.
    package static let changed: UInt8 = 1

    private let states = Memory<UInt8>(1)
    /// The number of each changed slot's list.
    private let places = SlotMap()
    private var lists = Memory<UInt32>(1)
    private let listLength: Int
    package private(set) var count = 0

    /// `capacity`: links of a list (2M). A list takes one u32 more, its head.
    init(capacity: Int) {
        listLength = capacity + 1
    }

    package var byteCount: Int { states.byteCount + places.byteCount + lists.byteCount }

    /// Makes room for the state bytes of slots below `count`.
    func prepare(slots count: Int) { states.grow(to: count) }

    /// The state bytes, one per slot.
    @inline(__always)
    var stateBytes: UncheckedBuffer<UInt8> { states.buffer }

    /// The changed list of `slot`: its head, then its ids. Only for a slot whose state byte says so.
    func list(_ slot: UInt32) -> UncheckedBuffer<UInt32> {
        lists.buffer.dropFirst(places.view[slot]! * listLength)
    }

    /// Makes a list for `slot`, copied from its base list, unless there is one. Not while anyone reads lists.
    func makeList(_ slot: UInt32, head: UInt32, ids: UncheckedBuffer<UInt32>) {
        guard states.buffer[Int(slot)] & Self.changed == 0 else { return }
        lists.grow(to: (count + 1) * listLength)
        let list = lists.buffer.dropFirst(count * listLength)
        list[0] = head
        list.dropFirst(1).copy(ids, length: listLength - 1)
        places.insert(slot, count)
        states.buffer[Int(slot)] |= Self.changed
        count += 1
    }
}
