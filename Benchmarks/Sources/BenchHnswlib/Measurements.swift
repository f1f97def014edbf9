import Cairn
import Foundation
import SystemPackage

func cpuSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return sorted.isEmpty ? .nan : sorted[sorted.count / 2]
}

/// One engine's points of a round: recall and QPS by search width.
struct Curve {
    var points: [(recall: Double, qps: Double)] = []

    /// QPS at `recall`, interpolated on its logarithm between neighbouring widths; nil outside the curve.
    func qps(at recall: Double) -> Double? {
        for (low, high) in zip(points, points.dropFirst()) where low.recall <= recall && recall <= high.recall {
            let part = high.recall == low.recall ? 0 : (recall - low.recall) / (high.recall - low.recall)
            return exp(log(low.qps) + part * (log(high.qps) - log(low.qps)))
        }
        return nil
    }
}

/// Recall at the widths hnswlib's users know, of both.
func measureRecall(_ workload: Workload, _ indexes: Indexes) throws -> [[String: Any]] {
    var labels = [UInt64](repeating: 0, count: workload.k), distances = [Float](repeating: 0, count: workload.k)
    return try [10, 20, 50, 100, 200].map { width in
        var hits = (ours: 0, theirs: 0)
        for query in 0..<workload.queryCount {
            let row = Array(workload.queries[query * workload.dimensions..<(query + 1) * workload.dimensions])
            let found = try indexes.store.search(row, k: workload.k, options: VectorStore.SearchOptions(ef: width))
            for neighbor in found where neighbor.distance <= workload.thresholds[query] { hits.ours += 1 }
            let count = indexes.hnswlib.search(row, k: workload.k, ef: width, labels: &labels, distances: &distances)
            for index in 0..<count where distances[index] <= workload.thresholds[query] { hits.theirs += 1 }
        }
        let total = Double(workload.queryCount * workload.k)
        return [
            "ef": width, "cairn": Double(hits.ours) / total, "hnswlib": Double(hits.theirs) / total,
            "difference": Double(hits.ours - hits.theirs) / total,
        ]
    }
}

/// CPU seconds of this process, all of its threads.
func processSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// Rows a second, by the clock on the wall and by CPU time, which other work on the machine disturbs less.
struct Rates {
    private var wall: [Double] = []
    private var cpu: [Double] = []

    /// Runs `body`, which adds so many rows; without `isMeasured` to warm up.
    mutating func measure(rows: Int, isMeasured: Bool = true, _ body: () throws -> Void) rethrows {
        let began = Date(), spent = processSeconds()
        try body()
        guard isMeasured else { return }
        wall.append(Double(rows) / Date().timeIntervalSince(began))
        cpu.append(Double(rows) / (processSeconds() - spent))
    }

    var last: Int { Int(wall.last ?? 0) }

    /// Medians, and those of the ratios within a round to another's.
    func report(beside other: Rates? = nil) -> [String: Any] {
        var report: [String: Any] = ["rate": median(wall), "rate_by_cpu_time": median(cpu)]
        if let other {
            report["ratio"] = median(zip(wall, other.wall).map { $0 / $1 })
            report["ratio_by_cpu_time"] = median(zip(cpu, other.cpu).map { $0 / $1 })
        }
        return report
    }
}

