/// A slot and its distance as one number: the distance's bits, mapped so that they order as the distances do, above the
/// slot, above a flag that says whether the slot's neighbours have been looked at. Sorting candidates is sorting
/// integers; equal distances are ordered by slot.
package typealias Candidate = UInt64

extension Candidate {
    @inline(__always)
    init(distance: Float, slot: UInt32) {
        self = UInt64(Self.ordered(distance)) << 32 | UInt64(slot) << 1
    }

    /// Bits that order like the distances, negative ones included; what is not a number comes last.
    @inline(__always)
    private static func ordered(_ distance: Float) -> UInt32 {
        let bits = distance.bitPattern
        let mapped = bits ^ (UInt32(bitPattern: Int32(bitPattern: bits) >> 31) | 0x8000_0000)
        return distance == distance ? mapped : .max
    }

    @inline(__always)
    package var slot: UInt32 { UInt32(truncatingIfNeeded: self) >> 1 }

    /// What searches compare; `Distances.distance(of:)` is what they give out.
    package var distance: Float {
        let mapped = UInt32(truncatingIfNeeded: self >> 32)
        guard mapped != .max else { return .infinity }
        return Float(bitPattern: mapped & 0x8000_0000 != 0 ? mapped ^ 0x8000_0000 : ~mapped)
    }

    /// A candidate of this distance for another slot.
    func replacingSlot(_ slot: UInt32) -> Candidate { self & 0xffff_ffff_0000_0000 | UInt64(slot) << 1 }

    static var expandedFlag: UInt64 { 1 }

    @inline(__always)
    var isExpanded: Bool { self & Self.expandedFlag != 0 }

    @inline(__always)
    var unexpanded: Candidate { self & ~Self.expandedFlag }
}
