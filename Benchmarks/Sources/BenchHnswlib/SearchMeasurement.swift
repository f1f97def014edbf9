import Cairn
import Foundation

/// One that searches, beside the others in turn.
struct Contender {
    let name: String
    /// Searches for these queries with a width, and returns how many results count as found.
    let search: (_ queries: Range<Int>, _ width: Int) throws -> Int
}

extension Contender {
    static func hnswlib(_ index: Hnswlib, _ workload: Workload) -> Contender {
        var labels = [UInt64](repeating: 0, count: workload.k), distances = [Float](repeating: 0, count: workload.k)
        return Contender(name: "hnswlib") { range, width in
            var hits = 0
            workload.queries.withUnsafeBufferPointer { queries in
                for query in range {
                    let count = index.search(
                        queries.baseAddress! + query * workload.dimensions, k: workload.k, ef: width, labels: &labels,
                        distances: &distances)
                    for place in 0..<count where distances[place] <= workload.thresholds[query] { hits += 1 }
                }
            }
            return hits
        }
    }

    /// One query at a time.
    static func single(_ store: VectorStore, _ name: String, _ workload: Workload) -> Contender {
        Contender(name: name) { range, width in
            var hits = 0
            let options = VectorStore.SearchOptions(ef: width)
            try workload.queries.withUnsafeBufferPointer { queries in
                for query in range {
                    let row = UnsafeBufferPointer(
                        rebasing: queries[query * workload.dimensions..<(query + 1) * workload.dimensions])
                    for neighbor in try store.search(row.span, k: workload.k, options: options)
                    where neighbor.distance <= workload.thresholds[query] { hits += 1 }
                }
            }
            return hits
        }
    }

    /// All of a slice in one call, on one thread.
    static func batch(_ store: VectorStore, _ name: String, _ workload: Workload) -> Contender {
        Contender(name: name) { range, width in
            let queries = Array(
                workload.queries[range.lowerBound * workload.dimensions..<range.upperBound * workload.dimensions])
            let found = try store.search(
                batch: queries, k: workload.k, options: VectorStore.SearchOptions(ef: width), threads: 1)
            var hits = 0
            for (query, neighbors) in zip(range, found) {
                for neighbor in neighbors where neighbor.distance <= workload.thresholds[query] { hits += 1 }
            }
            return hits
        }
    }
}

func measureSearch(_ workload: Workload, _ indexes: Indexes, _ options: Options) throws -> [String: Any] {
    let widths = [10, 12, 14, 17, 20, 24, 28, 34, 40, 48, 58, 70, 84, 100, 120, 145, 175, 210, 250]
    let slice = 100
    var contenders = [Contender.hnswlib(indexes.hnswlib, workload)]
    for (name, store) in indexes.stores {
        contenders.append(.single(store, name, workload))
        if options.batch { contenders.append(.batch(store, name + ", batch", workload)) }
    }
    var rounds: [[Curve]] = []
    for round in 0...options.rounds {
        var curves = [Curve](repeating: Curve(), count: contenders.count)
        for width in widths {
            var times = [Double](repeating: 0, count: contenders.count),
                hits = [Int](repeating: 0, count: contenders.count)
            for start in stride(from: 0, to: workload.queryCount, by: slice) {
                let range = start..<min(start + slice, workload.queryCount)
                // Whoever comes later finds the queries in the cache: they take turns in coming first.
                for offset in contenders.indices {
                    let turn = (offset + start / slice + round) % contenders.count
                    let began = cpuSeconds()
                    hits[turn] += try contenders[turn].search(range, width)
                    times[turn] += cpuSeconds() - began
                }
            }
            let total = Double(workload.queryCount * workload.k), queries = Double(workload.queryCount)
            for index in contenders.indices {
                curves[index].points.append((Double(hits[index]) / total, queries / times[index]))
            }
        }
        // The first round only warms caches up.
        if round > 0 { rounds.append(curves) }
        note("round \(round) of \(options.rounds)")
    }
    var report: [String: Any] = [:]
    for (index, contender) in contenders.enumerated() {
        report[contender.name] = [0.90, 0.95, 0.99].map { recall in
            point(rounds.map { ($0[index], $0[0]) }, at: recall)
        }
    }
    report["recall_by_ef"] = widths.indices.map { place -> [String: Any] in
        var row: [String: Any] = ["ef": widths[place]]
        for (index, contender) in contenders.enumerated() where !contender.name.hasSuffix("batch") {
            row[contender.name] = rounds[0][index].points[place].recall
        }
        return row
    }
    return report
}

/// QPS at a recall, and the ratio to hnswlib's within each round: medians.
private func point(_ rounds: [(ours: Curve, theirs: Curve)], at recall: Double) -> [String: Any] {
    let pairs = rounds.compactMap { round in
        round.ours.qps(at: recall).flatMap { ours in round.theirs.qps(at: recall).map { (ours, $0) } }
    }
    guard !pairs.isEmpty else {
        let ours = rounds[0].ours.points, theirs = rounds[0].theirs.points
        return [
            "recall": recall,
            "reason": "outside the recall that the widths reach: \(ours[0].recall)...\(ours.last!.recall), "
                + "hnswlib \(theirs[0].recall)...\(theirs.last!.recall)",
        ]
    }
    let ratios = pairs.map { $0.0 / $0.1 }
    return [
        "recall": recall, "qps": median(pairs.map { $0.0 }), "ratio": median(ratios), "ratio_min": ratios.min()!,
        "ratio_max": ratios.max()!,
    ]
}
