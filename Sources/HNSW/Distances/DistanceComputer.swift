import CKernels

/// A query, and the rows that a walk compares it with: the vectors, or their codes.
@safe
struct DistanceComputer {
    let query: Query
    let distances: Distances
    private let base: UnsafeRawPointer
    private let stride: Int

    @inline(__always)
    init(_ query: Query, _ distances: Distances) {
        self.query = query
        self.distances = distances
        unsafe base = distances.rows.pointee.base
        unsafe stride = distances.rows.pointee.stride
    }

    /// Writes the distances to the rows `ids[0..<count]` to `result`.
    @inline(__always)
    func compute(_ ids: UncheckedBuffer<UInt32>, _ count: Int, _ result: UncheckedBuffer<Float>) {
        distances.compute(query, ids, count, result)
    }

    /// How much of its rows a walk should ask for.
    @inline(__always)
    var prefetchPlan: PrefetchPlan { PrefetchPlan(rowBytes: stride) }

    /// Whether the rows are the vectors.
    func compares(_ columns: Columns) -> Bool { unsafe base == UnsafeRawPointer(columns.vectors) }

    /// Where a row is.
    func row(_ slot: UInt32) -> UnsafeRawPointer { unsafe base + Int(slot) * stride }

    /// Asks the CPU for the first `lines` cache lines of a row.
    @inline(__always)
    func prefetch(_ slot: UInt32, lines: Int32) {
        unsafe cairn_prefetch_lines(base + Int(slot) &* stride, lines)
    }

    /// Asks the CPU for the first cache lines of each of `count` rows, as many as the plan has.
    @inline(__always)
    func prefetch(_ ids: UncheckedBuffer<UInt32>, _ count: Int) {
        let lines = prefetchPlan.rowLines
        for index in 0..<count { prefetch(ids[index], lines: lines) }
    }
}

/// How much memory a hop asks for ahead of its use. Measured on rows of 2, 8 and 24 cache lines: short rows gain most
/// when the next hop's are asked for whole, long ones when only their beginnings are, because the CPU has only so many
/// outstanding requests and its own prefetching follows a long row.
struct PrefetchPlan {
    /// Lines of each row that is about to be computed.
    let rowLines: Int32
    /// Lines of each row that the next hop will compute.
    let pipelinedLines: Int32
    /// Candidates that arrive at most this far behind the cursor have their lists asked for at once.
    static let listDistance = 8

    @inline(__always)
    init(rowBytes: Int) {
        let lines = (rowBytes + 63) / 64
        rowLines = Int32(min(lines, 8))
        pipelinedLines = lines <= 12 ? Int32(min(lines, 8)) : 1
    }
}
