import CKernels
import TestSupport
import Testing

@testable import HNSW

/// Products are compared without the 1 that their distance has.
@Suite struct DistanceBoundTests {
    private let products = TestGraph([[1, 0], [0, 1]], metric: CAIRN_INNER_PRODUCT)

    @Test func `a candidate's distance is hnswlib's`() {
        for product: Float in [0, 1, -1, 0.3, 1e-8, 1e-20, 7e9, -3e30] {
            let candidate = Candidate(distance: 0 - product, slot: 1)
            #expect(products.graph.distances.distance(of: candidate) == 1 - product)
            let squared = TestGraph([[1, 0]]).graph.distances
            #expect(squared.distance(of: candidate) == 0 - product && squared.bound(ofDistance: product) == product)
        }
    }

    @Test func `a bound takes in what has the distance, and nothing that has a greater one`() {
        let distances = products.graph.distances
        var random = SeededGenerator(seed: 3),
            numbers: [Float] = [
                0, -0.0, 1, 2, .infinity, -.infinity, .greatestFiniteMagnitude, -.greatestFiniteMagnitude,
                .leastNonzeroMagnitude, Float(1).nextUp, Float(1).nextDown, 0x1p24, 0x1p25, 0x1p-24, -0x1p24,
            ]
        for _ in 0..<5000 {
            numbers.append(Float(bitPattern: UInt32(truncatingIfNeeded: random.next())))
            numbers.append(1 + Float.random(in: -1e-4...1e-4, using: &random))
        }
        for number in numbers where !number.isNaN {
            let bound = distances.bound(ofDistance: number)
            #expect(1 + bound <= number && (bound == .infinity || 1 + bound.nextUp > number), "\(number): \(bound)")
        }
    }
}