/// Rows a second into an empty index, on one thread and on two, in turn.
func measureBuild(_ workload: Workload, _ options: Options) throws -> [String: Any] {
    let rows = min(workload.rows, options.buildRows)
    let vectors = Array(workload.base.prefix(rows * workload.dimensions))
    let path = options.cache + "/build-\(getpid()).cairn"
    try FileManager.default.createDirectory(atPath: options.cache, withIntermediateDirectories: true)
    var result: [String: Any] = ["rows": rows, "rounds": options.buildRounds]
    for threads in options.buildThreads {
        var theirs = Rates(), ours = options.codes.map { _ in Rates() }
        for _ in 0..<options.buildRounds {
            for (index, codes) in options.codes.enumerated() {
                try ours[index].measure(rows: rows) {
                    try VectorStore.build(
                        at: FilePath(path), configuration: IndexFiles.configuration(workload, options.scalar, codes),
                        vectors: vectors, options: .init(threads: threads))
                }
                try FileManager.default.removeItem(atPath: path)
            }
            theirs.measure(rows: rows) {
                let index = Hnswlib.make(
                    dimensions: workload.dimensions, cosine: workload.cosine, capacity: rows, m: 16, efConstruction: 200
                )
                index.add(vectors[...], count: rows, threads: threads)
            }
            let rates = zip(options.codes, ours).map { "cairn \($0.rawValue) \($1.last)" }.joined(separator: ", ")
            note("build, \(threads) threads, rows a second: \(rates), hnswlib \(theirs.last)")
        }
        var rates: [String: Any] = ["hnswlib": theirs.report()]
        for (codes, ours) in zip(options.codes, ours) { rates["cairn_\(codes.rawValue)"] = ours.report(beside: theirs) }
        result["threads_\(threads)"] = rates
    }
    return result
}

/// Seconds from the start of a process to its first answer: `cairn search` beside a program that loads the same vectors with
/// hnswlib. Cold: the files' pages were dropped from the page cache before.
func measureOpen(_ workload: Workload, _ files: IndexFiles, _ options: Options) throws -> [String: Any] {
    let query = options.cache + "/query.f32", queryNpy = options.cache + "/query.npy"
    let row = Array(workload.queries.prefix(workload.dimensions))
    let bytes = row.withUnsafeBytes { Data($0) }
    try bytes.write(to: URL(fileURLWithPath: query))
    var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, \(workload.dimensions)), }"
    header += String(repeating: " ", count: 64 - (10 + header.count + 1) % 64) + "\n"
    let prefix = Data([0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.count & 255), UInt8(header.count >> 8)])
    try (prefix + Data(header.utf8) + bytes).write(to: URL(fileURLWithPath: queryNpy))
    let ours = [options.cairn, "search", files.store, queryNpy, "-k", "10", "--ef", "50"]
    let theirs = [
        ".build/hnswlib/first_answer", files.hnswlib, "\(workload.dimensions)", workload.cosine ? "cosine" : "l2",
        query,
    ]
    let parts = try FileManager.default.contentsOfDirectory(atPath: files.store).map { files.store + "/" + $0 }
    var result: [String: Any] = [:]
    for temperature in ["warm", "cold"] {
        var times: (ours: [Double], theirs: [Double]) = ([], [])
        for round in 0..<(options.rounds + 1) {
            if temperature == "cold" { dropFromCache(parts + [files.hnswlib]) }
            let first = try seconds(ours), second = try seconds(theirs)
            if round == 0 { continue }
            times.ours.append(first)
            times.theirs.append(second)
        }
        result[temperature] = [
            "cairn_seconds": median(times.ours), "hnswlib_seconds": median(times.theirs),
            "ratio": median(times.theirs) / median(times.ours),
        ]
    }
    return result
}

private func dropFromCache(_ paths: [String]) {
    for path in paths {
        let descriptor = open(path, O_RDONLY)
        if descriptor >= 0 {
            fsync(descriptor)
            posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
            close(descriptor)
        }
    }
}

private func seconds(_ command: [String]) throws -> Double {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: command[0])
    process.arguments = Array(command.dropFirst())
    let output = Pipe()
    process.standardOutput = output
    let began = Date()
    try process.run()
    // The first bytes of output are the first answer.
    let first = output.fileHandleForReading.availableData
    let elapsed = Date().timeIntervalSince(began)
    _ = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0, !first.isEmpty else {
        fatalError("\(command.joined(separator: " ")) failed with status \(process.terminationStatus)")
    }
    return elapsed
}
