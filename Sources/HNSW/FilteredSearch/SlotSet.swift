package import Allocation
import CKernels
package import FileFormat

/// The slots that a filter lets a search return, as of one state of the graph: worked out once, for many searches.
///
/// A bit for each slot answers whether it is in, before anything else of it is read. Where few are in, their list
/// answers what a scan has to read. Either is left out where it would serve nobody.
@safe
package final class SlotSet: @unchecked Sendable {
    // Sendable because all of it is immutable after init, the bits in `words` too.

    /// The last batch that the view saw of which this holds.
    package let sequence: BatchNumber
    /// The slots that the view knew of.
    package let slotCount: Int
    /// How many are in.
    package let count: Int
    /// Those that are in, ascending; nil where they are more than the bits of all.
    package let list: [UInt32]?
    /// A bit for each slot; nil where so few are in that no walk would get from one to another.
    let words: Memory<UInt64>?

    /// The least share of the slots, as one in so many, that gets bits.
    static var sparsest: Int { 4096 }

    /// A set of visible slots, ascending.
    package init(_ slots: [UInt32], in view: GraphView) throws(OutOfMemory) {
        sequence = view.sequence
        slotCount = view.count
        count = slots.count
        list = slots
        guard slots.count * Self.sparsest >= view.count else {
            words = nil
            return
        }
        let words = try Memory<UInt64>((view.count + 63) / 64)
        for slot in slots { words.buffer[Int(slot >> 6)] |= 1 << UInt64(slot & 63) }
        self.words = words
    }

    /// The set of those visible slots for which `isAllowed` holds, which is called once for each. O(slots).
    package init(
        _ graph: Graph, in view: GraphView, where isAllowed: (UInt32) -> Bool
    ) throws(OutOfMemory) {
        let words = try Memory<UInt64>((view.count + 63) / 64), slots = graph.slots
        var count = 0
        for index in 0..<(view.count + 63) / 64 {
            var word: UInt64 = 0
            let first = index * 64
            for slot in first..<min(first + 64, view.count) {
                let slot = UInt32(truncatingIfNeeded: slot)
                if slots.isVisible(slot, at: view.sequence) && isAllowed(slot) { word |= 1 << UInt64(slot & 63) }
            }
            words.buffer[index] = word
            count += word.nonzeroBitCount
        }
        sequence = view.sequence
        slotCount = view.count
        self.count = count
        let isSparse = count * 32 <= view.count
        if isSparse { try ProcessMemory.expect(4 * count) }
        let list = isSparse ? Self.list(words.buffer, count: count) : nil
        self.list = list
        self.words = count * Self.sparsest >= view.count ? words : nil
    }

    package var byteCount: Int { (words?.byteCount ?? 0) + 4 * (list?.count ?? 0) }

    /// Whether the set is right for a search that goes by `view`.
    @inline(__always)
    package func isValid(for view: GraphView) -> Bool { sequence == view.sequence && slotCount >= view.count }

    private static func list(_ words: UncheckedBuffer<UInt64>, count: Int) -> [UInt32] {
        var list: [UInt32] = []
        list.reserveCapacity(count)
        for index in 0..<words.count {
            var word = words[index]
            while word != 0 {
                list.append(UInt32(truncatingIfNeeded: index * 64 + word.trailingZeroBitCount))
                word &= word &- 1
            }
        }
        return list
    }
}

/// A set, and how to search in it.
package struct PlannedSet {
    package let set: SlotSet
    package let plan: SearchPlan

    package init(_ set: SlotSet, by plan: SearchPlan) {
        self.set = set
        self.plan = plan
    }
}

/// The bits of a set, as the hot loops want them.
struct SlotBits: SearchRule {
    private let words: UncheckedBuffer<UInt64>
    /// The share of the slots that is in.
    let share: Double

    /// nil for a set without bits.
    init?(_ set: SlotSet) {
        guard let words = set.words else { return nil }
        self.words = words.buffer
        share = Double(set.count) / Double(max(set.slotCount, 1))
    }

    static var isNeeded: Bool { true }

    @inline(__always)
    func finds(_ slot: UInt32) -> Bool { has(slot) == 1 }

    /// 1 if the slot is in, else 0: there is no branch to mispredict.
    @inline(__always)
    func has(_ slot: UInt32) -> Int {
        Int(truncatingIfNeeded: words[Int(slot >> 6)] &>> UInt64(slot & 63) & 1)
    }
}
