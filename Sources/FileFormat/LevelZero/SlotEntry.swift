/// A row of the slot table: 16 bytes. The label stands at offset 0 (u64), the level at 8, the state at 9; the rest is
/// zero.
package enum SlotEntry {
    package static let size = 16
    package static let labelOffset = 0
    package static let levelOffset = 8
    package static let stateOffset = 9

    /// What a slot holds; the raw value is stored.
    package enum State: UInt8, Sendable {
        /// Never used.
        case unused = 0
        case live = 1
        /// Deleted so that it can be undone: still linked, not found.
        case marked = 2
        /// Deleted for good; used again by itself.
        case erased = 3
        /// Replaced by an update; used again by itself.
        case superseded = 4
    }
}
