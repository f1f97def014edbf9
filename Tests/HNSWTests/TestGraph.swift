import CKernels
import HNSW

/// A graph over arrays: the columns that a store would map, on the heap.
final class TestGraph {
    let graph: Graph
    let dimensions: Int
    let vectors: [[Float]]
    private let vectorMemory: Memory<Float>
    private let links: Memory<UInt32>
    private let heads: Memory<UInt32>
    private let table: Memory<UInt64>
    private let norms: Memory<Float>
    private let stride: Int
    let scratch = SearchScratch()

    /// Row `i` gets the label 1000 + `i`. `published`: how many of the rows a first graph links before a second one over the
    /// same columns, for which they are read-only, links the rest. `piece`: rows handed over at a time.
    init(
        _ vectors: [[Float]], metric: cairn_metric = CAIRN_L2, connectivity: Int = 16, width: Int = 200,
        threads: Int = 1, published: Int = 0, piece: Int = .max
    ) {
        dimensions = vectors[0].count
        self.vectors = vectors
        stride = (dimensions * 4 + 63) / 64 * 64
        let count = vectors.count
        vectorMemory = Memory(count * stride / 4)
        links = Memory(count * 2 * connectivity)
        heads = Memory(count)
        table = Memory(2 * count)
        norms = Memory(count)
        let columns = unsafe Columns(
            vectors: UnsafeMutableRawPointer(vectorMemory.buffer.base), vectorStride: stride, links: links.buffer.base,
            linkStride: 2 * connectivity, linkHeads: heads.buffer.base,
            slotTable: UnsafeMutableRawPointer(table.buffer.base), norms: norms.buffer.base)
        for (row, vector) in vectors.enumerated() {
            for (index, value) in vector.enumerated() { vectorMemory.buffer[row * stride / 4 + index] = value }
            columns.setEntry(UInt32(row), label: UInt64(1000 + row))
        }
        let dimensions = stride / 4
        func makeGraph(_ levels: LevelGenerator, upper: UpperLayers?, state: Graph.State?) -> Graph {
            unsafe Graph(
                columns: columns,
                distances: Distances(columns: columns, metric: metric, scalar: CAIRN_F32, dimensions: dimensions),
                parameters: Graph.Parameters(connectivity: connectivity, constructionWidth: width), levels: levels,
                upper: upper, state: state, isPublished: state != nil)
        }
        let first = makeGraph(LevelGenerator(seed: 100, connectivity: connectivity), upper: nil, state: nil)
        if published > 0 {
            Insertion(into: first, threads: threads).append(published)
            graph = makeGraph(
                first.levels, upper: first.upper,
                state: Graph.State(
                    count: published, entryPoint: first.entryPoint, maximumLevel: first.maximumLevel))
        } else {
            graph = first
        }
        let insertion = Insertion(into: graph, threads: threads)
        var remaining = count - published
        while remaining > 0 {
            let size = min(piece, remaining)
            remaining -= size
            insertion.append(size, moreToCome: remaining > 0)
        }
    }

    /// Runs `body` with `vector` in the kernels' form.
    func withQuery<Result>(_ vector: [Float], _ body: (Query) -> Result) -> Result {
        let padded = vector + [Float](repeating: 0, count: stride / 4 - vector.count)
        return unsafe padded.withUnsafeBytes { unsafe body(Query(vector: $0.baseAddress!, norm: 1)) }
    }

    func search(_ vector: [Float], count: Int, width: Int) -> [UInt32] {
        withQuery(vector) { query in
            let found = graph.search(query, count: count, width: width, scratch: scratch)
            return (0..<found.count).map { found[$0].slot }
        }
    }

    func exact(_ vector: [Float], count: Int) -> [UInt32] {
        withQuery(vector) { query in
            let found = graph.exactSearch(
                query, count: count, scratch: scratch)
            return (0..<found.count).map { found[$0].slot }
        }
    }

    /// The share of the true `count` nearest that searches of `width` find.
    func recall(_ queries: [[Float]], count: Int, width: Int) -> Double {
        var hits = 0
        for query in queries {
            hits += Set(exact(query, count: count)).intersection(search(query, count: count, width: width)).count
        }
        return Double(hits) / Double(queries.count * count)
    }

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
            + (0..<graph.upper.listCount * graph.upper.listLength).map { graph.upper.lists.buffer[$0] }
    }
}

/// Vectors around a few centres, the same for every call; `skipping`: leaves out the first ones, for queries of the same
/// kind that are not in the graph.
func clusteredVectors(_ count: Int, dimensions: Int, clusters: Int = 20, skipping: Int = 0) -> [[Float]] {
    var random = SplitMix(state: 1)
    let centres = (0..<clusters).map { _ in (0..<dimensions).map { _ in random.nextUnit() * 4 } }
    return Array(
        (0..<skipping + count).map { _ in
            let centre = centres[Int(random.next() % UInt64(clusters))]
            return centre.map { $0 + random.nextUnit() + random.nextUnit() - 1 }
        }[skipping...])
}

/// A small generator with a seed (Steele, Lea and Flood, 2014).
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func nextUnit() -> Float { Float(next() >> 40) / Float(1 << 24) }
}
