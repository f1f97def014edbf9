/// A link to be returned, from a row of a sub-batch to one of the neighbours it chose. Level, target, row and position
/// in the row's list as one number, most significant first: sorting groups the links by target, in the order of the
/// rows.
struct BackLink: BitwiseCopyable, Comparable {
    private let key: UInt64

    init(level: Int, target: UInt32, row: Int, position: Int) {
        assert(level < 1 << 6 && target < 1 << 31 && row < 1 << 13 && position < 1 << 14)
        key = UInt64(level) << 58 | UInt64(target) << 27 | UInt64(row) << 14 | UInt64(position)
    }

    var level: Int { Int(key >> 58) }
    var target: UInt32 { UInt32(truncatingIfNeeded: key >> 27) & 0x7fff_ffff }
    var row: Int { Int(truncatingIfNeeded: key >> 14) & 0x1fff }
    var position: Int { Int(truncatingIfNeeded: key) & 0x3fff }
    /// Equal for the links that go to one list.
    var group: UInt64 { key >> 27 }

    static func < (left: BackLink, right: BackLink) -> Bool { left.key < right.key }
}
