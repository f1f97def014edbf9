import CKernels

/// The memory of one search, used again by the next: one per thread that searches or inserts,
/// never used by two at a time.
@safe
package final class SearchScratch: @unchecked Sendable {
    /// The square of what the query lost that was last made comparable with codes.
    var codeQueryLoss: Float = 0
    /// Whether that query was compared with codes; else the codes' grid did not reach it, and the walk went by vectors.
    var walksByCodes = false
    package let visited = VisitedSet()
    private let poolMemory = Memory<Candidate>(1)
    private let resultMemory = Memory<Candidate>(1)
    /// For walks that keep more candidates than a pool is good for: those to look at, and those to return.
    let frontierMemory = Memory<Candidate>(1)
    let keptMemory = Memory<Candidate>(1)
    private let gatheredMemory = Memory<UInt32>(1)
    private let distanceMemory = Memory<Float>(1)
    private let expansionMemory = Memory<Float>(1)
    private let queryMemory = Memory<UInt64>(1)
    private let codeQueryMemory = Memory<UInt64>(1)
    private let codeComponentMemory = Memory<Float>(1)
    /// What a filter's test said in this search.
    let memo = TestMemo()
    let selection = NeighborSelection()
    let countLess: cairn_count_less_fn
    /// Distances computed since this scratch was made, without those that `rerankCount` has.
    package var distanceCount = 0
    /// Counts what searches read; nil for those that nobody asks about.
    package var trace: SearchTrace?
    /// Vectors read to decide between candidates that codes found, since this scratch was made.
    package var rerankCount = 0
    /// Link lists read since this scratch was made.
    package var hopCount = 0
    /// Slots that filters tested since this scratch was made.
    package var testCount = 0

    package init() {
        unsafe countLess = cairn_count_less()!
    }

    package var byteCount: Int {
        visited.byteCount + poolMemory.byteCount + resultMemory.byteCount + frontierMemory.byteCount
            + keptMemory.byteCount + gatheredMemory.byteCount + distanceMemory.byteCount + expansionMemory.byteCount
            + queryMemory.byteCount + codeQueryMemory.byteCount + codeComponentMemory.byteCount
            + memo.byteCount + selection.byteCount
    }

    /// Makes room for a search of `width` in a store of `slots` slots whose lists have up to `batch` ids.
    func prepare(slots: Int, width: Int, batch: Int) {
        visited.prepare(slots: slots)
        poolMemory.grow(to: width + batch + 1)
        gatheredMemory.grow(to: batch)
        distanceMemory.grow(to: batch)
    }

    @inline(__always)
    var pool: UncheckedBuffer<Candidate> { poolMemory.buffer }
    @inline(__always)
    var gathered: UncheckedBuffer<UInt32> { gatheredMemory.buffer }
    @inline(__always)
    var distances: UncheckedBuffer<Float> { distanceMemory.buffer }

    /// Room for `count` results, apart from the pool.
    func results(_ count: Int) -> UncheckedBuffer<Candidate> {
        resultMemory.grow(to: count)
        return resultMemory.buffer
    }

    /// Room for a row expanded to f32.
    package func expansion(_ dimensions: Int) -> UncheckedBuffer<Float> {
        expansionMemory.grow(to: dimensions)
        return expansionMemory.buffer
    }

    /// Room for a query of `bytes` bytes, aligned to eight, all zeros past what the caller writes if it always writes the
    /// same length.
    package func queryStorage(bytes: Int) -> UnsafeMutableRawPointer {
        queryMemory.grow(to: (bytes + 7) / 8)
        return unsafe UnsafeMutableRawPointer(queryMemory.buffer.base)
    }

    /// Room for a query in the form that the kernels for codes take, aligned to a cache line.
    func codeQueryStorage(bytes: Int) -> UnsafeMutableRawPointer {
        codeQueryMemory.grow(to: (bytes + 64 + 7) / 8)
        return unsafe UnsafeMutableRawPointer(codeQueryMemory.buffer.base).alignedUp(toMultipleOf: 64)
    }

    /// Room for a query's components.
    func codeComponents(_ count: Int) -> UncheckedBuffer<Float> {
        codeComponentMemory.grow(to: count)
        return codeComponentMemory.buffer
    }
}
