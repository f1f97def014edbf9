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

func measureSearch(_ workload: Workload, _ indexes: Indexes, _ options: Options) throws -> [[String: Any]] {
    let widths = [10, 12, 14, 17, 20, 24, 28, 34, 40, 48, 58, 70, 84, 100, 120, 145, 175, 210, 250]
    let slice = 100
    var labels = [UInt64](repeating: 0, count: workload.k), distances = [Float](repeating: 0, count: workload.k)
    var rounds: [(ours: Curve, theirs: Curve)] = []
    for round in 0...options.rounds {
        var ours = Curve(), theirs = Curve()
        for width in widths {
            var times = (ours: 0.0, theirs: 0.0), hits = (ours: 0, theirs: 0)
            for start in stride(from: 0, to: workload.queryCount, by: slice) {
                let range = start..<min(start + slice, workload.queryCount)
                try workload.queries.withUnsafeBufferPointer { queries in
                    func searchTheirs() {
                        let began = cpuSeconds()
                        for query in range {
                            let pointer = queries.baseAddress! + query * workload.dimensions
                            let count = indexes.hnswlib.search(
                                pointer, k: workload.k, ef: width, labels: &labels, distances: &distances)
                            for index in 0..<count where distances[index] <= workload.thresholds[query] {
                                hits.theirs += 1
                            }
                        }
                        times.theirs += cpuSeconds() - began
                    }
                    // Whoever goes second finds the queries in the cache: they take turns.
                    let theyGoFirst = (start / slice + round) % 2 == 0
                    if theyGoFirst { searchTheirs() }
                    let began = cpuSeconds()
                    for query in range {
                        let row = UnsafeBufferPointer(
                            rebasing: queries[query * workload.dimensions..<(query + 1) * workload.dimensions])
                        let found = try indexes.store.search(
                            row.span, count: workload.k, options: SearchOptions(width: width))
                        for neighbor in found where neighbor.distance <= workload.thresholds[query] { hits.ours += 1 }
                    }
                    times.ours += cpuSeconds() - began
                    if !theyGoFirst { searchTheirs() }
                }
            }
            let total = Double(workload.queryCount * workload.k), queries = Double(workload.queryCount)
            ours.points.append((Double(hits.ours) / total, queries / times.ours))
            theirs.points.append((Double(hits.theirs) / total, queries / times.theirs))
        }
        // The first round only warms caches up.
        if round > 0 { rounds.append((ours, theirs)) }
    }
    return [0.90, 0.95, 0.99].map { recall in
        let pairs = rounds.compactMap { round in
            round.ours.qps(at: recall).flatMap { ours in round.theirs.qps(at: recall).map { (ours, $0) } }
        }
        guard !pairs.isEmpty else {
            let ours = rounds[0].ours.points, theirs = rounds[0].theirs.points
            return [
                "recall": recall,
                "reason": "outside the recall that the widths reach: cairn \(ours[0].recall)...\(ours.last!.recall), "
                    + "hnswlib \(theirs[0].recall)...\(theirs.last!.recall)",
            ]
        }
        return [
            "recall": recall, "cairn_qps": median(pairs.map { $0.0 }), "hnswlib_qps": median(pairs.map { $0.1 }),
            "ratio": median(pairs.map { $0.0 / $0.1 }), "ratio_min": pairs.map { $0.0 / $0.1 }.min()!,
            "ratio_max": pairs.map { $0.0 / $0.1 }.max()!,
        ]
    }
}

/// Recall at the widths hnswlib's users know, of both.
func measureRecall(_ workload: Workload, _ indexes: Indexes) throws -> [[String: Any]] {
    var labels = [UInt64](repeating: 0, count: workload.k), distances = [Float](repeating: 0, count: workload.k)
    return try [10, 20, 50, 100, 200].map { width in
        var hits = (ours: 0, theirs: 0)
        for query in 0..<workload.queryCount {
            let row = Array(workload.queries[query * workload.dimensions..<(query + 1) * workload.dimensions])
            let found = try indexes.store.search(row, count: workload.k, options: SearchOptions(width: width))
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

/// Rows a second into an empty index, on one thread and on two, alternating.
func measureBuild(_ workload: Workload, _ options: Options) throws -> [String: Any] {
    let rows = min(workload.rows, options.buildRows)
    let vectors = Array(workload.base.prefix(rows * workload.dimensions))
    let path = options.cache + "/build-\(getpid()).cairn"
    var result: [String: Any] = ["rows": rows, "rounds": options.buildRounds]
    for threads in [1, 2] {
        var ours: [Double] = [], theirs: [Double] = []
        for _ in 0..<options.buildRounds {
            var began = Date()
            try VectorStore.build(
                at: FilePath(path), IndexFiles.configuration(workload, options.scalar), vectors: vectors,
                options: .init(threads: threads))
            ours.append(Double(rows) / Date().timeIntervalSince(began))
            try FileManager.default.removeItem(atPath: path)
            began = Date()
            let index = Hnswlib.make(
                dimensions: workload.dimensions, cosine: workload.cosine, capacity: rows, m: 16, efConstruction: 200)
            index.add(vectors[...], count: rows, threads: threads)
            theirs.append(Double(rows) / Date().timeIntervalSince(began))
            note("build, \(threads) threads: cairn \(Int(ours.last!)) rows/s, hnswlib \(Int(theirs.last!)) rows/s")
        }
        result["threads_\(threads)"] = [
            "cairn_rate": median(ours), "hnswlib_rate": median(theirs),
            "ratio": median(zip(ours, theirs).map { $0 / $1 }),
        ]
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
