import CKernels
import TestSupport
import Testing

/// Every kernel of every level this machine runs against the definition, computed in double precision.
@Suite struct DistanceTests {
    static let allDimensions =
        Array(1...70) + [100, 127, 128, 129, 255, 256, 257, 383, 384, 385, 512, 768, 1000, 1536, 4096, 65536]
    static let counts = [0, 1, 2, 3, 5, 16, 33]

    @Test(arguments: Metric.allCases, Scalar.allCases)
    func `all dimensions and numbers of rows`(_ metric: Metric, _ scalar: Scalar) {
        var random = SeededGenerator(seed: UInt64(metric.rawValue * 4 + scalar.rawValue))
        for dimensions in Self.allDimensions {
            let column = randomColumn(metric, scalar, dimensions, &random)
            let expected = column.expected
            for level in Level.supported {
                var first = [Float?](repeating: nil, count: expected.count)
                for count in Self.counts where dimensions < 4096 || count <= 5 {
                    let ids = (0..<count).map { _ in UInt32.random(in: 0..<UInt32(expected.count), using: &random) }
                    let (distances, intact) = column.distances(level, ids: ids)
                    #expect(intact, "\(level), \(dimensions) dimensions, \(count) rows")
                    for (id, distance) in zip(ids, distances) {
                        let row = Int(id)
                        let same = first[row] ?? distance
                        first[row] = same
                        #expect(
                            expected[row].accepts(distance),
                            "\(level), \(dimensions) dimensions: \(distance), not \(expected[row].value)")
                        #expect(distance == same, "depends on the rest of the call: \(level), \(dimensions) dimensions")
                    }
                }
            }
        }
    }

    @Test(arguments: Metric.allCases, Scalar.allCases)
    func `any start address and stride`(_ metric: Metric, _ scalar: Scalar) {
        var random = SeededGenerator(seed: 77)
        let ids: [UInt32] = [2, 0, 1, 1, 2, 0, 2]
        for dimensions in [1, 31, 64, 100, 128, 200] {
            for padding in [0, 1, 3, 64 - dimensions * scalar.bytes % 64] {
                let rows = (0..<3).map { _ in Vector.random(scalar, dimensions, &random) }
                let query = Vector.random(scalar.query, dimensions, &random)
                let column = Column(metric, scalar, query: query, rows: rows, padding: padding)
                let expected = column.expected
                for level in Level.supported {
                    for gap in 0...67 {
                        let (distances, intact) = column.distances(level, ids: ids, gap: gap, canaries: 16)
                        let right = zip(ids, distances).allSatisfy { expected[Int($0)].accepts($1) }
                        #expect(intact && right, "\(level), \(dimensions) dimensions, \(gap) bytes before the end")
                    }
                }
            }
        }
    }

    /// A query of `query` everywhere and a row of `row` everywhere, 65,536 dimensions: the largest sums there can be.
    @Test(arguments: [
        (Scalar.u8, UInt32(0), UInt32(255)), (.u8, 255, 0), (.u8, 255, 255), (.u8, 128, 127), (.u8, 1, 255),
        (.i8, 0x80, 0x7F), (.i8, 0x7F, 0x80), (.i8, 0x80, 0x80), (.i8, 0x7F, 0x7F), (.i8, 0xFF, 0x80),
    ])
    func `extreme integers`(_ scalar: Scalar, _ query: UInt32, _ row: UInt32) {
        for metric in Metric.allCases {
            for dimensions in [128, 65535, 65536] {
                let constant = { (bits: UInt32) in Vector(scalar, bits: repeatElement(bits, count: dimensions)) }
                let column = Column(metric, scalar, query: constant(query), rows: [constant(row)], padding: 0)
                let expected = column.expected[0].value
                for level in Level.supported {
                    let distances = column.distances(level, ids: [0, 0, 0, 0, 0, 0, 0, 0, 0]).values
                    #expect(distances == [Float](repeating: expected, count: 9), "\(level), \(metric), \(dimensions)")
                }
            }
        }
    }

    @Test(arguments: [Scalar.u8, .i8])
    func `a row or query of zeros has cosine 0`(_ scalar: Scalar) {
        let zeros = Vector(scalar, bits: repeatElement(0, count: 100))
        let ones = Vector(scalar, bits: repeatElement(1, count: 100))
        for level in Level.supported {
            let zeroRow = Column(.cosine, scalar, query: ones, rows: [zeros, ones], padding: 0)
            #expect(zeroRow.distances(level, ids: [0, 1, 0, 0, 1]).values == [0, -1, 0, 0, -1])
            let zeroQuery = Column(.cosine, scalar, query: zeros, rows: [zeros, ones], padding: 0)
            #expect(zeroQuery.distances(level, ids: [0, 1]).values == [0, 0])
        }
    }

    /// However small they are: the 1 of a distance is not added to them here.
    @Test(arguments: [Scalar.f32, .f16])
    func `products keep their digits`(_ scalar: Scalar) {
        let small = Vector(.f32, bits: repeatElement(Float(0x1p-60).bitPattern, count: 40))
        let bits: [UInt32] = scalar == .f32 ? [0x3F80_0000, 0x3F80_0001, 0x3F7F_FFFF] : [0x3C00, 0x3C01, 0x3BFF]
        let rows = bits.map { Vector(scalar, bits: repeatElement($0, count: 40)) }
        for level in Level.supported {
            let found = Column(.innerProduct, scalar, query: small, rows: rows, padding: 0)
                .distances(level, ids: [2, 0, 1]).values
            #expect(found[2] < found[1] && found[1] < found[0] && found[0] < 0, "\(level): \(found)")
        }
    }

    /// Or equal products would not compare equal.
    @Test(arguments: [Metric.innerProduct, .cosine], Scalar.allCases)
    func `zero has one sign`(_ metric: Metric, _ scalar: Scalar) {
        let zeros = repeatElement(UInt32(0), count: 40), query = Vector(scalar.query, bits: zeros)
        let sign: UInt32 = [0x8000_0000, 0x8000, 0, 0][Int(scalar.rawValue)]
        let rows = [Vector(scalar, bits: zeros), Vector(scalar, bits: repeatElement(sign, count: 40))]
        for level in Level.supported {
            let found = Column(metric, scalar, query: query, rows: rows, padding: 0).distances(
                level, ids: [0, 1, 0, 1, 0])
            #expect(found.values.allSatisfy { $0.bitPattern == 0 }, "\(level): \(found.values)")
        }
    }

    private func randomColumn(
        _ metric: Metric, _ scalar: Scalar, _ dimensions: Int, _ random: inout SeededGenerator
    ) -> Column {
        let rows = (0..<(dimensions < 4096 ? 6 : 2)).map { _ in Vector.random(scalar, dimensions, &random) }
        let query = Vector.random(scalar.query, dimensions, &random)
        let padding = [0, 1, 64 - dimensions * scalar.bytes % 64][Int(random.next() % 3)]
        return Column(metric, scalar, query: query, rows: rows, padding: padding)
    }
}
