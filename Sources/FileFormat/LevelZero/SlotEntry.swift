/// A row of the slot table: 16 bytes. The label is at offset 0 (u64), the level at 8, the state at 9; the rest is zero.
package enum SlotEntry {
    package static let size = 16
    package static let labelOffset = 0
    package static let levelOffset = 8
    package static let stateOffset = 9
}
