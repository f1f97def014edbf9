/// The generator behind the tests' vectors (SplitMix64): the same seed gives the same numbers on every machine.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }
}

/// `count` vectors, one after the other; components are multiples of 2^-23 spread evenly over -1..<1, one draw each.
package func seededVectors(count: Int, dimensions: Int, seed: UInt64) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count * dimensions).map { _ in Float(Int32(generator.next() >> 40) - (1 << 23)) / Float(1 << 23) }
}

/// `count` vectors of whole numbers in `range`, for the scalars u8 and i8; one draw a component.
package func seededWholeNumbers(count: Int, dimensions: Int, seed: UInt64, in range: ClosedRange<Int>) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count * dimensions).map { _ in
        Float(range.lowerBound + (Int(generator.next() >> 32) * range.count) >> 32)
    }
}
