import CKernels
import FileFormat
import TestSupport
import Testing

@testable import HNSW

/// A graph over arrays: the columns that a store would map, on the heap. For want of memory the test ends. It is built in place, or by batches as an open
/// store is changed, and then it can be changed further (`TestGraph+Batches.swift`).
final class TestGraph: @unchecked Sendable {
    private(set) var graph: Graph
    let metric: cairn_metric
    let dimensions: Int
    /// The vector of each slot.
    var vectors: [[Float]] = []
    let links: Memory<UInt32>
    let heads: Memory<UInt32>
    let table: Memory<UInt64>
    private let vectorMemory: Memory<Float>
    private let norms: Memory<Float>
    private let stride: Int
    let threads: Int
    let scratch = SearchScratch()
    /// What inserts batches.
    private(set) var insertion: Insertion

    // What the writer of a store keeps: the last batch, how many slots are in each state, and which may be used again.
    var sequence: BatchNumber = 0
    var liveCount = 0, markedCount = 0
    var freeSlots: [(slot: UInt32, level: Int)] = []

    /// Row `i` gets the label 1000 + `i`. `inPlace`: how many of the rows a first graph links in place; the rest is added in
    /// batches of `batch` rows, over columns that nobody writes then. nil for all of them. `piece`: rows handed over at a
    /// time while they are linked in place. `capacity`: the slots there is room for.
    init(
        _ vectors: [[Float]], metric: cairn_metric = CAIRN_L2, connectivity: Int = 16, width: Int = 200,
        threads: Int = 1, inPlace: Int? = nil, batch: Int = 100, piece: Int = .max, capacity: Int? = nil,
        seed: UInt64 = 100
    ) {
        dimensions = vectors[0].count
        self.metric = metric
        self.threads = threads
        stride = (dimensions * 4 + 63) / 64 * 64
        let capacity = max(capacity ?? 0, vectors.count), first = inPlace ?? vectors.count
        vectorMemory = try! Memory(capacity * stride / 4)
        links = try! Memory(capacity * 2 * connectivity)
        heads = try! Memory(capacity)
        table = try! Memory(2 * capacity)
        norms = try! Memory(capacity)
        let columns = unsafe Columns(
            vectors: UnsafeMutableRawPointer(vectorMemory.buffer.base), vectorStride: stride, links: links.buffer.base,
            linkStride: 2 * connectivity, linkHeads: heads.buffer.base,
            slotTable: UnsafeMutableRawPointer(table.buffer.base), norms: norms.buffer.base)
        let padded = stride / 4
        let distances = unsafe Distances(columns: columns, metric: metric, scalar: CAIRN_F32, dimensions: padded)
        let parameters = Graph.Parameters(connectivity: connectivity, constructionWidth: width)
        graph = try! Graph(
            columns: columns, distances: distances, parameters: parameters,
            levels: LevelGenerator(seed: seed, connectivity: connectivity), capacity: capacity, writesInPlace: true)
        insertion = Insertion(into: graph, threads: threads)
        for (row, vector) in vectors[..<first].enumerated() {
            write(vector, to: UInt32(row))
            columns.setEntry(UInt32(row), label: UInt64(1000 + row))
        }
        var remaining = first
        while remaining > 0 {
            let size = min(piece, remaining)
            remaining -= size
            try! insertion.append(size, moreToCome: remaining > 0)
        }
        liveCount = first
        guard inPlace != nil else {
            graph.show(sequence: 0, hasDeadSlots: false)
            return
        }
        reopen()
        var next = first
        while next < vectors.count {
            add(Array(vectors[next..<min(next + batch, vectors.count)]))
            next += batch
        }
    }

