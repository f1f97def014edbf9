import CKernels
import TestSupport
import Testing

@testable import HNSW

@Suite struct CodeTrainingTests {
    private static let kinds = [CodeModel.Kind.scalar8, .scalar4]

    private func expectSound(_ model: CodeModel, _ comment: Comment? = nil) {
        #expect(model.low.isFinite && model.scale.isFinite && model.scale > 0, comment)
        #expect(model.margin.isFinite && model.margin >= 0 && model.error.isFinite && model.error >= 0, comment)
        #expect(model.depth >= 0 && model.depth <= 1 << 16, comment)
        #expect(model.levels.count == 16 && model.levels == model.levels.sorted(), comment)
        #expect(model.levels.allSatisfy { $0 < 128 }, comment)
    }

    @Test(arguments: kinds, [false, true])
    func `the same sample gives the same model`(kind: CodeModel.Kind, isProduct: Bool) {
        let sample = clusteredVectors(400, dimensions: 40)
        let model = train(sample, kind, isProduct: isProduct)
        expectSound(model)
        #expect(model.kind == kind && model.isProduct == isProduct && model.trainedCount == 400)
        for _ in 0..<2 { #expect(train(sample, kind, isProduct: isProduct) == model) }
    }

    @Test(arguments: [(0...255, 0), (-128...127, -128), (3...9, 0), (-5...200, nil)] as [(ClosedRange<Int>, Int?)])
    func `whole numbers of a byte lose nothing in 8 bits`(range: ClosedRange<Int>, low: Int?) {
        let vectors = wholeVectors(300, dimensions: 33, in: range), coded = CodedRows(vectors, .scalar8)
        guard let low else { return #expect(coded.model.error > 0) }
        #expect(coded.model.low == Float(low) && coded.model.scale == 1 && !coded.model.isRotated)
        #expect(coded.model.error == 0 && coded.model.margin == 0 && coded.model.depth == 0)
        #expect(coded.losses.allSatisfy { $0 == 0 })
        for slot in 0..<20 { #expect(coded.decoded(slot) == vectors[slot]) }
        for query in wholeVectors(10, dimensions: 33, in: range, seed: 2) {
            let (exact, byCode) = coded.distances(query)
            #expect(exact == byCode)
        }
    }

    /// A query of a product becomes 8-bit numbers of its own, however exact the rows are.
    @Test func `products of whole numbers have a margin`() {
        let vectors = wholeVectors(400, dimensions: 32, in: 0...255),
            coded = CodedRows(vectors, .scalar8, metric: CAIRN_INNER_PRODUCT)
        #expect(coded.model.error == 0)
        #expect(coded.model.margin > 0)
        let bound = coded.withQuery(vectors[0]) { coded.column.bound(for: $0, coded.distances) }
        var above = 0, all = 0
        for query in wholeVectors(40, dimensions: 32, in: 0...255, seed: 3) {
            let bound = coded.withQuery(query) { coded.column.bound(for: $0, coded.distances) }
            let (exact, byCode) = coded.distances(query)
            all += exact.count
            above += zip(exact, byCode).count { bound.least($1) > $0 }
        }
        #expect(bound.least(1) < 1)
        #expect(Double(above) <= 0.03 * Double(all), "\(above) of \(all)")
    }

    /// Of pairs that training has not seen.
    @Test(arguments: kinds, [CAIRN_L2, CAIRN_INNER_PRODUCT, CAIRN_COSINE])
    func `the margin holds for other queries`(kind: CodeModel.Kind, metric: cairn_metric) {
        let coded = CodedRows(clusteredVectors(1500, dimensions: 48), kind, metric: metric)
        expectSound(coded.model)
        #expect(coded.model.margin > 0 && coded.model.error > 0)
        var above = 0, pairs = 0
        for query in clusteredVectors(60, dimensions: 48, skipping: 4000) {
            let bound = coded.withQuery(query) { coded.column.bound(for: $0, coded.distances) }
            let (exact, byCode) = coded.distances(query)
            for slot in exact.indices.sorted(by: { exact[$0] < exact[$1] }).prefix(30) {
                pairs += 1
                if bound.least(byCode[slot]) > exact[slot] { above += 1 }
            }
        }
        #expect(Double(above) <= 0.02 * Double(pairs), "\(above) of \(pairs)")
    }

    @Test(arguments: [false, true])
    func `fewer bits lose more`(isProduct: Bool) {
        let sample = clusteredVectors(600, dimensions: 64)
        let eight = train(sample, .scalar8, isProduct: isProduct), four = train(sample, .scalar4, isProduct: isProduct)
        #expect(four.margin > 3 * eight.margin && eight.margin > 0)
        #expect(four.error > 30 * eight.error && eight.error > 0)
        #expect(four.depth >= eight.depth)
    }

    /// The rounding of a query must not be multiplied by where the grid begins: it is the same for all rows.
    @Test func `of vectors of length 1 the products' margin is that of two roundings`() {
        let vectors = evenVectors(1000, dimensions: 128)
        let coded = CodedRows(vectors, .scalar8, metric: CAIRN_COSINE)
        let step = 1 / coded.model.scale
        // Both round by step / √12 at the most, in 99.5 % of all cases by less than 2.6 times that and twice as much of noise.
        #expect(coded.model.margin < 1.3 * 2.6 * step * (2.0 / 12).squareRoot(), "\(coded.model.margin) of \(step)")
    }

    @Test(arguments: kinds)
    func `rotated where scales are very uneven, and not otherwise`(kind: CodeModel.Kind) {
        let even = evenVectors(500, dimensions: 64)
        #expect(!train(even, kind).isRotated)
        let uneven = even.map { vector in vector.enumerated().map { $0 < 3 ? 50 * $1 : $1 } }
        let model = train(uneven, kind)
        // A byte may hold the nearest in their order without it.
        if kind == .scalar4 { #expect(model.isRotated) }
        expectSound(model)
        let coded = CodedRows(uneven, kind)
        for query in uneven.prefix(5) {
            let (exact, byCode) = coded.distances(query)
            for (one, other) in zip(exact, byCode) where one > 0 {
                #expect(abs(one.squareRoot() - other.squareRoot()) <= 0.4 * one.squareRoot())
            }
        }
        // So few components cannot be spread.
        #expect(!train(uneven.map { Array($0[..<15]) }, kind).isRotated)
    }

    /// A few rows that are out of all proportion cost the others nothing, and are compared by their vectors.
    @Test(arguments: kinds, [64, 8])
    func `long rows do not stretch the grid`(kind: CodeModel.Kind, dimensions: Int) {
        let even = clusteredVectors(1000, dimensions: dimensions)
        let mixed = even.enumerated().map { $0 % 300 == 7 ? $1.map { 1000 * $0 } : $1 }
        let alone = train(even, kind), model = train(mixed, kind)
        expectSound(model)
        #expect(model.scale > alone.scale / 2, "\(model.scale) beside \(alone.scale)")
        #expect(model.depth <= 2 * alone.depth + 4)
        let coded = CodedRows(mixed, kind, model: model)
        for (row, isReached) in [(7, false), (307, false), (8, true), (500, true)] {
            let (exact, byCode) = coded.distances(mixed[row])
            #expect(coded.scratch.walksByCodes == isReached, "row \(row)")
            if !isReached { #expect(exact == byCode) }
        }
    }

    @Test(arguments: kinds)
    func `components around different values are centered`(kind: CodeModel.Kind) {
        let even = clusteredVectors(800, dimensions: 12)
        let shifted = even.map { vector in vector.enumerated().map { 1000 * Float($0) + $1 } }
        let model = train(shifted, kind)
        expectSound(model)
        #expect(model.center.count == 12 && abs(model.center[5] - 5002) < 3)
        #expect(model.scale > train(even, kind).scale / 2)
        let coded = CodedRows(shifted, kind, model: model)
        let (exact, byCode) = coded.distances(shifted[3])
        for (one, other) in zip(exact, byCode) { #expect(abs(one.squareRoot() - other.squareRoot()) < 2) }
    }

    /// Everything has the same place by its code: that is not a good order.
    @Test func `codes that tell nothing apart are deep`() {
        let narrow = evenVectors(800, dimensions: 15, in: -0.01...0.01).enumerated().map { $1 + [Float($0 % 2) * 1000] }
        #expect(train(narrow, .scalar4).depth > 100)
        #expect(train(narrow, .half).depth < 10)
    }

    /// What no grid of equal steps holds.
    @Test func `half precision holds many orders of magnitude`() {
        var random = SeededGenerator(seed: 5)
        let vectors = (0..<800).map { _ in
            (0..<24).map { _ in Float.exponential(20 * (random.nextUnit() - 0.5)) * (random.nextUnit() - 0.5) }
        }
        let half = train(vectors, .half), eight = train(vectors, .scalar8)
        expectSound(half)
        #expect(half.depth <= 2 && eight.depth > half.depth)
        let coded = CodedRows(vectors, .half)
        for slot in 0..<50 {
            for (value, decoded) in zip(coded.components(slot), coded.decoded(slot)) {
                #expect(abs(value - decoded) <= abs(value - (coded.model.center.first ?? 0)) / 512 + 1e-3)
            }
        }
    }

    @Test(arguments: kinds, [false, true])
    func `samples that say nothing`(kind: CodeModel.Kind, isProduct: Bool) {
        let vector = evenVectors(1, dimensions: 40)[0]
        let samples: [(String, [[Float]])] = [
            ("one row", [vector]), ("two rows", [vector, vector.reversed()]), ("nine", evenVectors(9, dimensions: 40)),
            ("eleven", evenVectors(11, dimensions: 40)), ("equal vectors", [[Float]](repeating: vector, count: 300)),
            ("two vectors", (0..<300).map { $0 % 2 == 0 ? vector : vector.reversed() }),
            ("equal components", [[Float]](repeating: [Float](repeating: 0.3, count: 40), count: 300)),
            ("zeros", [[Float]](repeating: [Float](repeating: 0, count: 40), count: 300)),
            ("one component", evenVectors(300, dimensions: 1)),
        ]
        for (name, sample) in samples {
            let model = train(sample, kind, isProduct: isProduct)
            expectSound(model, "\(name)")
            let coded = CodedRows(sample, kind, metric: isProduct ? CAIRN_INNER_PRODUCT : CAIRN_L2)
            let (exact, byCode) = coded.distances(sample[0])
            let share: Float = kind == .scalar8 ? 0.1 : 0.4
            #expect(zip(exact, byCode).allSatisfy { abs($0 - $1) <= share * max(1, abs($0)) }, "\(name)")
        }
    }

    /// Whatever a float may be, walks need an order.
    @Test(
        arguments: kinds, [1e-38, 1e-36, 1e-30, 1e-22, 1e-19, 1e-12, 1e12, 1e17, 1e19, 1e25, 1e30, 3.4e38] as [Float])
    func `very small and very large components`(kind: CodeModel.Kind, size: Float) {
        let vectors = clusteredVectors(300, dimensions: 24).map { $0.map { ($0 - 2.5) / 3.5 * size } }
        for isProduct in [false, true] { expectSound(train(vectors, kind, isProduct: isProduct), "\(isProduct)") }
        let coded = CodedRows(vectors, kind)
        var agreeing = 0, ordered = 0
        for query in vectors.prefix(8) {
            let (exact, byCode) = coded.distances(query)
            #expect(byCode.allSatisfy { !$0.isNaN })
            // Where the exact distances tell vectors apart, those by codes do.
            guard exact.allSatisfy({ $0.isFinite }), exact.count(where: { $0 > 1e-36 }) > 200 else { continue }
            let nearest = Set(exact.indices.sorted { exact[$0] < exact[$1] }.prefix(10))
            agreeing += nearest.intersection(byCode.indices.sorted { byCode[$0] < byCode[$1] }.prefix(30)).count
            ordered += 10
        }
        #expect(Double(agreeing) >= 0.9 * Double(ordered), "\(agreeing) of \(ordered)")
    }
}

extension Float {
    /// e to the power of `exponent`.
    fileprivate static func exponential(_ exponent: Float) -> Float {
        // By squaring what is close to 1: the tests need no library for it.
        var value = 1 + exponent / 1024
        for _ in 0..<10 { value *= value }
        return value
    }
}
