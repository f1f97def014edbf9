import ArgumentParser
import Cairn
import DataSets
import Foundation
import SystemPackage
import VectorFiles

typealias Label = VectorStore.Label

/// `make search-costs`: whether searches within a radius, for documents and with filters find what there is, and at what cost.
@main
struct SearchCosts: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Compares searches within a radius, for documents and with filters with exact ones, and counts their distances.",
        discussion: "Exits 1 when one finds less of what there is than --required.")

    @Option(help: "A folder with base*.npy and queries*.npy.") var data: String
    @Option(help: "Vectors of the store.") var size = 100_000
    @Option(help: "l2, ip or cosine.") var metric = "l2"
    @Option(help: "f32, f16, u8 or i8.", transform: Self.scalar) var scalar = VectorStore.Scalar.float32
    @Option(help: "Queries.") var queries = 1000
    @Option(help: "A store of these vectors, labelled by their rows; made in a temporary directory if not given.")
    var store: String?
    @Option(help: "Threads that build.") var threads = 2
    @Option(help: "ef; the store's own if not given.") var ef: Int?
    @Option(help: "The share of what there is that each search has to find.") var required = 0.95

    private static func scalar(_ name: String) throws -> VectorStore.Scalar {
        guard let scalar = VectorStore.Scalar(rawValue: name) else {
            throw ValidationError("--scalar is f32, f16, u8 or i8")
        }
        return scalar
    }

    func run() throws {
        let set = try DataSet(data)
        guard let metric = ["l2": VectorStore.Metric.l2, "ip": .innerProduct, "cosine": .cosine][metric] else {
            throw ValidationError("--metric is l2, ip or cosine")
        }
        let directory = FilePath(NSTemporaryDirectory())
            .appending("cairn-search-costs-\(ProcessInfo.processInfo.processIdentifier)")
        defer { try? FileManager.default.removeItem(atPath: directory.string) }
        let path = store.map { FilePath($0) } ?? directory
        if store == nil {
            let count = min(size, set.base.rows)
            try VectorStore.build(
                at: path, configuration: .init(dimensions: set.dimensions, metric: metric, scalar: scalar),
                vectors: set.rows(0..<count), options: .init(threads: threads))
        }
        let opened = try VectorStore.open(at: path), queries = try set.queries(queries)
        print("\(try opened.count) vectors, \(queries.count) queries, ef \(try ef ?? opened.configuration.ef)")
        var shares = try RadiusCosts(store: opened, queries: queries, width: ef).run()
        shares += try DocumentCosts(store: opened, queries: queries, width: ef).run()
        shares += try FilterCosts(store: opened, queries: queries, width: ef).run()
        if let least = shares.min(), least < required {
            print(String(format: "a search finds %.4f of what there is; %.4f is required", least, required))
            throw ExitCode(1)
        }
    }
}

/// Counts of a kind of search over all queries.
struct Tally {
    var found = 0
    var wanted = 0
    var distances = 0
    var queries = 0
    /// Queries that found all.
    var complete = 0

    var share: Double { wanted == 0 ? 1 : Double(found) / Double(wanted) }

    mutating func add(found: Int, wanted: Int, distances: Int) {
        self.found += found
        self.wanted += wanted
        self.distances += distances
        queries += 1
        complete += found == wanted ? 1 : 0
    }

    func print(_ name: String) {
        let mean = Double(wanted) / Double(max(queries, 1))
        Swift.print(
            column(name, 44), column(String(format: "%.1f", mean), 9), column(percent(share), 8),
            column("\(distances / max(queries, 1))", 10), column("\(complete)", 9))
    }

    static func heading(_ name: String) {
        Swift.print(
            "\n" + column(name, 44), column("there are", 9), column("found", 8), column("distances", 10),
            column("complete", 9))
    }
}

func column(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
}

func percent(_ share: Double) -> String { String(format: "%.4f", share) }
