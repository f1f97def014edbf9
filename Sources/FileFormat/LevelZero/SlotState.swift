/// What a slot holds. Every byte can be looked at as a state, because a damaged file may have any.
package struct SlotState: Hashable, Sendable, CustomStringConvertible {
    /// The byte in the slot table and in the log.
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Never used.
    package static let unused = SlotState(rawValue: 0)
    package static let live = SlotState(rawValue: 1)
    /// Deleted in a way that can be undone: still linked, not found.
    package static let marked = SlotState(rawValue: 2)
    /// Deleted for good. The slot is used again.
    package static let erased = SlotState(rawValue: 3)
    /// Replaced by an update. The slot is used again.
    package static let superseded = SlotState(rawValue: 4)

    /// Whether the byte is a state of a slot that was used.
    package var isUsed: Bool { (1...4).contains(rawValue) }
    /// Whether the slot's label is in the store: it is live or marked deleted.
    package var hasLabel: Bool { self == .live || self == .marked }
    /// Whether a new row may get the slot.
    package var isFree: Bool { self == .erased || self == .superseded }

    package var description: String {
        let names = ["unused", "live", "marked", "erased", "superseded"]
        return Int(rawValue) < names.count ? names[Int(rawValue)] : "\(rawValue)"
    }
}
