import CKernels

/// Rows as a kernel sees them. The last row, the query, the norms, the ids and the distances each end `gap` bytes
/// before memory that must not be touched.
final class Column {
    let rows: [Vector]
    let metric: Metric
    let scalar: Scalar
    let query: Vector
    let norms: [Float]
    let stride: Int
    private let rowMemory: GuardedMemory
    private let queryMemory: GuardedMemory
    private let normMemory: GuardedMemory
    private let idMemory = GuardedMemory(capacity: 1024)
    private let distanceMemory = GuardedMemory(capacity: 1024)

    /// `padding`: bytes between the end of one row and the start of the next.
    init(_ metric: Metric, _ scalar: Scalar, query: Vector, rows: [Vector], padding: Int) {
        self.metric = metric
        self.scalar = scalar
        self.query = query
        self.rows = rows
        norms = rows.map(\.norm)
        stride = rows[0].bytes.count + padding
        rowMemory = GuardedMemory(capacity: stride * rows.count + 128)
        queryMemory = GuardedMemory(capacity: query.bytes.count + 128)
        normMemory = GuardedMemory(capacity: 4 * rows.count + 128)
    }

    var dimensions: Int { rows[0].values.count }

    var expected: [ExpectedDistance] {
        rows.indices.map {
            ExpectedDistance(
                metric, scalar, query: query, queryNorm: query.norm, row: rows[$0], rowNorm: norms[$0])
        }
    }

    /// Calls the kernel of `level`.
    /// `gap`: bytes from the end of the last row and of the query to the page nobody may touch.
    /// `canaries`: floats after the distances that must stay as they are; 0 puts the distances before that page.
    /// Returns the distances, and whether everything around them was left alone.
    func distances(_ level: Level, ids: [UInt32], gap: Int = 0, canaries: Int = 0) -> (values: [Float], intact: Bool) {
        var contents: [UInt8] = []
        for row in rows { contents += row.bytes + [UInt8](repeating: 0xFF, count: stride - row.bytes.count) }
        contents.removeLast(stride - rows[0].bytes.count)
        let canary: UInt32 = 0x7FC5_A5A5
        let around = [UInt32](repeating: canary, count: 8 + ids.count + canaries)
        let base = unsafe rowMemory.place(contents, gap: gap)
        let queryStart = unsafe queryMemory.place(query.bytes, gap: gap)
        let normStart = unsafe normMemory.place(littleEndianBytes(norms.map(\.bitPattern)))
        let idStart = unsafe idMemory.place(littleEndianBytes(ids))
        let out = unsafe distanceMemory.place(littleEndianBytes(around)).assumingMemoryBound(to: Float.self)
        var column = unsafe cairn_rows(
            base: base, stride: stride, dimensions: dimensions,
            norms: normStart.assumingMemoryBound(to: Float.self))
        guard let kernel = unsafe cairn_distances_at(level.cValue, metric.cValue, scalar.cValue, dimensions) else {
            fatalError("no kernel")
        }
        unsafe kernel(
            &column, queryStart, query.norm, idStart.assumingMemoryBound(to: UInt32.self), ids.count, out + 8)
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

func littleEndianBytes<Word: FixedWidthInteger>(_ words: [Word]) -> [UInt8] {
    var bytes: [UInt8] = []
    for word in words {
        for byte in 0..<Word.bitWidth / 8 { bytes.append(UInt8(truncatingIfNeeded: word >> Word(8 * byte))) }
    }
    return bytes
}
