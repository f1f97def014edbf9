import Allocation
import HNSW
import Synchronization

/// From label to slot, in memory. One thread at a time adds, any number look up at the same time.
///
/// A slot that left its label stays in, because older views may still see it there. So one label may have several
/// slots, and whoever looks it up says which of them will do.
@safe
final class LabelIndex: LabelBuckets, @unchecked Sendable {
    // Sendable because one thread at a time adds, under the lock of whoever owns it, and lookups go by atomic buckets.

    private let memory: Memory<UInt32>
    private let buckets: UnsafeMutablePointer<Atomic<UInt32>>
    /// Buckets in use.
    private(set) var count = 0
    private let slots: SlotRecords

    /// In the bucket of a slot that left its label. Slots are below 2³¹ - 1.
    private static let leftFlag: UInt32 = 1 << 31

    /// Room for nothing, which takes no memory.
    init(slots: SlotRecords) {
        self.slots = slots
        memory = Memory()
        unsafe buckets = Self.atomics(memory)
    }

    /// Room for `expected` slots.
    init(slots: SlotRecords, expected: Int) throws(OutOfMemory) {
        self.slots = slots
        memory = try Memory(Self.bucketCount(expected))
        unsafe buckets = Self.atomics(memory)
    }

    private static func atomics(_ memory: Memory<UInt32>) -> UnsafeMutablePointer<Atomic<UInt32>> {
        unsafe UnsafeMutableRawPointer(memory.buffer.base).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    /// Buckets for `count` labels: a power of two, at most three quarters full.
    static func bucketCount(_ count: Int) -> Int {
        var buckets = 64
        while buckets * 3 < count * 4 { buckets *= 2 }
        return buckets
    }

    var byteCount: Int { memory.byteCount }
    var bucketCount: Int { memory.buffer.count }
    /// The buckets, for whoever is alone with them.
    var table: UncheckedBuffer<UInt32> { memory.buffer }
    func load(_ bucket: Int) -> UInt32 { value(bucket) & ~Self.leftFlag }
    func label(_ slot: UInt32) -> Label { slots.label(slot) }

    private func value(_ bucket: Int) -> UInt32 { unsafe buckets[bucket].load(ordering: .acquiring) }

    /// Whether `number` slots more find room.
    func hasRoom(for number: Int) -> Bool { (count + number) * 4 <= bucketCount * 3 }

    /// Adds `slot` under `label`. There must be room.
    func add(_ slot: UInt32, _ label: Label) {
        var bucket = Self.home(label, of: bucketCount)
        while true {
            let value = value(bucket)
            if value == 0 || value & ~Self.leftFlag == slot + 1 {
                count += value == 0 ? 1 : 0
                return unsafe buckets[bucket].store(slot + 1, ordering: .releasing)
            }
            bucket = (bucket + 1) & (bucketCount - 1)
        }
    }

    /// Notes that `label` leads to `slot` no longer, if it is in.
    func leave(_ slot: UInt32, _ label: Label) {
        guard let bucket = bucket(of: slot, label) else { return }
        unsafe buckets[bucket].store(slot + 1 | Self.leftFlag, ordering: .releasing)
    }

    /// Whether `slot` is in under `label`, and has not left it.
    func contains(_ slot: UInt32, _ label: Label) -> Bool { bucket(of: slot, label) != nil }

    private func bucket(of slot: UInt32, _ label: Label) -> Int? {
        guard bucketCount > 0 else { return nil }
        var bucket = Self.home(label, of: bucketCount)
        while true {
            let value = value(bucket)
            if value == 0 { return nil }
            if value == slot + 1 { return bucket }
            bucket = (bucket + 1) & (bucketCount - 1)
        }
    }

    /// A new index of what this one holds without the slots that left, with room for `number` more.
    func enlarged(by number: Int) throws(OutOfMemory) -> LabelIndex {
        var held = 0
        for bucket in 0..<bucketCount where isHeld(value(bucket)) { held += 1 }
        // In proportion to what there is, so that adding one by one costs O(1) each.
        let index = try LabelIndex(slots: slots, expected: held + max(held / 2, number))
        for bucket in 0..<bucketCount where isHeld(value(bucket)) {
            let slot = value(bucket) - 1
            index.add(slot, slots.label(slot))
        }
        return index
    }

    private func isHeld(_ value: UInt32) -> Bool { value != 0 && value & Self.leftFlag == 0 }
}
