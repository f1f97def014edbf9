import Cairn
import Foundation
import SystemPackage

/// Labels looked up a second, in a store on disk with all rows, on one thread and on two, alone and beside a thread that commits
/// small durable changes without pause; and the commits a second of that thread, alone and beside them.
func measureLookups(_ workload: Workload, _ options: Options) throws -> [String: Any] {
    let path = FilePath(options.cache + "/lookups-\(getpid()).cairn")
    let store = try store(workload, options, rows: workload.rows, at: path)
    defer { try? FileManager.default.removeItem(atPath: path.string) }
    let inFilter = max(1, min(1000, workload.rows / 100)), query = rows(workload, 0..<1)
    let kinds: [(String, Int, @Sendable (inout SystemRandomNumberGenerator) throws -> Void)] = [
        (
            "vectors", 1,
            { random in
                let label = VectorStore.Label.random(in: 1..<VectorStore.Label(workload.rows), using: &random)
                guard try store.vector(for: label) != nil else { fatalError("no vector of label \(label)") }
            }
        ),
        (
            "filters_of_\(inFilter)", inFilter,
            { random in
                // A new one each time: what it means is looked up once and kept.
                let labels = (0..<inFilter).map { _ in
                    VectorStore.Label.random(in: 1..<VectorStore.Label(workload.rows), using: &random)
                }
                _ = try store.search(query, k: 1, options: .init(filter: .including(labels)))
            }
        ),
    ]
    var result: [String: Any] = ["rows": workload.rows]
    let commitsAlone = try (0...options.rounds).map { _ in try run(store, threads: 0, commits: true) { _ in } }
    result["commits_a_second_alone"] = median(commitsAlone.dropFirst().map { $0.commits })
    for (name, labels, lookUp) in kinds {
        note("lookups: \(name)")
        var report: [String: Any] = [:]
        for threads in [1, 2] {
            var alone: [Double] = [], beside: [(lookups: Double, commits: Double)] = []
            for round in 0...options.rounds {
                let quiet = try run(store, threads: threads, commits: false, lookUp)
                let busy = try run(store, threads: threads, commits: true, lookUp)
                guard round > 0 else { continue }
                alone.append(quiet.lookups)
                beside.append(busy)
            }
            report["threads_\(threads)"] = [
                "labels_a_second": median(alone) * Double(labels),
                "labels_a_second_beside_commits": median(beside.map { $0.lookups }) * Double(labels),
                "commits_a_second": median(beside.map { $0.commits }),
            ]
        }
        result[name] = report
    }
    try store.close()
    return result
}

/// Has threads look up for a second, and one more commit if asked for; how many of each there were.
private func run(
    _ store: VectorStore, threads: Int, commits: Bool,
    _ lookUp: @escaping @Sendable (inout SystemRandomNumberGenerator) throws -> Void
) throws -> (lookups: Double, commits: Double) {
    let counts = (0...threads).map { _ in Counter() }, began = Date(), end = began + 1
    // Threads of their own: concurrentPerform has no more at a time than there are processors.
    let group = DispatchGroup()
    @Sendable func work(_ thread: Int) {
        var random = SystemRandomNumberGenerator(), count = 0
        do {
            while Date() < end {
                if thread < threads {
                    for _ in 0..<16 { try lookUp(&random) }
                    count += 16
                } else {
                    // Label 0, which nobody looks up, is marked and brought back.
                    if try store.contains(0) { try store.markDeleted([0]) } else { try store.unmarkDeleted([0]) }
                    count += 1
                }
            }
        } catch {
            fatalError("\(error)")
        }
        counts[thread].value = count
    }
    for thread in 0..<threads + (commits ? 1 : 0) {
        group.enter()
        Thread {
            work(thread)
            group.leave()
        }.start()
    }
    group.wait()
    let seconds = Date().timeIntervalSince(began)
    return (
        Double(counts[..<threads].reduce(0) { $0 + $1.value }) / seconds, Double(counts[threads].value) / seconds
    )
}
