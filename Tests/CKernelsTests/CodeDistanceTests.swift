import CKernels
import TestSupport
import Testing

/// Every code kernel of every level this machine runs against the definition, computed with whole integers: the bits
/// are equal, and so all levels agree.
@Suite struct CodeDistanceTests {
    static let metrics = [Metric.l2, .innerProduct]

    @Test(arguments: metrics, Code.allCases)
    func `all dimensions`(_ metric: Metric, _ code: Code) {
        var random = SeededGenerator(seed: UInt64(metric.rawValue * 4 + code.rawValue))
        let sizes = Array(1...16) + [20, 24, 31, 32, 48, 63, 64]
        for dimensions in sizes.map({ $0 * 64 }) where dimensions % code.block == 0 {
            let column = CodeColumn.random(
                metric, code, dimensions, rows: 6, padding: [0, 1, 24].randomElement(using: &random)!, &random)
            for level in Level.supported {
                for count in [1, 2, 5, 16] {
                    expectRight(column, level, count, &random)
                }
            }
        }
    }

    @Test(arguments: metrics, Code.allCases)
    func `all numbers of rows`(_ metric: Metric, _ code: Code) {
        var random = SeededGenerator(seed: UInt64(99 + metric.rawValue * 4 + code.rawValue))
        for dimensions in [code.block, 128, 384] {
            let column = CodeColumn.random(metric, code, dimensions, rows: 11, &random)
            for level in Level.supported {
                for count in 0...40 { expectRight(column, level, count, &random) }
            }
        }
    }

    @Test(arguments: metrics, Code.allCases)
    func `any start address and stride`(_ metric: Metric, _ code: Code) {
        var random = SeededGenerator(seed: 78)
        let ids: [UInt32] = [2, 0, 1, 1, 2, 0, 2]
        for dimensions in [code.block, 128, 256] {
            for padding in [0, 1, 3, 20] {
                let column = CodeColumn.random(metric, code, dimensions, rows: 3, padding: padding, &random)
                for level in Level.supported {
                    for gap in 0...67 {
                        let (distances, intact) = column.distances(level, ids: ids, gap: gap, canaries: 16)
                        let right = distances == ids.map { column.expected[Int($0)] }
                        #expect(intact && right, "\(level), \(dimensions) dimensions, \(gap) bytes before the end")
                    }
                }
            }
        }
    }

    /// A query of `value` everywhere and a row of `code` everywhere: the largest sums there can be, beyond what a signed
    /// 32-bit integer holds, and pairs of products at the limit of 16 bits.
    @Test(arguments: [
        (Metric.l2, Code.bits8, UInt8(0), UInt8(255)), (.l2, .bits8, 255, 0), (.l2, .bits8, 255, 255),
        (.l2, .bits8, 127, 128), (.l2, .bits8, 128, 127), (.l2, .bits8, 128, 0), (.l2, .bits4, 0, 15),
        (.l2, .bits4, 127, 0), (.l2, .bits4, 127, 15), (.innerProduct, .bits8, 127, 255),
        (.innerProduct, .bits8, 0x81, 255), (.innerProduct, .bits8, 0x81, 128), (.innerProduct, .bits8, 1, 127),
        (.innerProduct, .bits4, 127, 15), (.innerProduct, .bits4, 0x81, 15), (.innerProduct, .bits4, 0x81, 0),
    ])
    func `extreme values`(_ metric: Metric, _ code: Code, _ value: UInt8, _ rowCode: UInt8) {
        var levels = [UInt8](repeating: 64, count: 16)
        levels[0] = 0
        levels[15] = 127
        for dimensions in [128, 4096, 65536] {
            let query = CodeQuery(
                scale: 1, offset: 0, levels: levels, values: [UInt8](repeating: value, count: dimensions))
            let column = CodeColumn(metric, code, query: query, rows: [[UInt8](repeating: rowCode, count: dimensions)])
            for level in Level.supported {
                let distances = column.distances(level, ids: [UInt32](repeating: 0, count: 15)).values
                let expected = [Float](repeating: column.expected[0], count: 15)
                #expect(distances == expected, "\(level), \(dimensions) dimensions")
            }
        }
    }

    @Test(arguments: metrics, Code.allCases)
    func `padding adds nothing`(_ metric: Metric, _ code: Code) {
        var random = SeededGenerator(seed: 5)
        for dimensions in [1, 63, 100, 128, 129, 300] {
            var query = CodeQuery.random(metric, code, dimensions, &random)
            var codes = (0..<dimensions).map { _ in UInt8.random(in: 0...15, using: &random) }
            let expected = query.distance(metric, code, codes)
            for padded in [128, 256, 384, 512] where padded >= dimensions {
                let empty = metric == .l2 && code == .bits4 ? query.levels[0] : 0
                query.values += [UInt8](repeating: empty, count: padded - query.values.count)
                codes += [UInt8](repeating: 0, count: padded - codes.count)
                let column = CodeColumn(metric, code, query: query, rows: [codes])
                for level in Level.supported {
                    let distances = column.distances(level, ids: [0, 0, 0, 0, 0]).values
                    #expect(distances == [Float](repeating: expected, count: 5), "\(level), \(dimensions) in \(padded)")
                }
            }
        }
    }

    @Test(arguments: metrics, Code.allCases)
    func `unrolled variants and general ones agree`(_ metric: Metric, _ code: Code) {
        var random = SeededGenerator(seed: 6)
        let column = CodeColumn.random(metric, code, 128, rows: 9, &random)
        let ids = (0..<31).map { UInt32($0 % 9) }
        for level in Level.supported {
            let general = column.distances(level, ids: ids, variant: 256).values
            #expect(general == column.distances(level, ids: ids).values)
        }
    }

    /// A fused multiplication and addition would give other bits for many of these, which the test makes sure of.
    @Test(arguments: metrics, Code.allCases)
    func `the product with the scale is rounded`(_ metric: Metric, _ code: Code) {
        var random = SeededGenerator(seed: 7)
        var differences = 0
        for _ in 0..<20 {
            let column = CodeColumn.random(metric, code, 128, rows: 13, &random)
            let ids = (0..<13).map { UInt32($0) }
            for level in Level.supported {
                #expect(column.distances(level, ids: ids).values == column.expected)
            }
            for (row, expected) in zip(column.rows, column.expected) {
                let fused = column.query.offset.addingProduct(
                    column.query.scale, Float(column.query.sum(metric, code, row)))
                differences += fused == expected ? 0 : 1
            }
        }
        #expect(differences > 20)
    }

    private func expectRight(_ column: CodeColumn, _ level: Level, _ count: Int, _ random: inout SeededGenerator) {
        let ids = (0..<count).map { _ in UInt32.random(in: 0..<UInt32(column.rows.count), using: &random) }
        let (distances, intact) = column.distances(level, ids: ids)
        let right = distances == ids.map { column.expected[Int($0)] }
        #expect(intact && right, "\(level), \(column.rows[0].count) dimensions, \(count) rows")
    }
}
