import Testing

@testable import HNSW

@Suite struct CodeRotationTests {
    private func rotated(_ vector: [Float], _ rotation: CodeRotation? = nil) -> [Float] {
        var result = [Float](repeating: .nan, count: vector.count)
        let rotation = rotation ?? CodeRotation(dimensions: vector.count)
        unsafe vector.withUnsafeBufferPointer { from in
            unsafe result.withUnsafeMutableBufferPointer { to in
                unsafe rotation.apply(from.baseAddress!, to: to.baseAddress!)
            }
        }
        return result
    }

    private func dot(_ a: [Float], _ b: [Float]) -> Double { zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) } }

    @Test(arguments: [1, 2, 3, 5, 7, 8, 9, 16, 17, 31, 64, 100, 128, 384, 1000])
    func `lengths and products stay`(dimensions: Int) {
        let vectors = evenVectors(12, dimensions: dimensions, seed: UInt64(dimensions)),
            others = vectors.map { rotated($0) }
        for i in vectors.indices {
            for j in 0...i {
                let before = dot(vectors[i], vectors[j]), after = dot(others[i], others[j])
                let lengths = (dot(vectors[i], vectors[i]) * dot(vectors[j], vectors[j])).squareRoot()
                #expect(abs(before - after) <= 1e-5 * lengths, "\(i), \(j)")
            }
        }
    }

    /// By the definition: signs, then the sum over all components with the signs of Walsh's functions.
    @Test(arguments: [1, 2, 3, 8, 11, 16, 20, 64, 70])
    func `it is always the same one`(dimensions: Int) {
        var block = 1
        while block * 2 <= dimensions { block *= 2 }
        var state: UInt64 = 0x9E37_79B9_7F4A_7C15
        let signs = (0..<2 * dimensions).map { _ -> Double in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 63 == 0 ? 1 : -1
        }
        for vector in evenVectors(3, dimensions: dimensions) {
            var expected = vector.map { Double($0) }
            for round in 0..<2 {
                for start in block == dimensions ? [0] : [0, dimensions - block] {
                    let part = (0..<block).map { expected[start + $0] * signs[round * dimensions + start + $0] }
                    for row in 0..<block {
                        let sum = (0..<block).reduce(0.0) {
                            $0 + ((row & $1).nonzeroBitCount % 2 == 0 ? part[$1] : -part[$1])
                        }
                        expected[start + row] = sum / Double(block).squareRoot()
                    }
                }
            }
            let found = rotated(vector)
            #expect(zip(found, expected).allSatisfy { abs(Double($0) - $1) < 1e-5 })
            #expect(rotated(vector, CodeRotation(dimensions: dimensions)) == found)
        }
    }

    @Test(arguments: [64, 100, 384])
    func `one large component is spread over all`(dimensions: Int) {
        for index in [0, 1, dimensions / 2, dimensions - 1] {
            var vector = [Float](repeating: 0, count: dimensions)
            vector[index] = 1
            let largest = rotated(vector).map { abs($0) }.max() ?? 1
            #expect(largest < 0.5, "component \(index)")
        }
    }
}
