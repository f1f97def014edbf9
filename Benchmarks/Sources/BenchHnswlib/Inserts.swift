import Cairn
import Foundation
import SystemPackage

/// Vectors added a second to an index that has BUILD_N already, on one thread, in batches of a thousand that take turns: to a
/// store on disk that acknowledges each batch when it is durable, and to hnswlib's index in memory, which keeps nothing.
func measureInserts(_ workload: Workload, _ options: Options) throws -> [String: Any] {
    let batch = 1000, total = min(workload.rows, options.buildRows), start = total - batch * (options.rounds + 1)
    guard start > 0 else { fatalError("\(total) rows are too few for \(options.rounds) rounds of \(batch)") }
    let theirs = Hnswlib.make(
        dimensions: workload.dimensions, cosine: workload.cosine, capacity: total, m: 16, efConstruction: 200)
    theirs.add(workload.base[...], count: start, threads: 2)
    let base = FilePath(options.cache + "/inserts-\(getpid())")
    let stores = try options.codes.map { codes in
        let path = FilePath(base.string + "-\(codes.rawValue).cairn")
        try VectorStore.build(
            at: path, configuration: IndexFiles.configuration(workload, options.scalar, codes),
            vectors: Array(workload.base.prefix(start * workload.dimensions)), options: .init(threads: 2))
        return (codes, path, try VectorStore.openForWriting(at: path))
    }
    defer { for (_, path, _) in stores { try? FileManager.default.removeItem(atPath: path.string) } }
    var rates = stores.map { _ in Rates() }, their = Rates()
    for round in 0...options.rounds {
        let first = start + round * batch, labels = (first..<first + batch).map { VectorStore.Label($0) }
        let vectors = Array(workload.base[first * workload.dimensions..<(first + batch) * workload.dimensions])
        for (index, (_, _, store)) in stores.enumerated() {
            try rates[index].measure(rows: batch, isMeasured: round > 0) {
                try store.add(vectors, labels: labels, threads: 1)
            }
        }
        their.measure(rows: batch, isMeasured: round > 0) {
            theirs.add(vectors[...], count: batch, firstLabel: first, threads: 1)
        }
    }
    var result: [String: Any] = ["vectors": start, "batch": batch, "hnswlib": their.report()]
    for ((codes, _, store), rates) in zip(stores, rates) {
        result["cairn_\(codes.rawValue)"] = rates.report(beside: their)
        try store.close()
    }
    return result
}
