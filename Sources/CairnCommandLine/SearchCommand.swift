import ArgumentParser
import Cairn
import SystemPackage
import VectorFiles

/// `cairn search`
struct SearchCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "search",
        abstract: "Find the nearest vectors to each query.",
        discussion: """
            Queries are the rows of a vector file; an .npy array of one axis is one query. A query gets fewer than k results \
            when the store, or the filter, has fewer. In JSON a distance that is not finite is null. With --quiet, results \
            that are saved in files are not printed as text.

              cairn search products.cairn queries.npy -k 5 --names names.txt
              cairn search products.cairn queries.npy --save-labels found.npy --quiet
            """)

    @Argument(help: "The store.", completion: .directory)
    var store: FilePath

    @Argument(help: "The file of queries.", completion: .file(extensions: vectorFileExtensions))
    var queries: FilePath

    @Option(name: .customShort("k"), help: ArgumentHelp("How many neighbours to find for each query.", valueName: "k"))
    var count = 10

    @Option(help: ArgumentHelp("How widely to search; the store's own width if not given.", valueName: "n"))
    var ef: Int?

    @Flag(help: "Compare with every vector: exact, and slow.")
    var exact = false

    @Option(
        help: ArgumentHelp(
            "Find only these labels: an .npy array of integers, or text with one on each line.", valueName: "file"),
        completion: .file(extensions: ["npy", "txt"]))
    var filter: FilePath?

    @Option(
        help: ArgumentHelp("Print names: text whose first line names label 0, the next label 1, …", valueName: "file"),
        completion: .file())
    var names: FilePath?

    @Option(
        help: ArgumentHelp(
            "Print titles above results: text whose first line is the first query's, and so on.", valueName: "file"),
        completion: .file())
    var titles: FilePath?

    @Option(
        help: ArgumentHelp(
            "Memory to get along with, such as 4G; what the machine has if not given.", valueName: "bytes"))
    var memory: ByteCount?

    @Option(help: ArgumentHelp("Threads that search; one per processor if not given.", valueName: "n"))
    var threads: ThreadCount?

    @Option(help: ArgumentHelp("Search for the first n queries only.", valueName: "n"))
    var limit: Int?

    @OptionGroup(title: "Files of results") var saving: ResultFiles

    @OptionGroup var damage: DamageOptions

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if count < 0 { throw ValidationError("-k is \(count); it must be 0 or more") }
        if let limit, limit < 0 { throw ValidationError("--limit is \(limit); it must be 0 or more") }
        if count == 0 && saving.isWanted { throw ValidationError("-k is 0; files of results need 1 or more") }
    }

    func perform(_ output: StandardOutput) throws {
        let store = try VectorStore.opening(
            at: store,
            options: .init(
                logDamage: damage.logDamage, memoryBudget: memory?.bytes, threads: threads?.count),
            reporting: common.output)
        let file = try QueryFile(queries, dimensions: store.configuration.dimensions)
        let names = try names.map { try NameFile($0) }, titles = try titles.map { try NameFile($0) }
        let writers = try saving.open(count)
        let rows = try search(store, file)
        try writers.write(rows, count)
        switch common.output {
        case .json: try output.document(Self.document(rows, names))
        case .text where !common.quiet || !saving.isWanted:
            for (row, neighbors) in rows.enumerated() {
                if row > 0 { try output.line() }
                try output.line(titles?[Label(row)] ?? "query \(row)")
                try Self.print(neighbors, names, output)
            }
        case .text: break
        }
    }

    private func search(_ store: VectorStore, _ file: QueryFile) throws -> [[Neighbor]] {
        let filter = try filter.map { LabelFilter.including(try readLabels($0)) }
        let options = SearchOptions(width: ef, filter: filter, isExact: exact)
        let vectors = try file.read(limit: limit ?? .max)
        do {
            return try store.search(batch: vectors, count: count, options: options, threads: threads?.count)
        } catch {
            throw Failure(error, path: error.code == .invalidVector ? queries : nil)
        }
    }

    private static func document(_ rows: [[Neighbor]], _ names: NameFile?) -> JSON {
        func array(_ value: (Neighbor) -> JSON) -> JSON { .array(rows.map { .array($0.map(value)) }) }
        var members = [
            (key: "labels", value: array { .number($0.label) }),
            (key: "distances", value: array { .number($0.distance) }),
        ]
        if let names {
            members.append((key: "names", value: array { names[$0.label].map { .string($0) } ?? .null }))
        }
        return .object(members)
    }

    private static func print(_ neighbors: [Neighbor], _ names: NameFile?, _ output: StandardOutput) throws {
        if neighbors.isEmpty { return }
        let labels = ["label"] + neighbors.map { "\($0.label)" }
        let distances = ["distance"] + neighbors.map { shortest($0.distance) }
        let labelWidth = labels.map(\.count).max() ?? 0, distanceWidth = distances.map(\.count).max() ?? 0
        for index in 0...neighbors.count {
            let rank = index == 0 ? "rank" : "\(index)"
            var line = "\(rank.padded(to: 6))  \(labels[index].padded(to: labelWidth))"
            line += "  \(distances[index].padded(to: distanceWidth))"
            if let names {
                let name = index == 0 ? "name" : names[neighbors[index - 1].label] ?? ""
                if !name.isEmpty { line += "  \(name)" }
            }
            try output.line(line)
        }
    }
}
