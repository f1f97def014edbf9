import HNSW

/// From label to slot, in memory: for stores that live there, and for one on disk whose file `labels` is missing or that is
/// asked for many labels. Live and marked slots are in. Its owner lets one thread at a time in.
@safe
final class LabelIndex: LabelBuckets, @unchecked Sendable {
    private(set) var buckets: Memory<UInt32>
    private(set) var count = 0
    private let slots: SlotRecords

    init(slots: SlotRecords, expected: Int = 0) {
        self.slots = slots
        buckets = Memory(Self.bucketCount(expected))
    }

    /// Buckets for `count` labels: a power of two, at most three quarters full.
    static func bucketCount(_ count: Int) -> Int {
        var buckets = 64
        while buckets * 3 < count * 4 { buckets *= 2 }
        return buckets
    }

    var byteCount: Int { buckets.byteCount }
    var bucketCount: Int { buckets.buffer.count }
    func load(_ bucket: Int) -> UInt32 { buckets.buffer[bucket] }
    func store(_ value: UInt32, at bucket: Int) { buckets.buffer[bucket] = value }
    func label(_ slot: UInt32) -> Label { slots.label(slot) }

    /// Adds `slot` under its label, with more buckets if need be. False, and nothing changed, if the label is there already.
    func add(_ slot: UInt32) -> Bool {
        if (count + 1) * 4 > bucketCount * 3 { grow() }
        guard insert(slot) else { return false }
        count += 1
        return true
    }

    /// Makes a label lead elsewhere; `old` and `new`: nil for nowhere.
    func change(_ label: Label, from old: UInt32?, to new: UInt32?) {
        let isReplaced = old.map { replace(label, $0, by: new) } ?? false
        if isReplaced && new == nil { count -= 1 }
        // What it led to before may not have been seen when the index was made.
        if !isReplaced, let new { _ = add(new) }
    }

    private func grow() {
        let old = buckets.buffer, former = buckets
        buckets = Memory(2 * old.count)
        for bucket in 0..<old.count where old[bucket] != 0 { _ = insert(old[bucket] - 1) }
        withExtendedLifetime(former) {}
    }
}
