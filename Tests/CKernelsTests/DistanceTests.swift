import CKernels
import Testing

/// Every kernel of every level this machine runs against the definition, computed in double precision.
@Suite struct DistanceTests {
    static let allDimensions =
        Array(1...70) + [100, 127, 128, 129, 255, 256, 257, 383, 384, 385, 512, 768, 1000, 1536, 4096, 65536]
    static let counts = [0, 1, 2, 3, 5, 16, 33]

    @Test(arguments: Metric.allCases, Scalar.allCases)
    func `all dimensions and numbers of rows`(_ metric: Metric, _ scalar: Scalar) {
        var random = SplitMix(seed: UInt64(metric.rawValue * 4 + scalar.rawValue))
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
        var random = SplitMix(seed: 77)
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
            #expect(zeroRow.distances(level, ids: [0, 1, 0, 0, 1]).values == [1, 0, 1, 1, 0])
            let zeroQuery = Column(.cosine, scalar, query: zeros, rows: [zeros, ones], padding: 0)
            #expect(zeroQuery.distances(level, ids: [0, 1]).values == [1, 1])
        }
    }

    private func randomColumn(
        _ metric: Metric, _ scalar: Scalar, _ dimensions: Int, _ random: inout SplitMix
    ) -> Column {
        let rows = (0..<(dimensions < 4096 ? 6 : 2)).map { _ in Vector.random(scalar, dimensions, &random) }
        let query = Vector.random(scalar.query, dimensions, &random)
        let padding = [0, 1, 64 - dimensions * scalar.bytes % 64][Int(random.next() % 3)]
        return Column(metric, scalar, query: query, rows: rows, padding: padding)
    }
}
