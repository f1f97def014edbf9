import Cairn
import Foundation

/// Filtered searching: one label in so many is allowed, chosen by chance; hnswlib with a functor that looks into a bitmap, Cairn
/// with the same bitmap. Each goes through the widths, from the narrowest one on, until its recall is 0.99.
func measureFilters(_ workload: Workload, _ indexes: Indexes, _ options: Options) throws -> [[String: Any]] {
    try [2, 10, 100, 1000, 10_000].map { oneIn in
        var generator = SplitMix(state: UInt64(oneIn)), words = [UInt64](repeating: 0, count: workload.rows / 64 + 1)
        var matches = 0
        for row in 0..<workload.rows where generator.next() % UInt64(oneIn) == 0 {
            words[row / 64] |= 1 << UInt64(row % 64)
            matches += 1
        }
        guard matches > 0 else { return ["one_in": oneIn, "matches": 0] }
        // hnswlib looks at most of the index for each query where few are allowed: with fewer queries it ends today.
        let queries = min(workload.queryCount, [2: 1000, 10: 1000, 100: 300, 1000: 100, 10_000: 40][oneIn]!)
        note("filters: 1 label in \(oneIn): \(matches) labels, \(queries) queries; computing the exact neighbours")
        let thresholds = workload.thresholds(among: words, count: min(workload.k, matches), queries: queries)
        let race = FilterRace(
            workload, indexes, words, thresholds, wanted: min(workload.k, matches), queries: queries)
        var rounds: [(ours: Curve, theirs: Curve)] = []
        for round in 0...options.rounds {
            let curves = try race.run(round)
            // The first round only warms caches up, and finds how wide each side has to search.
            if round > 0 { rounds.append(curves) }
        }
        // When all else is warm.
        let first = try race.secondsOfFirst(queries: min(100, queries))
        return [
            "one_in": oneIn, "matches": matches, "queries": queries,
            "cairn_seconds_of_first_\(min(100, queries))": first,
            "cairn_fewest_results": race.fewest.ours, "hnswlib_fewest_results": race.fewest.theirs,
            "at": [0.95, 0.99].map { row($0, rounds) },
        ]
    }
}

private func row(_ recall: Double, _ rounds: [(ours: Curve, theirs: Curve)]) -> [String: Any] {
    var row: [String: Any] = ["recall": recall]
    let ours = rounds.compactMap { $0.ours.best(at: recall) }, theirs = rounds.compactMap { $0.theirs.best(at: recall) }
    func range(_ curve: Curve) -> String { "\(curve.points[0].recall)...\(curve.points.last!.recall)" }
    if ours.isEmpty { row["cairn_reaches"] = range(rounds[0].ours) } else { row["cairn_qps"] = median(ours) }
    if theirs.isEmpty { row["hnswlib_reaches"] = range(rounds[0].theirs) } else { row["hnswlib_qps"] = median(theirs) }
    if ours.count == rounds.count && theirs.count == rounds.count {
        let ratios = zip(ours, theirs).map { $0 / $1 }
        row["ratio"] = median(ratios)
        row["ratio_min"] = ratios.min()!
        row["ratio_max"] = ratios.max()!
    }
    return row
}

extension Curve {
    /// The most QPS with `recall` or more: at a width that has it, or interpolated before the first one that has. A search that is
    /// exact at the narrowest width has no lower recall to be slower or faster at.
    func best(at recall: Double) -> Double? {
        let reached = points.filter { $0.recall >= recall }.map { $0.qps }
        return (reached + [qps(at: recall)].compactMap { $0 }).max()
    }
}

/// Both sides on one filter.
private final class FilterRace {
    private let workload: Workload
    private let indexes: Indexes
    private let words: [UInt64]
    private let filter: VectorStore.LabelFilter
    private let thresholds: [Float]
    private let wanted: Int
    private let queries: Int
    private let allWidths = [
        10, 12, 14, 17, 20, 24, 28, 34, 40, 48, 58, 70, 84, 100, 120, 145, 175, 210, 250, 300, 360, 430, 500,
    ]
    /// How many of the widths each side needs; all until the first round has shown it.
    private var needed: (ours: Int, theirs: Int)
    /// The fewest results that a query got.
    private(set) var fewest = (ours: Int.max, theirs: Int.max)
    private var labels: [UInt64]
    private var distances: [Float]

