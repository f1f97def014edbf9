/// A fixed random rotation that costs O(n log n): signs, then Walsh-Hadamard transforms of the first and of the last
/// components, as many as the greatest power of two, and all of it once more (after Kac's walk as RaBitQ uses it, Gao
/// et al., 2024). It spreads what is in few components over all, so that one grid serves them.
@safe
struct CodeRotation: Sendable {
    private let dimensions: Int
    private let block: Int
    private let signs: [Float]
    private static let rounds = 2

    init(dimensions: Int) {
        self.dimensions = dimensions
        var block = 1
        while block * 2 <= dimensions { block *= 2 }
        self.block = block
        // The same on every machine: stores move.
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        let scale = 1 / Float(block).squareRoot()
        signs = (0..<Self.rounds * dimensions).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 63 == 0 ? scale : -scale
        }
    }

    /// Writes the rotated vector to `result`.
    func apply(_ vector: UnsafePointer<Float>, to result: UnsafeMutablePointer<Float>) {
        unsafe result.update(from: vector, count: dimensions)
        unsafe signs.withUnsafeBufferPointer { signs in
            for round in 0..<Self.rounds {
                for start in Set([0, dimensions - block]).sorted() {
                    // A transform makes everything longer by the root of its length; the signs are that much shorter.
                    let part = unsafe result + start
                    for index in 0..<block { unsafe part[index] *= signs[round * dimensions + start + index] }
                    unsafe transform(part)
                }
            }
        }
    }

    /// The Walsh-Hadamard transform of one block, in place.
    private func transform(_ values: UnsafeMutablePointer<Float>) {
        var half = 1
        while half < min(block, 8) {
            var start = 0
            while start < block {
                for index in start..<start + half {
                    let (a, b) = unsafe (values[index], values[index + half])
                    unsafe (values[index], values[index + half]) = (a + b, a - b)
                }
                start += 2 * half
            }
            half *= 2
        }
        let raw = UnsafeMutableRawPointer(values)
        while half < block {
            var start = 0
            while start < block {
                var index = start
                while index < start + half {
                    let first = unsafe raw + 4 * index, second = unsafe raw + 4 * (index + half)
                    let a = unsafe first.loadUnaligned(as: SIMD8<Float>.self)
                    let b = unsafe second.loadUnaligned(as: SIMD8<Float>.self)
                    unsafe first.storeBytes(of: a + b, as: SIMD8<Float>.self)
                    unsafe second.storeBytes(of: a - b, as: SIMD8<Float>.self)
                    index += 8
                }
                start += 2 * half
            }
            half *= 2
        }
    }
}
