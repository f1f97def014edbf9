import HNSW

/// From label to slot: open addressing over slot numbers; the labels themselves stand in the slot table. A bucket holds
/// slot + 1, 0 is empty. Its owner lets one thread at a time in.
///
/// In memory it grows as labels are added; of a store on disk it is the file `labels`, of which a lookup reads a page or
/// two and checks their CRCs. A store without a sound file gets its index from the slot table at the first lookup.
@safe
final class LabelIndex: @unchecked Sendable {
    private(set) var buckets: Memory<UInt32>
    private(set) var count = 0
    private let columns: Columns

    init(columns: Columns, expected: Int = 0) {
        self.columns = columns
        buckets = Memory(Self.bucketCount(expected))
    }

    /// Buckets for `count` labels: a power of two, at most three quarters full.
    static func bucketCount(_ count: Int) -> Int {
        var buckets = 64
        while buckets * 3 < count * 4 { buckets *= 2 }
        return buckets
    }

    var byteCount: Int { buckets.byteCount }

    /// The slot of `label`; nil if there is none.
    func slot(of label: Label) -> UInt32? {
        let table = buckets.buffer
        var bucket = Self.bucket(label, of: table.count)
        while table[bucket] != 0 {
            let slot = table[bucket] - 1
            if columns.label(slot) == label { return slot }
            bucket = (bucket + 1) & (table.count - 1)
        }
        return nil
    }

    /// Adds `slot` under the label that its slot table row has. False, and nothing changed, if the label is there already.
    func insert(_ slot: UInt32) -> Bool {
        if (count + 1) * 4 > buckets.buffer.count * 3 { grow() }
        let label = columns.label(slot), table = buckets.buffer
        var bucket = Self.bucket(label, of: table.count)
        while table[bucket] != 0 {
            if columns.label(table[bucket] - 1) == label { return false }
            bucket = (bucket + 1) & (table.count - 1)
        }
        table[bucket] = slot + 1
        count += 1
        return true
    }

    private func grow() {
        let old = buckets.buffer
        let larger = Memory<UInt32>(2 * old.count)
        let table = larger.buffer
        for index in 0..<old.count where old[index] != 0 {
            var bucket = Self.bucket(columns.label(old[index] - 1), of: table.count)
            while table[bucket] != 0 { bucket = (bucket + 1) & (table.count - 1) }
            table[bucket] = old[index]
        }
        buckets = larger
    }

    /// Where the search for `label` begins: its Fibonacci hash's high bits.
    static func bucket(_ label: Label, of count: Int) -> Int {
        Int((label &* 0x9E37_79B9_7F4A_7C15) >> UInt64(64 - count.trailingZeroBitCount))
    }
}
