import CKernels
import Testing

@testable import HNSW

/// Distances by codes beside those by vectors, within what the two roundings can do.
@Suite struct CodeColumnTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let kind: CodeModel.Kind
        let metric: cairn_metric
        let scalar: cairn_scalar
        let dimensions: Int

        var testDescription: String { "\(kind), metric \(metric.rawValue), scalar \(scalar.rawValue), \(dimensions)" }
    }

    static let cases = CodeModel.Kind.allCases.flatMap { kind in
        [CAIRN_L2, CAIRN_INNER_PRODUCT, CAIRN_COSINE].flatMap { metric in
            [CAIRN_F32, CAIRN_F16, CAIRN_U8, CAIRN_I8].flatMap { scalar in
                [3, 100, 130].map { Case(kind: kind, metric: metric, scalar: scalar, dimensions: $0) }
            }
        }
    }

    private func vectors(_ count: Int, _ one: Case, seed: UInt64) -> [[Float]] {
        switch one.scalar {
        case CAIRN_U8: wholeVectors(count, dimensions: one.dimensions, in: 1...255, seed: seed)
        case CAIRN_I8: wholeVectors(count, dimensions: one.dimensions, in: -128...127, seed: seed)
        default: evenVectors(count, dimensions: one.dimensions, seed: seed)
        }
    }

    @Test(arguments: cases)
    func `a distance by codes is off by no more than the roundings`(one: Case) {
        let coded = CodedRows(vectors(300, one, seed: 1), one.kind, metric: one.metric, scalar: one.scalar)
        let model = coded.model, root = Float(one.dimensions).squareRoot(), step = 1 / model.scale
        let lengths = (0..<coded.count).map { slot in coded.components(slot).reduce(0) { $0 + $1 * $1 }.squareRoot() }
        for query in vectors(10, one, seed: 2) {
            let (exact, byCode) = coded.distances(query)
            let length = coded.withQuery(query) { coded.distances.length(of: $0) }
            for slot in exact.indices {
                let lost = coded.losses[slot].squareRoot()
                if one.metric == CAIRN_L2 {
                    // Half a step in each component; what is outside of the grid, by a slot of the sample at the most.
                    let limit = lost + root * step + 1e-4 * exact[slot].squareRoot()
                    #expect(abs(byCode[slot].squareRoot() - exact[slot].squareRoot()) <= limit, "slot \(slot)")
                } else {
                    // The query's largest component is 127 of its units, so it is off by half of one in each. Half precision takes
                    // it as it is.
                    let queryLost = one.kind == .half ? 0 : root * length / 127 / 2
                    let limit =
                        length * lost + (lengths[slot] + lost) * queryLost + 1e-4 * max(1, length * lengths[slot])
                    #expect(abs(byCode[slot] - exact[slot]) <= limit, "slot \(slot)")
                }
            }
        }
    }

    @Test(arguments: cases)
    func `what a row loses is what its code does not say`(one: Case) {
        let coded = CodedRows(vectors(100, one, seed: 4), one.kind, metric: one.metric, scalar: one.scalar)
        guard !coded.model.isRotated else { return }
        for slot in 0..<coded.count {
            let components = coded.components(slot), decoded = coded.decoded(slot)
            let lost = zip(components, decoded).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            #expect(abs(lost - coded.losses[slot]) <= 1e-3 * max(lost, 1e-6), "slot \(slot)")
        }
    }

    /// What fills a row up adds nothing.
    @Test(arguments: [CodeModel.Kind.scalar8, .scalar4], [CAIRN_L2, CAIRN_COSINE])
    func `a vector is at its own code`(kind: CodeModel.Kind, metric: cairn_metric) {
        for dimensions in [1, 5, 63, 65, 127, 129] {
            let vectors = evenVectors(260, dimensions: dimensions, in: 0.5...1)
            let coded = CodedRows(vectors, kind, metric: metric)
            for slot in stride(from: 0, to: 260, by: 20) {
                let (exact, byCode) = coded.distances(vectors[slot])
                #expect(abs(byCode[slot] - exact[slot]) < (kind == .scalar8 ? 0.01 : 0.15) * Float(dimensions))
            }
        }
    }

    /// A grid says nothing of a query far outside of it: the nearest rows would be those at its border.
    @Test(arguments: CodeModel.Kind.allCases)
    func `queries that are not like the vectors find what is nearest`(kind: CodeModel.Kind) {
        let vectors = clusteredVectors(1500, dimensions: 24), coded = CodedRows(vectors, kind)
        var agreeing = 0, all = 0
        for (number, vector) in clusteredVectors(30, dimensions: 24, skipping: 4000).enumerated() {
            // One of them far away in a few components, another one in all.
            let query = vector.enumerated().map { index, value in
                number % 2 == 0 ? (index % 6 == 0 ? 40 * (value - 2.5) : value) : 12 * value
            }
            let (exact, byCode) = coded.distances(query)
            let nearest = Set(exact.indices.sorted { exact[$0] < exact[$1] }.prefix(10))
            agreeing += nearest.intersection(byCode.indices.sorted { byCode[$0] < byCode[$1] }.prefix(30)).count
            all += 10
        }
        #expect(Double(agreeing) >= 0.95 * Double(all), "\(agreeing) of \(all)")
    }

    @Test func `the least distance never rises above the code's and never falls below nothing`() {
        let coded = CodedRows(clusteredVectors(400, dimensions: 32), .scalar4)
        let bound = coded.withQuery(coded.components(0)) { coded.column.bound(for: $0, coded.distances) }
        var last: Float = -1
        for distance in stride(from: Float(0), to: 40, by: 0.37) {
            let least = bound.least(distance)
            #expect(least >= 0 && least <= distance && least >= last)
            last = least
        }
        #expect(bound.least(-0.001) == 0)
    }
}