    init(
        _ workload: Workload, _ indexes: Indexes, _ words: [UInt64], _ thresholds: [Float], wanted: Int, queries: Int
    ) {
        self.workload = workload
        self.indexes = indexes
        self.words = words
        self.thresholds = thresholds
        self.wanted = wanted
        self.queries = queries
        filter = .bitmap(words)
        needed = (allWidths.count, allWidths.count)
        labels = .init(repeating: 0, count: workload.k)
        distances = .init(repeating: 0, count: workload.k)
    }

    /// The first searches with a filter, which work out what it means for the store.
    func secondsOfFirst(queries: Int) throws -> Double {
        let fresh = VectorStore.LabelFilter.bitmap(words), began = cpuSeconds()
        for query in 0..<queries {
            let row = Array(workload.queries[query * workload.dimensions..<(query + 1) * workload.dimensions])
            _ = try indexes.store.search(row, k: workload.k, options: .init(ef: 50, filter: fresh))
        }
        return cpuSeconds() - began
    }

    func run(_ round: Int) throws -> (ours: Curve, theirs: Curve) {
        var curves = (ours: Curve(), theirs: Curve())
        let slice = max(10, queries / 10)
        for (place, width) in allWidths.enumerated() {
            let weGo = place < needed.ours, theyGo = place < needed.theirs
            guard weGo || theyGo else { break }
            var times = (ours: 0.0, theirs: 0.0), hits = (ours: 0, theirs: 0)
            for start in stride(from: 0, to: queries, by: slice) {
                let range = start..<min(start + slice, queries)
                // Whoever goes second finds the queries in the cache: they take turns.
                for isOurs in (start / slice + round) % 2 == 0 ? [false, true] : [true, false] {
                    guard isOurs ? weGo : theyGo else { continue }
                    let began = cpuSeconds()
                    let found = isOurs ? try searchOurs(range, width) : searchTheirs(range, width)
                    if isOurs {
                        times.ours += cpuSeconds() - began
                        hits.ours += found
                    } else {
                        times.theirs += cpuSeconds() - began
                        hits.theirs += found
                    }
                }
            }
            let total = Double(queries * wanted)
            if weGo { curves.ours.points.append((Double(hits.ours) / total, Double(queries) / times.ours)) }
            if theyGo { curves.theirs.points.append((Double(hits.theirs) / total, Double(queries) / times.theirs)) }
            guard round == 0 else { continue }
            if weGo && Double(hits.ours) >= 0.99 * total { needed.ours = place + 1 }
            if theyGo && Double(hits.theirs) >= 0.99 * total { needed.theirs = place + 1 }
        }
        return curves
    }

    private func searchOurs(_ range: Range<Int>, _ width: Int) throws -> Int {
        try workload.queries.withUnsafeBufferPointer { queries in
            var hits = 0
            for query in range {
                let row = UnsafeBufferPointer(
                    rebasing: queries[query * workload.dimensions..<(query + 1) * workload.dimensions])
                let found = try indexes.store.search(
                    row.span, k: workload.k, options: VectorStore.SearchOptions(ef: width, filter: filter))
                fewest.ours = min(fewest.ours, found.count)
                for neighbor in found where neighbor.distance <= thresholds[query] { hits += 1 }
            }
            return hits
        }
    }

    private func searchTheirs(_ range: Range<Int>, _ width: Int) -> Int {
        workload.queries.withUnsafeBufferPointer { queries in
            var hits = 0
            for query in range {
                let count = indexes.hnswlib.search(
                    queries.baseAddress! + query * workload.dimensions, k: workload.k, ef: width, bitmap: words,
                    labels: &labels, distances: &distances)
                fewest.theirs = min(fewest.theirs, count)
                for index in 0..<count where distances[index] <= thresholds[query] { hits += 1 }
            }
            return hits
        }
    }
}

extension Workload {
    /// For each of the first queries, how far the `count`-th nearest of the rows is whose bit is set; and a thousandth of that.
    func thresholds(among words: [UInt64], count: Int, queries: Int) -> [Float] {
        let rows = (0..<rows).filter { words[$0 / 64] >> UInt64($0 % 64) & 1 == 1 }
        return (0..<queries).map { query in
            // The nearest so far, ascending.
            var nearest: [Double] = []
            for row in rows {
                let distance = Self.distance(base, row, self.queries, query, dimensions, cosine)
                guard nearest.count < count || distance < nearest[count - 1] else { continue }
                if nearest.count == count { nearest.removeLast() }
                nearest.insert(distance, at: nearest.firstIndex { $0 > distance } ?? nearest.count)
            }
            return Float(nearest[count - 1] * (1 + 1e-3)) + 1e-6
        }
    }
}

/// A small generator with a seed (Steele, Lea and Flood, 2014).
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
