import Allocation
import FileFormat
import HNSW

/// Vectors that codes are trained on, as codes are made of them: spread over all that there are.
@safe
struct CodeSample {
    let dimensions: Int
    /// Row after row.
    private let memory: Memory<Float>
    private(set) var rows = 0
    private let wanted: Int

    /// Components that a sample has at the most.
    private static let mostComponents = 1 << 24

    private init(dimensions: Int, of count: Int, atLeast least: Int) throws(OutOfMemory) {
        self.dimensions = dimensions
        // Of long vectors fewer say as much of components.
        let most = max(least, min(CodeTraining.sampleSize, Self.mostComponents / dimensions))
        wanted = min(count, most)
        memory = try Memory(max(wanted, 1) * dimensions)
    }

    /// A sample of the first `count` slots, whose rows are in place.
    init(_ contents: StoreContents, count: Int) throws(OutOfMemory) {
        try self.init(dimensions: contents.encoding.dimensions, of: count, atLeast: contents.leastCodedCount)
        let graph = contents.graph, scratch = SearchScratch()
        try scratch.prepare(dimensions: graph.distances.dimensions)
        func take(_ sample: inout CodeSample, _ slot: UInt32) {
            // Free slots hold what a crash left there; imports have vectors that no search can place.
            guard graph.slots.state(slot).hasLabel else { return }
            unsafe sample.take(graph.codeComponents(slot, scratch), factor: 1)
        }
        for number in 0..<wanted { take(&self, UInt32(number * count / wanted)) }
        guard rows < min(wanted, contents.leastCodedCount) else { return }
        rows = 0
        for slot in 0..<UInt32(count) where rows < wanted { take(&self, slot) }
    }

    /// A sample of rows that are still to be read. They are not checked: what cannot be stored fails when it comes.
    init(_ source: VectorStore.RowSource, _ contents: StoreContents) throws(StoreError) {
        let encoding = contents.encoding, isCosine = contents.superblock.metric == .cosine
        do throws(OutOfMemory) {
            try self.init(
                dimensions: encoding.dimensions, of: source.count, atLeast: contents.leastCodedCount)
        } catch {
            throw StoreError(error, path: nil)
        }
        // Neighbouring rows cost nothing more to read.
        let length = wanted == source.count ? min(source.count, 512) : 4
        let (dimensions, rowCount) = (dimensions, length)
        let buffered = try takingMemory(for: nil, Memory<Float>(rowCount * dimensions))
        let buffer = unsafe UnsafeMutableBufferPointer(start: buffered.buffer.base, count: length * dimensions)
        defer { withExtendedLifetime(buffered) {} }
        let groups = (wanted + length - 1) / length
        for group in 0..<groups {
            let first = wanted == source.count ? group * length : group * source.count / groups
            let range = first..<min(first + length, source.count)
            let part = unsafe UnsafeMutableBufferPointer(rebasing: buffer[..<(range.count * dimensions)])
            try unsafe source.read(range, part)
            for row in 0..<range.count {
                let vector = unsafe UnsafePointer(part.baseAddress! + row * dimensions)
                var squares: Float = 0
                if isCosine { for index in 0..<dimensions { unsafe squares += vector[index] * vector[index] } }
                unsafe take(vector, factor: isCosine && squares > 0 ? 1 / squares.squareRoot() : 1)
            }
        }
    }

    private mutating func take(_ vector: UnsafePointer<Float>, factor: Float) {
        guard rows < wanted else { return }
        for index in 0..<dimensions where unsafe !(vector[index] * factor).isFinite { return }
        let place = memory.buffer.dropFirst(rows * dimensions)
        for index in 0..<dimensions { place[index] = unsafe vector[index] * factor }
        rows += 1
    }

    /// The model that fits it best, for a store of `count` vectors.
    func train(_ kind: CodeModel.Kind, isProduct: Bool, count: Int) throws(OutOfMemory) -> CodeModel {
        try CodeTraining(
            kind, dimensions: dimensions, isProduct: isProduct, sample: memory.buffer, count: max(rows, 1),
            total: count
        ).run()
    }
}
