import Cairn
import Foundation
import SystemPackage

/// Vectors added a second to a store that keeps its promises, beside one without a log and beside hnswlib, whose only way is to
/// save the whole index. At several sizes: each index is made of fewer rows and grows to that size while it is measured.
func measureChanges(_ workload: Workload, _ options: Options) throws -> [[String: Any]] {
    try options.sizes.filter { $0 <= workload.rows }.map { size in
        let batch = 1000, rounds = 5, singles = 1000
        // One by one, then a batch to warm up and the rounds.
        let start = size - singles - batch * (rounds + 1)
        note("changes: \(size) vectors")
        let path = FilePath(options.cache + "/changes-\(getpid()).cairn")
        let durable = try store(workload, options, rows: start, at: path)
        defer { try? FileManager.default.removeItem(atPath: path.string) }
        let memory = try VectorStore(inMemory: IndexFiles.configuration(workload, options.scalar))
        try memory.add(rows(workload, 0..<start), labels: (0..<start).map { VectorStore.Label($0) })
        let theirs = Hnswlib.make(
            dimensions: workload.dimensions, cosine: workload.cosine, capacity: size, m: 16, efConstruction: 200)
        theirs.add(workload.base[...], count: start, threads: 2)

        var began = Date()
        for row in start..<start + singles {
            try durable.add(rows(workload, row..<row + 1), labels: [VectorStore.Label(row)])
        }
        let singleRate = Double(singles) / Date().timeIntervalSince(began)
        try memory.add(
            rows(workload, start..<start + singles), labels: (start..<start + singles).map { VectorStore.Label($0) })
        theirs.add(workload.base[(start * workload.dimensions)...], count: singles, firstLabel: start, threads: 2)
        var rates: (durable: [Double], memory: [Double], theirs: [Double]) = ([], [], [])
        for round in 0...rounds {
            let first = start + singles + round * batch, taken = first..<first + batch
            let vectors = rows(workload, taken), labels = taken.map { VectorStore.Label($0) }
            func rate(_ body: () throws -> Void) rethrows -> Double {
                let began = Date()
                try body()
                return Double(batch) / Date().timeIntervalSince(began)
            }
            let ours = try rate { try durable.add(vectors, labels: labels) }
            let without = try rate { try memory.add(vectors, labels: labels) }
            let saved = options.cache + "/changes.hnswlib"
            let other = rate {
                theirs.add(vectors[...], count: batch, firstLabel: first, threads: 2)
                theirs.save(saved)
                let descriptor = open(saved, O_RDONLY)
                fdatasync(descriptor)
                close(descriptor)
            }
            try? FileManager.default.removeItem(atPath: saved)
            if round == 0 { continue }
            rates.durable.append(ours)
            rates.memory.append(without)
            rates.theirs.append(other)
        }
        began = Date()
        try durable.close()
        return [
            "vectors": size, "one_by_one": singleRate, "batches_of_1000": median(rates.durable),
            "batches_of_1000_without_a_log": median(rates.memory),
            "ratio_to_no_log": median(zip(rates.durable, rates.memory).map { $0 / $1 }),
            "hnswlib_batches_of_1000_saved_and_synchronised": median(rates.theirs),
            "ratio_to_hnswlib": median(zip(rates.durable, rates.theirs).map { $0 / $1 }),
            "closing_seconds": Date().timeIntervalSince(began),
        ]
    }
}

/// Queries a second and their latencies on one thread, alone and while another thread inserts without pause.
func measureBeside(_ workload: Workload, _ options: Options) throws -> [[String: Any]] {
    let seconds = 5.0, rounds = 5
    let start = workload.rows
    let durabilities: [(String, VectorStore.OpenOptions.Durability)] = [("full", .full), ("none", .none)]
    return try durabilities.map { name, durability in
        note("searching beside inserting, durability \(name)")
        let path = FilePath(options.cache + "/beside-\(getpid()).cairn")
        let store = try store(workload, options, rows: start, at: path, durability: durability)
        defer { try? FileManager.default.removeItem(atPath: path.string) }
        var next = start, alone: [Slice] = [], beside: [Slice] = []
        for round in 0...rounds {
            let idle = try search(store, workload, seconds: seconds)
            let stop = Flag(), first = next, done = DispatchSemaphore(value: 0)
            let inserted = Counter()
            let thread = Thread {
                var row = first
                while !stop.isSet {
                    // New vectors of the same kind: halfway between two.
                    let first = rows(workload, row % start..<row % start + 1), other = row &* 7919 % start
                    let middle = zip(first, rows(workload, other..<other + 1)).map { ($0 + $1) / 2 }
                    do {
                        try store.add(middle, labels: [VectorStore.Label(row)], threads: 1)
                    } catch {
                        fatalError("\(error)")
                    }
                    row += 1
                    inserted.value += 1
                }
                done.signal()
            }
            thread.start()
            var busy = try search(store, workload, seconds: seconds)
            stop.isSet = true
            done.wait()
            busy.inserted = Double(inserted.value) / seconds
            next += inserted.value
            guard round > 0 else { continue }
            alone.append(idle)
            beside.append(busy)
        }
        try store.close()
        return [
            "durability": name, "vectors": start, "queries_alone": median(alone.map { $0.rate }),
            "queries_beside": median(beside.map { $0.rate }),
            "ratio": median(zip(beside, alone).map { $0.rate / $1.rate }),
            "p99_alone_us": median(alone.map { $0.p99 * 1e6 }), "p99_beside_us": median(beside.map { $0.p99 * 1e6 }),
            "p99_ratio": median(zip(beside, alone).map { $0.p99 / $1.p99 }),
            "inserts_a_second": median(beside.map { $0.inserted }), "recall_alone": median(alone.map { $0.recall }),
            "recall_beside": median(beside.map { $0.recall }),
        ]
    }
}

