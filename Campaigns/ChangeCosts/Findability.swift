import ArgumentParser
import Cairn
import Foundation
import SystemPackage
import TestSupport

/// How many vectors a search for themselves does not find: after histories of changes to small groups of near vectors, with and without
/// the end of the process in between, and in a store that is built of the same vectors.
struct Findability: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Searches for each vector by itself after many small changes, and in a new store of the same vectors."
    )

    @Option(help: "How many histories.") var histories = 20
    @Option(help: "Changes of each.") var changes = 200
    @Option(help: "Vectors that a store grows to.") var size = 1000
    @Option(help: "Components of a vector.") var dimensions = 24
    @Option(help: "Seed of the first history.") var seed: UInt64 = 1
    @Option(help: "Codes: none, sq8 or sq4.") var codes = "sq8"
    @Option(help: "After how many of 100 changes the process ends, as far as the files can tell.") var kills = 30
    @Option(help: "Where the stores are made.") var root = NSTemporaryDirectory()
    @Option(help: "M.") var connectivity = 16
    @Option(help: "How far the vectors of a group are from one another.") var spread: Float = 0.05
    @Option(help: "Fail when more vectors are missed than in new stores, by more than this share of all.")
    var tolerance = 0.001

    func run() throws {
        let directory = FilePath(root).appending("cairn-findability-\(ProcessInfo.processInfo.processIdentifier)")
        try FileManager.default.createDirectory(atPath: directory.string, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory.string) }
        var rows = 0, missed = 0, missedByVectors = 0, missedWhenNew = 0, unreachable = 0
        for history in 0..<UInt64(histories) {
            var live = History(self, seed: seed + history, directory)
            try live.run()
            let new = directory.appending("new.cairn")
            try VectorStore.build(
                at: new, configuration: live.configuration,
                vectors: live.rows.sorted { $0.key < $1.key }.flatMap { $0.value },
                labels: live.rows.keys.sorted())
            let report = try VectorStore.verify(at: live.path, depth: .searches)
            rows += live.rows.count
            missed += report.missedCount ?? -1
            unreachable += report.unreachableCount ?? -1
            missedWhenNew += try VectorStore.verify(at: new, depth: .searches).missedCount ?? -1
            let writer = try VectorStore.openForWriting(at: live.path)
            try writer.setQuantization(.none)
            missedByVectors += try writer.verify(depth: .searches).missedCount ?? -1
            try writer.close()
            for path in [live.path, new] { try FileManager.default.removeItem(atPath: path.string) }
        }
        print(
            "\(rows) vectors after \(histories) histories: \(missed) missed, by vectors \(missedByVectors); in new stores \(missedWhenNew); "
                + "unreachable \(unreachable)")
        if unreachable > 0 || Double(max(missed, missedByVectors) - missedWhenNew) > tolerance * Double(rows) {
            throw ExitCode(1)
        }
    }
}

/// Changes to a store, in groups of vectors that are near to one another, and what it should hold.
private struct History {
    let plan: Findability
    let directory: FilePath
    let configuration: VectorStore.Configuration
    private(set) var path: FilePath
    private(set) var rows: [Label: [Float]] = [:]
    private var random: SeededGenerator
    private var nextLabel: Label = 0
    private var generation = 0

    init(_ plan: Findability, seed: UInt64, _ directory: FilePath) {
        self.plan = plan
        self.directory = directory
        configuration = VectorStore.Configuration(
            dimensions: plan.dimensions, metric: .l2, m: plan.connectivity,
            quantization: VectorStore.Quantization(rawValue: plan.codes) ?? .none)
        path = directory.appending("store-0.cairn")
        random = SeededGenerator(seed: seed)
    }

    mutating func run() throws {
        var store = try VectorStore.create(at: path, configuration: configuration)
        for _ in 0..<plan.changes {
            try change(store)
            if below(100) < plan.kills {
                // What a process leaves that is killed now: the files as they are.
                generation += 1
                let copy = directory.appending("store-\(generation).cairn")
                try FileManager.default.copyItem(atPath: path.string, toPath: copy.string)
                try store.close()
                try FileManager.default.removeItem(atPath: path.string)
                path = copy
                store = try VectorStore.openForWriting(at: path)
            } else if below(20) == 0 {
                try store.checkpoint()
            }
        }
        try store.close()
    }

    /// Vectors near to one another.
    private mutating func group(_ count: Int) -> [[Float]] {
        let center = (0..<plan.dimensions).map { _ in 4 * unit() }
        return (0..<count).map { _ in center.map { $0 + plan.spread * (unit() + unit() - 1) } }
    }

    private mutating func change(_ store: VectorStore) throws {
        let count = 1 + below(40), kind = below(10), labels = rows.keys.sorted()
        if labels.count < plan.size / 2 || kind < 4 && labels.count < plan.size {
            let added = (0..<count).map { nextLabel + Label($0) }
            nextLabel += Label(count)
            let vectors = group(count)
            try store.add(vectors.flatMap { $0 }, labels: added)
            for (label, vector) in zip(added, vectors) { rows[label] = vector }
        } else if kind < 7 {
            let chosen = Set((0..<count).map { _ in labels[below(labels.count)] }).sorted()
            let vectors = group(chosen.count)
            try store.upsert(vectors.flatMap { $0 }, labels: chosen)
            for (label, vector) in zip(chosen, vectors) { rows[label] = vector }
        } else {
            let first = below(max(1, labels.count - count))
            let chosen = Array(labels[first..<min(first + count, labels.count)])
            try store.erase(chosen)
            for label in chosen { rows[label] = nil }
        }
    }

    private mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &random) }

    private mutating func unit() -> Float { Float.random(in: 0..<1, using: &random) }
}
