import ArgumentParser
import Cairn
import DataSets
import Foundation
import SystemPackage

/// What is left of a store after many changes, beside one that is made anew of the same vectors.
struct Churn: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Replaces half of a store, and erases most of it and fills it again; compares it with a new one.")

    @Option(help: "A folder with base*.npy and queries*.npy.") var data: String
    @Option(help: "Vectors of the store.") var size = 100_000
    @Option(help: "Changes in a batch.") var batch = 1000
    @Option(help: "Queries.") var queries = 1000
    @Option(help: "Where the stores are made.") var root = NSTemporaryDirectory()
    @Option(help: "Threads.") var threads = 2
    @Option(help: "Fail when a store is worse than the new one by more than this, in recall.") var tolerance = 0.005

    func run() throws {
        let set = try DataSet(data)
        let directory = FilePath(root).appending("cairn-churn-\(ProcessInfo.processInfo.processIdentifier)")
        try FileManager.default.createDirectory(atPath: directory.string, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory.string) }
        var isGood = true
        for (name, change) in [("half updated", update), ("90 % erased, as many added", eraseAndAdd)] {
            let path = directory.appending("store"), counter = WriteCounter()
            let store = try set.store(size, at: path, counter: counter, threads: threads)
            let start = Date(), rows = try change(store, set)
            try store.close()
            let seconds = -start.timeIntervalSinceNow
            let fresh = directory.appending("fresh"), kept = rows.sorted { $0.key < $1.key }
            try VectorStore.build(
                at: fresh, configuration: .init(dimensions: set.dimensions, metric: .l2),
                vectors: try kept.flatMap { try set.rows($0.value..<$0.value + 1) }, labels: kept.map { $0.key },
                options: .init(threads: threads))
            isGood = try compare(name, path, fresh, set, seconds) && isGood
            for path in [path, fresh] { try FileManager.default.removeItem(atPath: path.string) }
        }
        if !isGood { throw ExitCode(1) }
    }

    /// Gives every other label the vector of a row that is not in the store. Returns each label's row.
    private func update(_ store: VectorStore, _ set: DataSet) throws -> [Label: Int] {
        var rows = Dictionary(uniqueKeysWithValues: (0..<size).map { (Label($0), $0) })
        for first in stride(from: 0, to: size / 2, by: batch) {
            let labels = (first..<min(first + batch, size / 2)).map { Label(2 * $0) }
            let taken = size + first..<size + first + labels.count
            try store.update(set.rows(taken), labels: labels, threads: threads)
            for (label, row) in zip(labels, taken) { rows[label] = row }
        }
        return rows
    }

    private func eraseAndAdd(_ store: VectorStore, _ set: DataSet) throws -> [Label: Int] {
        let erased = (0..<size).filter { $0 % 10 != 3 }
        for first in stride(from: 0, to: erased.count, by: batch) {
            try store.erase(erased[first..<min(first + batch, erased.count)].map { Label($0) })
        }
        var rows = Dictionary(uniqueKeysWithValues: (0..<size).filter { $0 % 10 == 3 }.map { (Label($0), $0) })
        for first in stride(from: 0, to: erased.count, by: batch) {
            let taken = size + first..<size + min(first + batch, erased.count)
            try store.add(set.rows(taken), labels: taken.map { Label($0) }, threads: threads)
            for row in taken { rows[Label(row)] = row }
        }
        return rows
    }

    private func compare(
        _ name: String, _ path: FilePath, _ fresh: FilePath, _ set: DataSet, _ seconds: Double
    ) throws -> Bool {
        let queries = try set.queries(self.queries)
        var recalls: [Double] = [], bytes: [Int] = [], reports: [VectorStore.VerifyReport] = []
        for path in [path, fresh] {
            let store = try VectorStore.open(at: path)
            var found = 0
            for query in queries {
                let exact = try store.search(query, k: 10, options: .init(isExact: true))
                let limit = exact.last.map { $0.distance * 1.000_01 } ?? 0
                found += try store.search(query, k: 10, options: .init(ef: 50)).filter { $0.distance <= limit }
                    .count
            }
            recalls.append(Double(found) / Double(10 * queries.count))
            bytes.append(try store.info.fileBytes)
            reports.append(try store.verify(depth: .searches))
        }
        let ratio = Double(bytes[0]) / Double(bytes[1])
        print(
            String(
                format:
                    "%@: recall@10 at ef 50 %.4f, of a new store %.4f; unreachable %d, of a new store %d; missed %d, of a new store %d; "
                    + "%d bytes, %.3f times the new store; %d problems; %.0f s", name, recalls[0], recalls[1],
                reports[0].unreachableCount ?? -1, reports[1].unreachableCount ?? -1, reports[0].missedCount ?? -1,
                reports[1].missedCount ?? -1, bytes[0], ratio, reports[0].problems.count,
                seconds))
        let missedMore = (reports[0].missedCount ?? .max) - (reports[1].missedCount ?? 0)
        let count = try VectorStore.open(at: path).count
        return reports[0].isSound && reports[0].unreachableCount == 0 && ratio <= 1.1
            && recalls[0] >= recalls[1] - tolerance
            && Double(missedMore) <= 0.001 * Double(count)
    }
}
