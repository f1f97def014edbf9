import Allocation
import Synchronization

/// The lists of some of the slots: the number of the first, and how many there are. Open addressing, slot + 1 as key, 0
/// for an empty bucket. One thread at a time inserts; any number look up at the same time.
@safe
final class SlotMap: @unchecked Sendable {
    // Sendable because one thread at a time changes it, and lookups go by the atomic table and keys, which are stored
    // after what they lead to.

    @safe
    private final class Table {
        let keys: Memory<UInt32>
        let values: Memory<UInt32>
        let levels: Memory<UInt8>

        init(_ buckets: Int) throws(OutOfMemory) {
            (keys, values, levels) = (try Memory(buckets), try Memory(buckets), try Memory(buckets))
        }

        var view: View {
            let keys = unsafe UnsafeMutableRawPointer(keys.buffer.base).assumingMemoryBound(to: Atomic<UInt32>.self)
            return unsafe View(keys: keys, values: values.buffer, levels: levels.buffer, mask: values.buffer.count - 1)
        }
    }

    /// Every table there was: a reader may still look into an old one. Together they are as large as the last.
    private var tables: [Table]
    private let current: Atomic<UInt>
    private var count = 0

    /// `expected`: entries to make room for at once.
    init(expected: Int = 0) throws(OutOfMemory) {
        var buckets = 64
        while buckets < 2 * expected { buckets *= 2 }
        let table = try Table(buckets)
        tables = [table]
        current = Atomic(unsafe UInt(bitPattern: Unmanaged.passUnretained(table).toOpaque()))
    }

    var byteCount: Int { tables.reduce(0) { $0 + $1.keys.byteCount + $1.values.byteCount + $1.levels.byteCount } }

    /// The entries as a value for a hot loop. Entries made later may be missing from it.
    @inline(__always)
    var view: View {
        let address = current.load(ordering: .acquiring)
        let table = unsafe Unmanaged<Table>.fromOpaque(UnsafeRawPointer(bitPattern: address)!)
        return unsafe table._withUnsafeGuaranteedRef { $0.view }
    }

    @safe
    struct View {
        fileprivate let keys: UnsafeMutablePointer<Atomic<UInt32>>
        fileprivate let values: UncheckedBuffer<UInt32>
        fileprivate let levels: UncheckedBuffer<UInt8>
        fileprivate let mask: Int

        /// The number of the first list of `slot`; nil if it has none.
        @inline(__always)
        subscript(slot: UInt32) -> Int? {
            guard let bucket = bucket(of: slot) else { return nil }
            return values[bucket] == SlotMap.none ? nil : Int(values[bucket])
        }

        /// How many lists `slot` has.
        func level(_ slot: UInt32) -> Int {
            guard let bucket = bucket(of: slot), values[bucket] != SlotMap.none else { return 0 }
            return Int(levels[bucket])
        }

        @inline(__always)
        private func bucket(of slot: UInt32) -> Int? {
            var bucket = SlotMap.bucket(of: slot) & mask
            while true {
                let key = unsafe keys[bucket].load(ordering: .acquiring)
                // First: of the highest u32, which only a damaged file names, the key would be that of an empty bucket.
                if key == 0 { return nil }
                if key == slot &+ 1 { return bucket }
                bucket = (bucket &+ 1) & mask
            }
        }

        /// False if the slot has had lists before, whose bucket it gets.
        @discardableResult
        fileprivate func place(_ slot: UInt32, _ value: UInt32, level: UInt8) -> Bool {
            var bucket = SlotMap.bucket(of: slot) & mask
            while true {
                let key = unsafe keys[bucket].load(ordering: .relaxed)
                guard key != 0 && key != slot + 1 else {
                    values[bucket] = value
                    levels[bucket] = level
                    unsafe keys[bucket].store(slot + 1, ordering: .releasing)
                    return key == 0
                }
                bucket = (bucket &+ 1) & mask
            }
        }
    }

    /// The value of a bucket whose slot has lists no longer.
    private static let none = UInt32.max

    /// Gives `slot`, which has none, `level` lists.
    func insert(_ slot: UInt32, first value: Int, level: Int) throws(OutOfMemory) {
        if 2 * (count + 1) > view.mask + 1 { try grow() }
        if view.place(slot, UInt32(value), level: UInt8(level)) { count += 1 }
    }

    /// Takes the lists of `slot` away, which nobody may be looking up. Its bucket stays, for others are found past it.
    func remove(_ slot: UInt32) { view.place(slot, Self.none, level: 0) }

    private func grow() throws(OutOfMemory) {
        let old = view, table = try Table(2 * (old.mask + 1))
        let larger = table.view
        for bucket in 0...old.mask {
            let key = unsafe old.keys[bucket].load(ordering: .relaxed)
            if key != 0 { larger.place(key - 1, old.values[bucket], level: old.levels[bucket]) }
        }
        tables.append(table)
        current.store(unsafe UInt(bitPattern: Unmanaged.passUnretained(table).toOpaque()), ordering: .releasing)
    }

    @inline(__always)
    fileprivate static func bucket(of slot: UInt32) -> Int { Int((slot &* 0x9E37_79B1) >> 4) }
}
