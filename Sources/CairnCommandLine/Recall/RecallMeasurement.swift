import Cairn
import SystemPackage
import VectorFiles

/// A store, and what counts as found in it for each query.
struct RecallMeasurement {
    private let store: VectorStore
    private let name: String
    private let count: Int
    private let queries: [[Float]]
    private let truth: [Truth.Neighbors]
    private let truthPath: FilePath
    /// Whether searches go by the vectors though the store has codes.
    private let ignoresQuantization: Bool

    var queryCount: Int { queries.count }

    /// How many labels of the truth the store has not.
    var missingCount: Int { truth.reduce(0) { $0 + $1.missing.count } }

    /// Throws unless the store at `path` has the dimensions of the queries and some labels of the truth. `name`: what
    /// to call it in messages about the truth.
    init(
        _ store: VectorStore, at path: FilePath, named name: String, _ input: RecallInput,
        ignoresQuantization: Bool = false
    ) throws {
        self.store = store
        self.name = name
        self.ignoresQuantization = ignoresQuantization
        count = input.count
        queries = input.queries
        truthPath = input.truth.path
        let dimensions = try store.configuration.dimensions
        guard dimensions == queries[0].count else {
            throw Failure(
                code: StoreError.Code.dimensionMismatch.description,
                "its vectors have \(dimensions) dimensions, the queries have \(queries[0].count)", path: path)
        }
        var neighbors: [Truth.Neighbors] = []
        for (row, query) in queries.enumerated() {
            do throws(StoreError) {
                neighbors.append(try input.truth.neighbors(row, of: query, store, count: count))
            } catch {
                throw input.failure(error, row)
            }
        }
        guard neighbors.contains(where: { $0.count > 0 }) else {
            let example = neighbors.lazy.flatMap(\.missing).first.map { ", \($0) for example," } ?? ""
            throw Failure(truthPath, "none of its labels\(example) is in \(name): is it of another store?")
        }
        self.truth = neighbors
    }

    /// What is to be known of labels of the truth that the store has not.
    var missingWarning: String? {
        let missing = missingCount, short = truth.count { $0.count < count }
        guard missing > 0 else { return nil }
        let subject = missing == 1 ? "1 label is" : "\(missing) labels are"
        let rest =
            short == 0
            ? "the next ones of the same rows count in their place"
            : "\(short) of the queries have fewer than \(count) true neighbours left"
        return "\(truthPath): \(subject) not in \(name), perhaps deleted; \(rest)"
    }

    private func options(_ width: Int) -> VectorStore.SearchOptions {
        VectorStore.SearchOptions(ef: width, ignoresQuantization: ignoresQuantization)
    }

    /// Counts what the searches compute and read. Not while they are timed: telling the pages apart takes time.
    /// `progress` is told how many are over.
    func work(width: Int, progress: (Int) -> Void) throws -> VectorStore.SearchWork {
        var work = VectorStore.SearchWork()
        for (index, query) in queries.enumerated() {
            if index % 64 == 0 { progress(index) }
            _ = try store.search(query, k: count, options: options(width), work: &work)
        }
        return work
    }

    /// Searches for each query, one after the other, and measures each call. `work`: what they compute and read.
    /// `progress` is told how many are over, between two measurements.
    func run(width: Int, work: VectorStore.SearchWork, progress: (Int) -> Void) throws -> RecallRow {
        let options = options(width), before = ThreadUsage.now
        var hits = 0
        var times: [Duration] = []
        times.reserveCapacity(queries.count)
        for (index, (query, neighbors)) in zip(queries, truth).enumerated() {
            if index % 64 == 0 { progress(index) }
            let start = ContinuousClock.now
            let found = try store.search(query, k: count, options: options)
            times.append(ContinuousClock.now - start)
            hits += min(found.count { neighbors.contains($0) }, neighbors.count)
        }
        let usage = ThreadUsage.now.since(before)
        times.sort()
        let total = times.reduce(Duration.zero, +).seconds
        // Waiting for the disk is part of a search, waiting for a processor that other programs have is not.
        let counted = usage.diskReads > 0 ? total : min(usage.processorSeconds, total)
        return RecallRow(
            width: width, recall: Double(hits) / Double(truth.reduce(0) { $0 + $1.count }),
            queriesPerSecond: Double(queries.count) / max(counted, 1e-9),
            processorShare: usage.diskReads > 0 ? 1 : min(1, usage.processorSeconds / max(total, 1e-9)),
            medianMicroseconds: Self.percentile(50, of: times),
            percentile99Microseconds: Self.percentile(99, of: times), work: work, queryCount: queries.count)
    }

    /// The time that `percent` of 100 queries do not exceed, in microseconds: the nearest rank.
    private static func percentile(_ percent: Int, of sorted: [Duration]) -> Double {
        sorted[max(0, (sorted.count * percent + 99) / 100 - 1)].seconds * 1e6
    }
}
