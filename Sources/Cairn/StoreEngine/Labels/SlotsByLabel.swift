import Allocation
import HNSW

/// From label to slot for a store that is being written, whose slot table cannot be looked into: over the labels of all
/// slots.
final class SlotsByLabel: WritableLabelBuckets {
    private let labels: [Label]
    let buckets: Memory<UInt32>
    private(set) var count = 0
    /// Buckets that were looked at.
    private var probes = 0

    /// Labels that look alike to the hash are possible; a file of nothing else is made so that importing it never
    /// ends.
    private static let probesPerLabel = 1000

    /// `labels`: by slot.
    init(_ labels: [Label]) throws(OutOfMemory) {
        self.labels = labels
        buckets = try Memory(LabelIndex.bucketCount(labels.count))
    }

    var bucketCount: Int { buckets.buffer.count }
    func load(_ bucket: Int) -> UInt32 {
        probes += 1
        return buckets.buffer[bucket]
    }
    func store(_ value: UInt32, at bucket: Int) { buckets.buffer[bucket] = value }
    func label(_ slot: UInt32) -> Label { labels[Int(slot)] }

    /// Adds `slot` under its label. False, and nothing changed, if that leads somewhere already.
    func add(_ slot: UInt32) -> Bool {
        guard insert(slot) else { return false }
        count += 1
        return true
    }

    /// Adds every slot, where a label may come again: the last live slot of a label is the one it leads to, or the last
    /// slot if none is live. Gives those that are left without a label, ascending. Throws for labels that were chosen
    /// to collide.
    func addAll(isMarked: (UInt32) -> Bool) throws(StoreError) -> [UInt32] {
        var superseded: [UInt32] = []
        for slot in 0..<UInt32(labels.count) {
            guard probes <= Self.probesPerLabel * (Int(slot) + 1000) else {
                throw StoreError(
                    .invalidArgument,
                    "its labels were chosen to make an index of them slow",
                    remedy: "give the vectors other labels")
            }
            if insert(slot) {
                count += 1
            } else if let other = self.slot(of: label(slot)) {
                try takingMemory(for: nil, superseded.expectRoom())
                if isMarked(slot) && !isMarked(other) {
                    superseded.append(slot)
                } else {
                    _ = replace(label(slot), other, by: slot)
                    superseded.append(other)
                }
            }
        }
        return superseded.sorted()
    }
}