    /// Takes the graph's state over into another `Graph` that is changed by batches, as closing and opening a store does:
    /// what was changed before is in the columns.
    func reopen() {
        if !graph.writesInPlace { graph.fold() }
        let old = graph
        graph = try! Graph(
            columns: old.columns, distances: old.distances, parameters: old.parameters, levels: old.levels,
            upper: old.upper,
            state: old.maximumLevel < 0 && old.count == 0
                ? nil
                : .init(count: old.count, entryPoint: old.entryPoint, maximumLevel: old.maximumLevel),
            capacity: old.capacity, writesInPlace: false, hasDeadSlots: liveCount < old.count,
            hasUnlinkedSlots: liveCount + markedCount < old.count, sequence: sequence)
        insertion = Insertion(into: graph, threads: threads)
    }

    /// Puts a vector into the column; nobody may be able to find it.
    func write(_ vector: [Float], to slot: UInt32) {
        for (index, value) in vector.enumerated() { vectorMemory.buffer[Int(slot) * stride / 4 + index] = value }
        while vectors.count <= Int(slot) { vectors.append([]) }
        vectors[Int(slot)] = vector
    }

    // MARK: Searching

    /// What a search sees.
    var view: GraphView { graph.writesInPlace ? graph.newestView : graph.publishedView }

    /// Runs `body` with `vector` in the kernels' form.
    func withQuery<Result>(_ vector: [Float], _ body: (Query) throws -> Result) rethrows -> Result {
        let padded = vector + [Float](repeating: 0, count: stride / 4 - vector.count)
        return try unsafe padded.withUnsafeBytes { try unsafe body(Query(vector: $0.baseAddress!, norm: 1)) }
    }

    func search(_ vector: [Float], count: Int, width: Int) -> [UInt32] {
        withQuery(vector) { query in
            let found = try! graph.search(query, count: count, width: width, in: view, scratch: scratch)
            return (0..<found.count).map { found[$0].slot }
        }
    }

    func exact(_ vector: [Float], count: Int) -> [UInt32] {
        withQuery(vector) { query in
            let found = try! graph.exactSearch(query, count: count, in: view, scratch: scratch)
            return (0..<found.count).map { found[$0].slot }
        }
    }

    /// The share of the true `count` nearest that searches of `width` find.
    func recall(_ queries: [[Float]], count: Int, width: Int) -> Double {
        var hits = 0, wanted = 0
        for query in queries {
            let exact = exact(query, count: count)
            hits += Set(exact).intersection(search(query, count: count, width: width)).count
            wanted += exact.count
        }
        return Double(hits) / Double(wanted)
    }

    // MARK: Comparing

    /// Every byte of links, heads and levels that the columns hold: equal for equal graphs.
    var levelZeroBytes: [UInt64] {
        var words: [UInt64] = []
        for slot in 0..<graph.count {
            words.append(UInt64(heads.buffer[slot]))
            words.append(table.buffer[2 * slot + 1])
        }
        for index in 0..<links.buffer.count { words.append(UInt64(links.buffer[index])) }
        return words
    }

    var upperWords: [UInt32] {
        (0..<2 * graph.upper.nodeCount).map { graph.upper.nodes.buffer[$0] }
            + (0..<graph.upper.listCount).flatMap { number in
                let list = graph.upper.list(number: number)
                return (0..<graph.upper.listLength).map { list[$0] }
            }
    }
}

/// Vectors around a few centres, the same for every call; `skipping`: leaves out the first ones, for queries of the same
/// kind that are not in the graph.
func clusteredVectors(_ count: Int, dimensions: Int, clusters: Int = 20, skipping: Int = 0) -> [[Float]] {
    var random = SeededGenerator(seed: 1)
    let centres = (0..<clusters).map { _ in (0..<dimensions).map { _ in random.nextUnit() * 4 } }
    return Array(
        (0..<skipping + count).map { _ in
            let centre = centres[Int(random.next() % UInt64(clusters))]
            return centre.map { $0 + random.nextUnit() + random.nextUnit() - 1 }
        }[skipping...])
}

extension SeededGenerator {
    /// A number in 0..<1.
    mutating func nextUnit() -> Float { Float(next() >> 40) / Float(1 << 24) }
}
