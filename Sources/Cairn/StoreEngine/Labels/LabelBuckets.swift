import HNSW

/// Open addressing from label to slot, in memory or in the file: a bucket holds slot + 1, 0 is empty; the labels
/// themselves are with the slots.
protocol LabelBuckets {
    associatedtype Failure: Error
    /// A power of two, or 0.
    var bucketCount: Int { get }
    func load(_ bucket: Int) throws(Failure) -> UInt32
    /// The label of a slot that a bucket holds.
    func label(_ slot: UInt32) throws(Failure) -> Label
}

extension LabelBuckets {
    /// Where the search for `label` begins: its Fibonacci hash's high bits.
    static func home(_ label: Label, of count: Int) -> Int {
        Int((label &* 0x9E37_79B9_7F4A_7C15) >> UInt64(64 - count.trailingZeroBitCount))
    }

    /// The first slot under `label` that `accepts` takes; nil if there is none.
    func slot(of label: Label, where accepts: (UInt32) -> Bool = { _ in true }) throws(Failure) -> UInt32? {
        guard bucketCount > 0 else { return nil }
        var bucket = Self.home(label, of: bucketCount)
        // Every bucket is full only in a damaged file.
        for _ in 0..<bucketCount {
            let value = try load(bucket)
            if value == 0 { return nil }
            if try self.label(value - 1) == label && accepts(value - 1) { return value - 1 }
            bucket = (bucket + 1) & (bucketCount - 1)
        }
        return nil
    }
}

/// Buckets that one thread changes, each label in once. Taking a label out closes the gap, so no bucket is ever merely
/// deleted.
protocol WritableLabelBuckets: LabelBuckets {
    func store(_ value: UInt32, at bucket: Int) throws(Failure)
}

extension WritableLabelBuckets {
    /// Adds the slot under its label. False, and nothing changed, if the label is there already or there is no room.
    func insert(_ slot: UInt32) throws(Failure) -> Bool {
        let label = try label(slot)
        var bucket = Self.home(label, of: bucketCount)
        for _ in 0..<bucketCount {
            let value = try load(bucket)
            if value == 0 {
                try store(slot + 1, at: bucket)
                return true
            }
            if try self.label(value - 1) == label { return false }
            bucket = (bucket + 1) & (bucketCount - 1)
        }
        return false
    }

    /// Makes `label`, which leads to slot `old`, lead to `slot`, or to nothing. `label` is what `old` was called when
    /// it was put in. False if it was not there.
    func replace(_ label: Label, _ old: UInt32, by slot: UInt32?) throws(Failure) -> Bool {
        var bucket = Self.home(label, of: bucketCount)
        for _ in 0..<bucketCount {
            let value = try load(bucket)
            if value == 0 { return false }
            if value == old + 1 {
                if let slot { try store(slot + 1, at: bucket) } else { try close(bucket) }
                return true
            }
            bucket = (bucket + 1) & (bucketCount - 1)
        }
        return false
    }

    /// Empties a bucket and moves what comes after it forward, so that every label is still found.
    private func close(_ bucket: Int) throws(Failure) {
        let mask = bucketCount - 1
        var gap = bucket, next = (bucket + 1) & mask
        for _ in 0..<bucketCount {
            let value = try load(next)
            if value == 0 { break }
            let home = Self.home(try label(value - 1), of: bucketCount)
            // It may move to the gap unless its home lies behind the gap.
            if (next - home) & mask >= (next - gap) & mask {
                try store(value, at: gap)
                gap = next
            }
            next = (next + 1) & mask
        }
        try store(0, at: gap)
    }
}
