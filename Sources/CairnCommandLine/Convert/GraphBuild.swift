import Cairn
import SystemPackage

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
                configuration: configuration, rows: source, labels: labels, options: options(progress))
        }
    }

    private func options(
        _ progress: @escaping @Sendable (_ done: Int, _ total: Int) -> Void
    ) -> VectorStore.BuildOptions {
        .init(threads: threads, memoryBudget: memory, progress: progress, onInvalidVector: note)
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
                at: path, configuration: configuration, rows: source, labels: labels, options: options(progress))
        }
    }
}
