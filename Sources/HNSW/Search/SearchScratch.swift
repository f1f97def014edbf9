package import Allocation
import CKernels

/// The memory of one search, used again by the next: one per thread that searches or inserts,
/// never used by two at a time.
@safe
package final class SearchScratch: @unchecked Sendable {
    // Sendable because one thread at a time has it: whoever has its place in `Readers`, or the thread of a team that it
    // was made for.

    /// The square of what the query lost that was last made comparable with codes.
    var codeQueryLoss: Float = 0
    /// Whether that query was compared with codes; else the codes' grid did not reach it, and the walk went by vectors.
    var walksByCodes = false
    package let visited = VisitedSet()
    private let poolMemory = Memory<Candidate>()
    private let resultMemory = Memory<Candidate>()
    /// For walks that keep more candidates than a pool is good for: those to look at, and those to return.
    let frontierMemory = Memory<Candidate>()
    let keptMemory = Memory<Candidate>()
    private let gatheredMemory = Memory<UInt32>()
    private let aheadMemory = Memory<UInt32>()
    private let distanceMemory = Memory<Float>()
    private let expansionMemory = Memory<Float>()
    private let queryMemory = Memory<UInt64>()
    private let codeQueryMemory = Memory<UInt64>()
    private let codeComponentMemory = Memory<Float>()
    private let fetchedMemory = Memory<UInt64>()
    private let fetchedNormMemory = Memory<Float>()
    private let ordinalMemory = Memory<UInt32>()
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
            + keptMemory.byteCount + gatheredMemory.byteCount + aheadMemory.byteCount + distanceMemory.byteCount
            + expansionMemory.byteCount
            + queryMemory.byteCount + codeQueryMemory.byteCount + codeComponentMemory.byteCount
            + fetchedMemory.byteCount + listMemory.byteCount + fetchedNormMemory.byteCount + ordinalMemory.byteCount
            + memo.byteCount + selection.byteCount
    }

    /// Makes room for a search of `width` in a store of `slots` slots whose lists have up to `batch` ids; and for as
    /// many results. Whoever searches calls it first; what follows takes no memory, but where it says so.
    package func prepare(slots: Int, width: Int, batch: Int) throws(OutOfMemory) {
        try visited.prepare(slots: slots, reserved: 4 * batch)
        let room = width + batch + 1
        try poolMemory.grow(to: room)
        try resultMemory.grow(to: room)
        try gatheredMemory.grow(to: batch)
        try aheadMemory.grow(to: batch)
        try distanceMemory.grow(to: batch)
    }

    /// Makes room for vectors of `dimensions` components in all the forms that a search brings them into.
    package func prepare(dimensions: Int) throws(OutOfMemory) {
        try expansionMemory.grow(to: 2 * dimensions)
        try codeComponentMemory.grow(to: 2 * dimensions)
        // Codes fill their rows up; the longest are those of half precision, whose queries are floats.
        try codeQueryMemory.grow(to: (4 * (dimensions + 128) + MemoryLayout<cairn_code_query>.size + 64) / 8 + 1)
    }

    /// How many rows are read from the disk at a time.
    static let fetchedAtOnce = 64

    /// What this search reads rows of vectors with; nil where it reads them through the column.
    private(set) var rowReads: (any RowReads)?
    /// What it reads link lists with; nil where they are in memory, or read through the column.
    private(set) var listReads: (any RowReads)?
    private let listMemory = Memory<UInt32>()
    /// Room for `DiskReading.listsAtOnce` lists.
    var fetchedLists: UncheckedBuffer<UInt32> { listMemory.buffer }

    /// Has the search that begins read by what the graph lends, until `endReading`.
    fileprivate func beginReading(_ graph: Graph, _ reads: any RowReads) throws(OutOfMemory) {
        rowReads = reads
        try fetchedNormMemory.grow(to: Self.fetchedAtOnce)
        try fetchedMemory.grow(to: (Self.fetchedAtOnce * graph.columns.vectorStride + 64) / 8 + 1)
        if ordinals.count == 0 {
            try ordinalMemory.grow(to: Self.fetchedAtOnce)
            for index in 0..<Self.fetchedAtOnce { ordinals[index] = UInt32(index) }
        }
        guard let lend = graph.lendListReads else { return }
        try listMemory.grow(to: DiskReading.listsAtOnce * graph.columns.linkStride)
        listReads = lend()
    }

    /// Gives back what the search read by. Rows that were read may be others by the next search.
    package func endReading() {
        rowReads?.finish()
        listReads?.finish()
        (rowReads, listReads) = (nil, nil)
    }

    /// Room for rows that are read from the disk, aligned to a cache line.
    var fetchedRows: UnsafeMutableRawPointer {
        unsafe UnsafeMutableRawPointer(fetchedMemory.buffer.base).alignedUp(toMultipleOf: 64)
    }
    /// Room for their norms.
    var fetchedNorms: UncheckedBuffer<Float> { fetchedNormMemory.buffer }
    /// 0, 1, 2 and so on: the numbers of those rows.
    var ordinals: UncheckedBuffer<UInt32> { ordinalMemory.buffer }

    @inline(__always)
    var pool: UncheckedBuffer<Candidate> { poolMemory.buffer }
    @inline(__always)
    var gathered: UncheckedBuffer<UInt32> { gatheredMemory.buffer }
    /// Room for the list that a walk will read next.
    @inline(__always)
    var ahead: UncheckedBuffer<UInt32> { aheadMemory.buffer }
    @inline(__always)
    var distances: UncheckedBuffer<Float> { distanceMemory.buffer }

    /// Room for `count` results, apart from the pool: for no more than the width that was prepared for.
    func results(_ count: Int) -> UncheckedBuffer<Candidate> {
        precondition(count <= resultMemory.buffer.count)
        return resultMemory.buffer
    }

    /// Room for `count` results, apart from the pool, however many they are: it takes memory.
    func manyResults(_ count: Int) throws(OutOfMemory) -> UncheckedBuffer<Candidate> {
        try resultMemory.grow(to: count)
        return resultMemory.buffer
    }

    /// No results.
    var noResults: UncheckedBuffer<Candidate> { resultMemory.buffer.prefix(0) }

    /// Room for a row expanded to f32.
    package func expansion(_ dimensions: Int) -> UncheckedBuffer<Float> {
        precondition(dimensions <= expansionMemory.buffer.count)
        return expansionMemory.buffer
    }

    /// Room for a query of `bytes` bytes, aligned to eight, all zeros past what the caller writes if it always writes
    /// the same length.
    package func queryStorage(bytes: Int) throws(OutOfMemory) -> UnsafeMutableRawPointer {
        try queryMemory.grow(to: (bytes + 7) / 8)
        return unsafe UnsafeMutableRawPointer(queryMemory.buffer.base)
    }

    /// Room for a query in the form that the kernels for codes take, aligned to a cache line.
    func codeQueryStorage(bytes: Int) -> UnsafeMutableRawPointer {
        precondition(bytes + 64 <= 8 * codeQueryMemory.buffer.count)
        return unsafe UnsafeMutableRawPointer(codeQueryMemory.buffer.base).alignedUp(toMultipleOf: 64)
    }

    /// Room for a query's components.
    func codeComponents(_ count: Int) -> UncheckedBuffer<Float> {
        precondition(count <= codeComponentMemory.buffer.count)
        return codeComponentMemory.buffer
    }
}

extension Graph {
    /// Makes room in `scratch` for a search of this graph; see there.
    package func prepare(_ scratch: SearchScratch, slots: Int, width: Int, batch: Int) throws(OutOfMemory) {
        // What a search before this one may have left.
        scratch.endReading()
        let together = lendListReads == nil ? 1 : DiskReading.listsAtOnce
        try scratch.prepare(slots: slots, width: width, batch: batch * together)
        try scratch.prepare(dimensions: distances.dimensions)
    }

    /// Has a search read what is on the disk past the page cache, if it goes by codes. `rerank` ends it.
    func beginReading(_ scratch: SearchScratch, in view: GraphView) throws(OutOfMemory) {
        guard view.codes != nil, let reads = lendRowReads?() else { return }
        try scratch.beginReading(self, reads)
    }
}
