import CKernels
import TestSupport

enum Code: UInt32, CaseIterable {
    case bits8, bits4

    var cValue: cairn_code { cairn_code(rawValue: rawValue) }
    /// Rows have a multiple of this many codes.
    var block: Int { self == .bits8 ? 64 : 128 }

    /// Codes as a row holds them.
    func packed(_ codes: [UInt8]) -> [UInt8] {
        guard self == .bits4 else { return codes }
        return (0..<codes.count / 2).map { index in
            let dimension = index / 64 * 128 + index % 64
            return codes[dimension] | codes[dimension + 64] << 4
        }
    }
}

/// A query as the code kernels take it.
struct CodeQuery {
    var scale: Float
    var offset: Float
    var levels: [UInt8]
    var values: [UInt8]

    var bytes: [UInt8] {
        littleEndianBytes([scale.bitPattern, offset.bitPattern]) + levels + [UInt8](repeating: 0xFF, count: 40) + values
    }

    /// Levels in ascending order, and values that are allowed for the metric and code.
    static func random(_ metric: Metric, _ code: Code, _ dimensions: Int, _ random: inout SeededGenerator) -> CodeQuery
    {
        let value: (inout SeededGenerator) -> UInt8 = { random in
            if metric == .innerProduct { return UInt8(bitPattern: Int8.random(in: -127...127, using: &random)) }
            return UInt8.random(in: 0...(code == .bits8 ? 255 : 127), using: &random)
        }
        return CodeQuery(
            scale: Float.random(in: 0.001..<1, using: &random), offset: Float.random(in: -1000..<1000, using: &random),
            levels: (0..<16).map { _ in UInt8.random(in: 0...127, using: &random) }.sorted(),
            values: (0..<dimensions).map { _ in value(&random) })
    }

    /// The distance as the header defines it.
    func distance(_ metric: Metric, _ code: Code, _ codes: [UInt8]) -> Float {
        offset + scale * Float(sum(metric, code, codes))
    }

    func sum(_ metric: Metric, _ code: Code, _ codes: [UInt8]) -> Int {
        var sum = 0
        for (value, rowCode) in zip(values, codes) {
            let row = Int(code == .bits8 ? rowCode : levels[Int(rowCode)])
            let difference = Int(value) - row
            sum += metric == .l2 ? difference * difference : Int(Int8(bitPattern: value)) * row
        }
        return sum
    }
}

/// Rows of codes as a kernel sees them. The last row, the query, the ids and the distances each end `gap` bytes before
/// memory that must not be touched; the norms are in such memory altogether.
final class CodeColumn {
    let metric: Metric
    let code: Code
    let query: CodeQuery
    let rows: [[UInt8]]
    let expected: [Float]
    private let stride: Int
    private let rowMemory: GuardedMemory
    private let queryMemory: GuardedMemory
    private let idMemory = GuardedMemory(capacity: 1024)
    private let distanceMemory = GuardedMemory(capacity: 1024)

    /// `rows`: one code per element, padding included.
    /// `padding`: bytes between the end of one row and the start of the next.
    init(_ metric: Metric, _ code: Code, query: CodeQuery, rows: [[UInt8]], padding: Int = 0) {
        self.metric = metric
        self.code = code
        self.query = query
        self.rows = rows
        expected = rows.map { query.distance(metric, code, $0) }
        stride = code.packed(rows[0]).count + padding
        rowMemory = GuardedMemory(capacity: stride * rows.count + 128)
        queryMemory = GuardedMemory(capacity: query.bytes.count + 128)
    }

    static func random(
        _ metric: Metric, _ code: Code, _ dimensions: Int, rows: Int, padding: Int = 0, _ random: inout SeededGenerator
    ) -> CodeColumn {
        let largest: UInt8 = code == .bits8 ? 255 : 15
        let codes = (0..<rows).map { _ in (0..<dimensions).map { _ in UInt8.random(in: 0...largest, using: &random) } }
        let query = CodeQuery.random(metric, code, dimensions, &random)
        return CodeColumn(metric, code, query: query, rows: codes, padding: padding)
    }

    /// Calls the kernel of `level`.
    /// `variant`: the dimensions to ask for the kernel with, where these are not to be the column's.
    /// `gap`: bytes from the end of the last row and of the query to the page nobody may touch.
    /// `canaries`: floats after the distances that must stay as they are; 0 puts the distances before that page.
    /// Returns the distances, and whether everything around them was left alone.
    func distances(
        _ level: Level, ids: [UInt32], variant: Int? = nil, gap: Int = 0, canaries: Int = 0
    ) -> (values: [Float], intact: Bool) {
        var contents: [UInt8] = []
        for (index, row) in rows.enumerated() {
            contents += code.packed(row)
            guard index < rows.count - 1 else { break }
            contents += [UInt8](repeating: 0xFF, count: (index + 1) * stride - contents.count)
        }
        let canary: UInt32 = 0x7FC5_A5A5
        let around = [UInt32](repeating: canary, count: 8 + ids.count + canaries)
        let base = unsafe rowMemory.place(contents, gap: gap)
        let queryStart = unsafe queryMemory.place(query.bytes, gap: gap)
        let idStart = unsafe idMemory.place(littleEndianBytes(ids))
        let out = unsafe distanceMemory.place(littleEndianBytes(around)).assumingMemoryBound(to: Float.self)
        let dimensions = rows[0].count
        var column = unsafe cairn_rows(
            base: base, stride: stride, dimensions: dimensions,
            norms: idMemory.end.assumingMemoryBound(to: Float.self))
        guard
            let kernel = unsafe cairn_code_distances_at(
                level.cValue, metric.cValue, code.cValue, variant ?? dimensions)
        else {
            fatalError("no kernel")
        }
        unsafe kernel(&column, queryStart, .nan, idStart.assumingMemoryBound(to: UInt32.self), ids.count, out + 8)
        var values: [Float] = []
        var intact = true
        for index in around.indices {
            let value = unsafe out[index]
            if index >= 8 && index < 8 + ids.count {
                values.append(value)
            } else if value.bitPattern != canary {
                intact = false
            }
        }
        return (values, intact)
    }
}
