import Cairn
import SystemPackage
import VectorFiles

/// A store, its queries, and for each which results count as true neighbours.
struct RecallMeasurement {
    private let store: VectorStore
    private let count: Int
    private let queries: [[Float]]
    private let truths: [Truth]
    /// Whether searches go by the vectors though the store has codes.
    private let ignoresCodes: Bool

    /// The true neighbours of a query: these labels, and whatever is no farther than the last of them.
    private struct Truth {
        let labels: Set<Label>
        let threshold: Float

        func contains(_ neighbor: Neighbor) -> Bool {
            neighbor.distance <= threshold || labels.contains(neighbor.label)
        }
    }

    var queryCount: Int { queries.count }

    /// Throws unless the store at `path` has the dimensions of the queries and all labels of the truth.
    init(_ store: VectorStore, at path: FilePath, _ input: RecallInput, ignoresCodes: Bool = false) throws {
        self.store = store
        self.ignoresCodes = ignoresCodes
        count = input.count
        queries = input.queries
        let configuration = try store.configuration
        guard configuration.dimensions == queries[0].count else {
            throw Failure(
                code: StoreError.Code.dimensionMismatch.description,
                "its vectors have \(configuration.dimensions) dimensions, the queries have \(queries[0].count)", path: path)
        }
        var truths: [Truth] = []
        for (row, (query, labels)) in zip(queries, input.truth).enumerated() {
            let distances: [Float?]
            do {
                distances = try store.distances(from: query, to: labels)
            } catch {
                throw input.failure(error, row)
            }
            if let missing = distances.firstIndex(of: nil) {
                throw Failure(input.truthPath, "row \(row) names label \(labels[missing]), which is not in the store")
            }
            let last = distances.compactMap { $0 }.max() ?? 0
            truths.append(Truth(labels: Set(labels), threshold: Self.threshold(last, configuration.metric)))
        }
        self.truths = truths
    }

    private func options(_ width: Int) -> SearchOptions {
        var options = SearchOptions(width: width)
        options.ignoresCodes = ignoresCodes
        return options
    }

    /// Counts what the searches compute and read. Not while they are timed: telling the pages apart takes time.
    func work(width: Int) throws -> SearchWork {
        var work = SearchWork()
        for query in queries {
            _ = try store.search(query, count: count, options: options(width), work: &work)
        }
        return work
    }

    /// Searches for each query, one after the other, and measures each call. `work`: what they compute and read.
    func run(width: Int, work: SearchWork) throws -> RecallRow {
        let options = options(width), before = ThreadUsage.now
        var hits = 0
        var times: [Duration] = []
        times.reserveCapacity(queries.count)
        for (query, truth) in zip(queries, truths) {
            let start = ContinuousClock.now
            let found = try store.search(query, count: count, options: options)
            times.append(ContinuousClock.now - start)
            hits += found.count { truth.contains($0) }
        }
        let usage = ThreadUsage.now.since(before)
        times.sort()
        let total = times.reduce(Duration.zero, +).seconds
        // Waiting for the disk is part of a search, waiting for a processor that other programs have is not.
        let counted = usage.diskReads > 0 ? total : min(usage.processorSeconds, total)
        return RecallRow(
            width: width, recall: Double(hits) / Double(queries.count * count),
            queriesPerSecond: Double(queries.count) / max(counted, 1e-9),
            processorShare: usage.diskReads > 0 ? 1 : min(1, usage.processorSeconds / max(total, 1e-9)),
            medianMicroseconds: Self.percentile(50, of: times),
            percentile99Microseconds: Self.percentile(99, of: times), work: work, queryCount: queries.count)
    }

    /// As ann-benchmarks: a little more than the distance, so that rounding and equal distances do no harm. What is left of a small
    /// product in a distance of about 1 does not tell near from far: then only labels count.
    private static func threshold(_ distance: Float, _ metric: Metric) -> Float {
        switch metric {
        case .l2: return distance * (1 + 1e-3)
        case .innerProduct:
            let product = abs(1 - distance)
            return product < 1e-3 ? -.infinity : distance + 1e-3 * min(product, 1)
        case .cosine, .custom: return distance + 1e-3
        }
    }

    /// The time that `percent` of 100 queries do not exceed, in microseconds: the nearest rank.
    private static func percentile(_ percent: Int, of sorted: [Duration]) -> Double {
        sorted[max(0, (sorted.count * percent + 99) / 100 - 1)].seconds * 1e6
    }
}
