import FileFormat

/// Which of the slots that a walk comes to it may return. A type and not a closure, so that the walk is compiled for
/// each.
protocol SearchRule {
    /// false: every slot, and the walk need not look.
    static var isNeeded: Bool { get }
    func finds(_ slot: UInt32) -> Bool
}

/// Every slot.
struct EverySlot: SearchRule {
    static var isNeeded: Bool { false }

    @inline(__always)
    func finds(_ slot: UInt32) -> Bool { true }
}

/// The slots that are live for searches that began after batch `sequence`.
struct VisibleSlots: SearchRule {
    let slots: SlotRecords
    let sequence: BatchNumber

    static var isNeeded: Bool { true }

    @inline(__always)
    func finds(_ slot: UInt32) -> Bool { slots.isVisible(slot, at: sequence) }

    /// Room for as many others among `width` found ones; where there are more, a heap is the better structure.
    static func poolLimit(width: Int) -> Int { 4 * width + 256 }
}