/// Opening a store whose writer died, with 64 MiB of log; and the same store after it was closed.
func measureRecovery(_ workload: Workload, _ options: Options) throws -> [[String: Any]] {
    try options.sizes.filter { $0 <= workload.rows }.map { size in
        note("recovery: \(size) vectors")
        let path = FilePath(options.cache + "/recovery-\(getpid()).cairn"), killed = path.string + ".killed"
        let extra = 70_000, start = max(size - extra, 1000)
        let store = try store(workload, options, rows: start, at: path, logBytes: 1 << 40)
        defer {
            try? FileManager.default.removeItem(atPath: path.string)
            try? FileManager.default.removeItem(atPath: killed)
        }
        var row = start
        while try store.info.logBytes < 64 << 20 {
            let taken = row..<row + 100, source = taken.map { $0 % workload.rows }
            try store.add(source.flatMap { rows(workload, $0..<$0 + 1) }, labels: taken.map { VectorStore.Label($0) })
            row += 100
        }
        let logBytes = try store.info.logBytes
        // What a killed process leaves: everything that was written, and nothing closed.
        try FileManager.default.copyItem(atPath: path.string, toPath: killed)
        try store.close()
        func opening(_ path: String, forWriting: Bool) throws -> Double {
            let began = Date()
            let store = try forWriting ? VectorStore.openForWriting(at: path) : VectorStore.open(at: path)
            _ = try store.search(Array(workload.queries.prefix(workload.dimensions)), k: 10)
            let seconds = Date().timeIntervalSince(began)
            try store.close()
            return seconds
        }
        let reading = try (0..<3).map { _ in try opening(killed, forWriting: false) }
        let writing = try opening(killed, forWriting: true)
        let clean = try (0..<9).map { _ in try opening(path.string, forWriting: false) }
        return [
            "vectors": size, "vectors_in_the_log": row - start, "log_bytes": logBytes,
            "seconds_to_read": median(reading), "seconds_to_write": writing,
            "seconds_to_write_per_64_MiB": writing * Double(64 << 20) / Double(logBytes),
            "seconds_after_closing": median(clean),
        ]
    }
}

private struct Slice {
    var rate = 0.0, p99 = 0.0, recall = 0.0, inserted = 0.0
}

private func search(_ store: VectorStore, _ workload: Workload, seconds: Double) throws -> Slice {
    var latencies: [Double] = [], hits = 0, checked = 0, query = 0
    let end = Date() + seconds
    while Date() < end {
        let row = Array(workload.queries[query * workload.dimensions..<(query + 1) * workload.dimensions])
        let began = DispatchTime.now().uptimeNanoseconds
        let found = try store.search(row, k: workload.k, options: .init(ef: 50))
        latencies.append(Double(DispatchTime.now().uptimeNanoseconds - began) * 1e-9)
        if latencies.count % 499 == 0 {
            // Among what is there now, which grows.
            let exact = try store.search(row, k: workload.k, options: .init(isExact: true))
            let limit = (exact.last?.distance ?? 0) * 1.001
            hits += found.filter { $0.distance <= limit }.count
            checked += workload.k
        }
        query = (query + 1) % workload.queryCount
    }
    let sorted = latencies.sorted()
    return Slice(
        rate: Double(sorted.count) / sorted.reduce(0, +), p99: sorted[sorted.count * 99 / 100],
        recall: Double(hits) / Double(max(checked, 1)))
}

func rows(_ workload: Workload, _ range: Range<Int>) -> [Float] {
    Array(workload.base[range.lowerBound * workload.dimensions..<range.upperBound * workload.dimensions])
}

func store(
    _ workload: Workload, _ options: Options, rows count: Int, at path: FilePath,
    durability: VectorStore.OpenOptions.Durability = .full, logBytes: Int = 64 << 20
) throws -> VectorStore {
    try FileManager.default.createDirectory(atPath: options.cache, withIntermediateDirectories: true)
    try VectorStore.build(
        at: path, configuration: IndexFiles.configuration(workload, options.scalar), vectors: rows(workload, 0..<count))
    return try VectorStore.openForWriting(
        at: path,
        options: .init(
            durability: durability, logBytes: logBytes, overlayBytes: max(64 << 20, logBytes)))
}

/// Two words that threads share.
private final class Flag: @unchecked Sendable {
    private let lock = NSLock()
    private var value = false
    var isSet: Bool {
        get { lock.withLock { value } }
        set { lock.withLock { value = newValue } }
    }
}

final class Counter: @unchecked Sendable {
    private let lock = NSLock()
    private var count = 0
    var value: Int {
        get { lock.withLock { count } }
        set { lock.withLock { count = newValue } }
    }
}
