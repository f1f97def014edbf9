import Foundation

/// The numbers of a trial: SplitMix64, and the distributions that data is made of. A seed gives the same data every time (on one
/// machine to the bit, on another to the rounding of its logarithm).
struct Random: RandomNumberGenerator {
    private var state: UInt64
    /// The second number of a pair of normal ones.
    private var spare: Double?

    init(seed: UInt64) { state = seed }

    /// A generator for data of this name, whatever else is drawn.
    init(seed: UInt64, name: String) {
        // FNV-1a: Swift's own hashes differ from one process to the next.
        let hash = name.utf8.reduce(UInt64(0xCBF2_9CE4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        self.init(seed: seed &* 0x9E37_79B9_7F4A_7C15 ^ hash)
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }

    /// A whole number in 0 ..< `bound`.
    mutating func below(_ bound: Int) -> Int { Int(next().multipliedFullWidth(by: UInt64(bound)).high) }

    /// In 0 ..< 1.
    mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// True with this probability.
    mutating func chance(_ probability: Double) -> Bool { uniform() < probability }

    /// Normal (Box-Muller).
    mutating func normal() -> Double {
        if let number = spare {
            spare = nil
            return number
        }
        let length = (-2 * log(1 - uniform())).squareRoot(), angle = 2 * Double.pi * uniform()
        spare = length * sin(angle)
        return length * cos(angle)
    }

    /// Exponential, mean 1.
    mutating func exponential() -> Double { -log(1 - uniform()) }

    /// Student's t; 1 degree of freedom is Cauchy's.
    mutating func student(_ degrees: Int) -> Double {
        let top = normal()
        var sum = 0.0
        for _ in 0..<degrees {
            let part = normal()
            sum += part * part
        }
        return top / (sum / Double(degrees)).squareRoot()
    }

    /// A rank in 0 ..< `count` of which the first is the most frequent (Zipf's law, exponent 1).
    mutating func rank(_ count: Int) -> Int { min(count - 1, Int(exp(uniform() * log(Double(count) + 1))) - 1) }

    /// So many different numbers in 0 ..< `bound`, or all there are.
    mutating func distinct(_ count: Int, below bound: Int) -> Set<Int> {
        var chosen: Set<Int> = []
        while chosen.count < min(count, bound) { chosen.insert(below(bound)) }
        return chosen
    }

    /// A row of normal components.
    mutating func normals(_ count: Int, scale: Float = 1) -> [Float] { row(count) { Float($0.normal()) * scale } }

    /// A row of components drawn one after the other.
    mutating func row(_ count: Int, _ component: (inout Random) -> Float) -> [Float] {
        var row: [Float] = []
        row.reserveCapacity(count)
        for _ in 0..<count { row.append(component(&self)) }
        return row
    }
}

infix operator .+ : AdditionPrecedence
infix operator .* : MultiplicationPrecedence

/// Component by component.
func .+ (left: [Float], right: [Float]) -> [Float] {
    precondition(left.count == right.count)
    return zip(left, right).map { $0 + $1 }
}

/// Component by component.
func .* (left: [Float], right: [Float]) -> [Float] {
    precondition(left.count == right.count)
    return zip(left, right).map { $0 * $1 }
}

func * (row: [Float], factor: Float) -> [Float] { row.map { $0 * factor } }

/// Of length 1.
func unit(_ row: [Float]) -> [Float] {
    let square = row.reduce(0.0) { $0 + Double($1) * Double($1) }
    return row * Float(1 / max(square.squareRoot(), 1e-30))
}
