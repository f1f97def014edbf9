import Cairn
import HnswlibFile
import SystemPackage
import VectorFiles

/// A store that is built of rows.
struct GraphBuild {
    let configuration: VectorStore.Configuration
    private let source: VectorStore.RowSource
    private let labels: [Label]?
    private let threads: Int?
    private let memory: Int?
    private let skipped: SkippedVectors?

    var count: Int { source.count }

    /// `labels`: nil for the numbers of the rows.
    init(
        _ source: VectorStore.RowSource, dimensions: Int, scalar: VectorStore.Scalar, labels: [Label]?,
        for output: ConversionFormat,
        _ settings: ConversionSettings
    ) throws {
        self.source = source
        self.labels = labels
        threads = settings.threads
        memory = settings.memory
        skipped = settings.skipped
        configuration = VectorStore.Configuration(
            dimensions: dimensions, metric: try settings.requiredMetric(for: output).metric, scalar: scalar,
            m: settings.connectivity ?? 16, efConstruction: settings.constructionWidth ?? 200)
    }

    /// Notes a vector that is left out; nil where it is an error.
    private var note: (@Sendable (VectorStore.InvalidVector) -> Void)? {
        guard let skipped else { return nil }
        let labels = labels
        return { skipped.note(row: $0.row, label: labels?[$0.row] ?? Label($0.row), problem: $0.problem) }
    }

    /// Throws what is wrong with the rows, and makes nothing.
    func check(progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void) throws {
        try advising { () throws(StoreError) in
            try VectorStore.checkBuild(
                configuration, source, labels: labels, onInvalidVector: note, progress: progress)
        }
    }

    private func advising(_ body: () throws(StoreError) -> Void) throws {
        do {
            try body()
        } catch {
            throw Failure(error, addition: error.skipAdvice)
        }
    }

    /// Makes the store.
    func run(at path: FilePath, progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void) throws {
        try advising { () throws(StoreError) in
            try VectorStore.build(
                at: path, configuration: configuration, source, labels: labels,
                options: .init(
                    threads: threads, memoryBudget: memory, progress: progress, onInvalidVector: note))
        }
    }
}

extension VectorStore.RowSource {
    /// The rows of a file of vectors. `allowsOverflow`: see `VectorFile.readFloats`.
    init(_ file: VectorFile, allowsOverflow: Bool) {
        unsafe self.init(count: file.rows, path: file.path) { (range, vectors) throws(StoreError) in
            do throws(VectorFileError) {
                try unsafe file.readFloats(rows: range, into: vectors, allowsOverflow: allowsOverflow)
            } catch {
                throw StoreError(error)
            }
        }
    }

    /// Those rows of a BFIndex; all of them where `kept` is nil.
    init(_ rows: BruteForceRows, kept: [Int]?) {
        unsafe self.init(count: kept?.count ?? rows.length, path: rows.file.path) {
            (range, vectors) throws(StoreError) in
            do throws(HnswlibFileError) {
                guard let kept else { return try unsafe rows.read(range, vectors: vectors, labels: nil) }
                var next = range.lowerBound
                while next < range.upperBound {
                    let first = kept[next], place = (next - range.lowerBound) * rows.dimensions
                    var end = next + 1
                    while end < range.upperBound && kept[end] - first == end - next { end += 1 }
                    let part = unsafe UnsafeMutableBufferPointer(rebasing: vectors[place...])
                    try unsafe rows.read(first..<first + (end - next), vectors: part, labels: nil)
                    next = end
                }
            } catch {
                throw StoreError(error)
            }
        }
    }
}

extension BruteForceRows {
    /// The labels of the rows that count, and which rows these are; nil for all of them. Of rows under one label the
    /// last one counts.
    func labels() throws -> (labels: [Label], kept: [Int]?) {
        // The labels; those that count; which those are.
        try expectMemory(25 * length)
        var labels: [Label] = []
        labels.reserveCapacity(length)
        let block = try RowBlock(dimensions: dimensions)
        var place = 0
        while place < length {
            place = try read(from: place, into: block)
            unsafe labels.append(contentsOf: block.filledLabels)
        }
        let superseded = try SlotsByLabel.superseded(labels) { _ in false }
        guard !superseded.isEmpty else { return (labels, nil) }
        var isKept = [Bool](repeating: true, count: length)
        for row in superseded { isKept[Int(row)] = false }
        let kept = isKept.indices.filter { isKept[$0] }
        return (kept.map { labels[$0] }, kept)
    }
}
