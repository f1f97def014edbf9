/// A number for some of the slots: open addressing, slot + 1 as key, 0 for an empty bucket. Whoever inserts must be alone.
@safe
final class SlotMap {
    private var keys = Memory<UInt32>(64)
    private var values = Memory<UInt32>(64)
    private var count = 0

    /// `expected`: entries to make room for at once.
    init(expected: Int = 0) {
        var buckets = 64
        while buckets < 2 * expected { buckets *= 2 }
        if buckets > 64 { (keys, values) = (Memory(buckets), Memory(buckets)) }
    }

    var byteCount: Int { keys.byteCount + values.byteCount }

    /// The entries as a value for a hot loop; good until the next insertion.
    @inline(__always)
    var view: View { View(keys: keys.buffer, values: values.buffer) }

    @safe
    struct View {
        fileprivate let keys: UncheckedBuffer<UInt32>
        fileprivate let values: UncheckedBuffer<UInt32>

        /// The number of `slot`; nil if it has none.
        @inline(__always)
        subscript(slot: UInt32) -> Int? {
            let bucket = SlotMap.bucket(of: slot, in: keys)
            return keys[bucket] == 0 ? nil : Int(values[bucket])
        }
    }

    /// Gives `slot`, which has none, a number.
    func insert(_ slot: UInt32, _ value: Int) {
        if 2 * (count + 1) > keys.buffer.count { grow() }
        place(slot, UInt32(value))
        count += 1
    }

    private func place(_ slot: UInt32, _ value: UInt32) {
        let bucket = Self.bucket(of: slot, in: keys.buffer)
        keys.buffer[bucket] = slot + 1
        values.buffer[bucket] = value
    }

    private func grow() {
        let (oldKeys, oldValues) = (keys, values)
        keys = Memory(2 * oldKeys.buffer.count)
        values = Memory(2 * oldKeys.buffer.count)
        for bucket in 0..<oldKeys.buffer.count where oldKeys.buffer[bucket] != 0 {
            place(oldKeys.buffer[bucket] - 1, oldValues.buffer[bucket])
        }
    }

    /// Where `slot` is, or the empty bucket where it would be.
    @inline(__always)
    fileprivate static func bucket(of slot: UInt32, in keys: UncheckedBuffer<UInt32>) -> Int {
        let mask = keys.count &- 1
        var bucket = Int((slot &* 0x9E37_79B1) >> 4) & mask
        while keys[bucket] != 0 && keys[bucket] != slot &+ 1 { bucket = (bucket &+ 1) & mask }
        return bucket
    }
}
