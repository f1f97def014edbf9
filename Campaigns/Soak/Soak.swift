import ArgumentParser
import Cairn
import Foundation
import HNSW
import SystemPackage
import TestSupport
import Threading

/// `make soak MINUTES=n`: threads that search, change, mark, erase, make checkpoints, give the store other codes, ask for facts,
/// read all rows and export, all at once, on a store that is closed and opened again every few seconds. Run under
/// ThreadSanitizer; it also checks every answer that has one.
@main
struct Soak: ParsableCommand {
    @Option(help: "How long.") var minutes = 10.0
    @Option(help: "Seconds between two openings.") var round = 20.0
    @Option(help: "Threads that change the store, each its own labels.") var writers = 2
    @Option(help: "Threads that search.") var searchers = 3
    @Option(help: "Labels of each writing thread.") var labels = 1000
    @Option(help: "Where the store is made.") var root = NSTemporaryDirectory()

    func run() throws {
        let directory = FilePath(root).appending("cairn-soak-\(ProcessInfo.processInfo.processIdentifier)")
        try FileManager.default.createDirectory(atPath: directory.string, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: directory.string) }
        let path = directory.appending("store")
        let model = Model(writers: writers, labels: labels)
        try VectorStore.create(
            at: path, configuration: .init(dimensions: Model.dimensions, metric: .l2, m: 8, efConstruction: 60)
        ).close()
        let end = Date() + minutes * 60
        var rounds = 0, totals = Totals(), searched = 0, missed = 0, missedWhenNew = 0
        while Date() < end || rounds == 0 {
            let durability: [VectorStore.OpenOptions.Durability] = [.none, .full, .interval(.milliseconds(5))]
            let store = try VectorStore.openForWriting(
                at: path,
                options: .init(
                    durability: durability[rounds % 3], logBytes: 1 << 20, overlayBytes: 1 << 20,
                    threads: 1 + rounds % 2))
            totals = totals + (try runRound(store, model, in: directory, until: min(end, Date() + round), seed: rounds))
            let report = try store.verify(depth: .searches)
            guard report.isSound else { throw Wrong("after round \(rounds): \(report.problems)") }
            searched += try store.count
            missed += report.missedCount ?? -1
            if report.missedCount != 0 { missedWhenNew += try missedInNew(store, in: directory) }
            try store.close()
            try model.compare(with: path)
            rounds += 1
        }
        print(
            "\(rounds) rounds: \(totals.batches) batches, \(totals.searches) searches, \(totals.checkpoints) checkpoints, "
                + "\(totals.codings) changes of codes, \(totals.readings) readings of all rows, \(totals.exports) exports; "
                + "\(totals.found) of \(totals.sought) vectors that stood still found at once; no wrong answer")
        guard totals.found * 100 >= totals.sought * 99 else { throw Wrong("too few were found") }
        print(
            "\(searched) vectors searched for by themselves after the rounds: \(missed) missed, \(missedWhenNew) in new stores of the same "
                + "vectors")
        guard (missed - missedWhenNew) * 1000 <= searched else { throw Wrong("too many cannot be found") }
    }

    /// How many vectors searches for them miss in a store that is built of the same vectors.
    private func missedInNew(_ store: VectorStore, in directory: FilePath) throws -> Int {
        let path = directory.appending("new"), labels = try store.allLabels()
        let vectors = try labels.flatMap { try store.vector(for: $0) ?? [] }
        try VectorStore.build(at: path, configuration: store.configuration, vectors: vectors, labels: labels)
        defer { try? FileManager.default.removeItem(atPath: path.string) }
        return try VectorStore.verify(at: path, depth: .searches).missedCount ?? -1
    }

    private func runRound(
        _ store: VectorStore, _ model: Model, in directory: FilePath, until end: Date, seed: Int
    ) throws -> Totals {
        let problem = Guarded<String?>(nil), totals = Guarded(Totals())
        WorkerTeam(writers + searchers + 3).run { thread in
            var generator = SeededGenerator(seed: UInt64(seed * 100 + thread)), mine = Totals()
            do {
                while Date() < end && problem.withLock({ $0 }) == nil {
                    if thread < writers {
                        try model.change(store, writer: thread, &generator)
                        mine.batches += 1
                    } else if thread < writers + searchers {
                        let (found, sought) = try model.search(store, &generator)
                        mine.searches += 1
                        mine.found += found
                        mine.sought += sought
                    } else if thread == writers + searchers {
                        try model.readRows(of: store)
                        mine.readings += 1
                    } else if thread == writers + searchers + 1 {
                        try model.export(store, in: directory)
                        mine.exports += 1
                        usleep(200_000)
                    } else {
                        try model.look(at: store, &generator)
                        try store.checkpoint()
                        try store.synchronize()
                        mine.checkpoints += 1
                        if generator.next() % 4 == 0 {
                            try store.setQuantization(VectorStore.Quantization.allCases[Int(generator.next() % 3)])
                            mine.codings += 1
                        }
                        usleep(50_000)
                    }
                }
            } catch {
                problem.withLock { $0 = "\(error)" }
            }
            totals.withLock { $0 = $0 + mine }
        }
        if let problem = problem.withLock({ $0 }) { throw Wrong(problem) }
        return totals.withLock { $0 }
    }
}

struct Totals: Sendable {
    var batches = 0, searches = 0, checkpoints = 0, codings = 0, readings = 0, exports = 0, found = 0, sought = 0

    static func + (a: Totals, b: Totals) -> Totals {
        Totals(
            batches: a.batches + b.batches, searches: a.searches + b.searches,
            checkpoints: a.checkpoints + b.checkpoints, codings: a.codings + b.codings,
            readings: a.readings + b.readings, exports: a.exports + b.exports, found: a.found + b.found,
            sought: a.sought + b.sought)
    }
}

struct Wrong: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
