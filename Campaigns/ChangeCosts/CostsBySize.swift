import ArgumentParser
import Cairn
import DataSets
import Foundation
import SystemPackage
import VectorFiles

/// Whether a change costs the same in a small store and in a large one.
struct CostsBySize: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "costs", abstract: "Counts the work and the bytes written for each insert, update and erasure.")

    @Option(help: "A folder with base*.npy and queries*.npy.") var data: String
    @Option(help: "Numbers of vectors.", transform: { $0.split(separator: ",").compactMap { Int($0) } })
    var sizes = [10_000, 100_000, 1_000_000]
    @Option(help: "Changes of each kind, one by one.") var changes = 1000
    @Option(help: "Inserts of the long run.") var inserts = 20_000
    @Option(help: "Where the stores are made.") var root = NSTemporaryDirectory()
    @Option(help: "Threads that build.") var threads = 2

    func run() throws {
        let set = try DataSet(data)
        print("vectors   change   distances  lists read  lists written  log bytes  syncs (each)")
        for size in sizes {
            let directory = FilePath(root).appending("cairn-costs-\(ProcessInfo.processInfo.processIdentifier)")
            try FileManager.default.createDirectory(atPath: directory.string, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: directory.string) }
            try measure(set, size, directory.appending("store"))
        }
    }

    private func measure(_ set: DataSet, _ size: Int, _ path: FilePath) throws {
        let extra = 2 * changes + inserts, start = min(size, set.base.rows - extra)
        let counter = WriteCounter(), store = try set.store(start, at: path, counter: counter, threads: threads)
        let vectors = try set.rows(start..<start + extra), dimensions = set.dimensions
        func vector(_ row: Int, _ count: Int = 1) -> [Float] {
            Array(vectors[row * dimensions..<(row + count) * dimensions])
        }
        // The first change makes the log.
        try store.add(vector(0), labels: [Label(start)])
        func each(_ name: String, _ change: (Int) throws -> Void) throws {
            let before = (counter.counts, try CampaignAccess.changeWork(of: store))
            for index in 1..<changes { try change(index) }
            let bytes = counter.counts - before.0, work = try CampaignAccess.changeWork(of: store) - before.1
            func mean(_ count: Int) -> String { String(format: "%.1f", Double(count) / Double(changes - 1)) }
            print(
                column("\(size)", 8), column(name, 8), column(mean(work.distances), 11),
                column(mean(work.listsRead), 11),
                column(mean(work.listsWritten), 14), column(mean(bytes.bytes["log"] ?? 0), 10),
                column(mean(bytes.syncs), 6))
        }
        try each("insert") { try store.add(vector($0), labels: [Label(start + $0)]) }
        try each("update") { try store.update(vector(changes + $0), labels: [Label($0 * (start / changes))]) }
        try each("erase") { try store.erase([Label($0 * (start / changes) + 1)]) }
        try store.checkpoint()
        let before = counter.counts, batch = 10
        for row in stride(from: 2 * changes, to: extra, by: batch) {
            try store.add(vector(row, batch), labels: (row..<row + batch).map { Label(start + $0) })
        }
        try store.close()
        let written = (counter.counts - before).bytes.sorted { $0.key < $1.key }
        let parts = written.map { "\($0.key) \($0.value / inserts)" }.joined(separator: ", ")
        print(
            "\(size) vectors: \(inserts) inserts in batches of \(batch), then closing, wrote "
                + "\(written.reduce(0) { $0 + $1.value } / inserts) bytes each: \(parts)")
    }
}

func column(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
}
