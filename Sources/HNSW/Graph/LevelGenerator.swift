#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Draws the levels of new nodes: the sequence hnswlib draws when it is built with libstdc++, for the same seed.
///
/// The generator is minstd_rand0 (Park and Miller's minimal standard); a uniform number in 0..<1 takes two draws, and a
/// level is the integer part of -ln(u) / ln(M).
package struct LevelGenerator: Sendable, Hashable {
    private static let modulus: UInt64 = 2_147_483_647
    /// The whole state: 1...2147483646.
    package private(set) var state: UInt32
    private let multiplier: Double

    package init(seed: UInt64, connectivity: Int) {
        self.init(state: UInt32(seed % Self.modulus), connectivity: connectivity)
    }

    /// Goes on from where another generator was. A state that no generator can have, read from a file, is reduced to
    /// one that it can: 0 would stay 0 for ever.
    package init(state: UInt32, connectivity: Int) {
        let reduced = UInt32(UInt64(state) % Self.modulus)
        self.state = reduced == 0 ? 1 : reduced
        multiplier = 1 / log(Double(connectivity))
    }

    /// The level of the next node, at most `maximum`.
    package mutating func next(maximum: Int) -> Int {
        let range = Double(Self.modulus - 1)
        let low = Double(draw() - 1), high = Double(draw() - 1)
        let uniform = (low + high * range) / (range * range)
        guard uniform > 0 else { return maximum }
        return min(Int(-log(uniform) * multiplier), maximum)
    }

    private mutating func draw() -> UInt32 {
        state = UInt32(UInt64(state) * 16_807 % Self.modulus)
        return state
    }
}
