import ArgumentParser
import Cairn
import MappedStorage
import SystemPackage
import VectorFiles

/// `cairn search`
struct SearchCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "search",
        abstract: "Find the nearest vectors to each query.",
        discussion: """
            Queries are the rows of a vector file. An .npy array of one axis is one query. --like searches for a vector of the \
            store instead. A query gets fewer than k results if the store, or the filter, has fewer.

            Input files may be pipes: vectors as .npy, lists as .npy or text.

            --output tsv prints a line for each result, jsonl a document for each query, json one document for all. In JSON, a \
            distance that is not finite is null. With --quiet, results that you save in files are not printed as text.

            --radius finds all vectors within a distance of each query, up to -k of them. For l2 the distance is squared; for ip it \
            may be negative. --documents finds the best documents, each by its nearest vector; k then counts documents.

              cairn search products.cairn queries.npy -k 5 --names names.txt
              cairn search products.cairn --like 681
              cairn search products.cairn queries.npy --save-labels found.npy --quiet
              cairn search products.cairn queries.npy --radius 0.4
              seq 1000 1999 | cairn search products.cairn queries.npy --filter -
              cairn search chunks.cairn queries.npy --documents documents.npy
            """)

    static let advice = [
        "--labels": "to find only some labels, give --filter FILE",
        "--metric": "a store has the metric that it was made with; `cairn info STORE` says which",
    ]

    @Argument(help: "The store.", completion: .directory)
    var store: FilePath

    @Argument(
        help: "The file of queries, or a pipe; - is standard input. Leave it out with --like.",
        completion: .file(extensions: vectorFileExtensions))
    var queries: InputPath?

    @Option(
        help: ArgumentHelp(
            "Search for the vector of this label, and leave the label itself out. You can give several.",
            valueName: "label"))
    var like: [Label] = []

    @Option(
        name: .customShort("k"),
        help: ArgumentHelp(
            """
            k: how many neighbours, or documents, to find for each query; by default 10. With --radius, the most to find; \
            by default 10000.
            """, valueName: "k"))
    var count: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Find all vectors within this distance of the query.", valueName: "distance"))
    var radius: Float?

    @Option(
        help: ArgumentHelp(
            """
            Find the best documents. The file, .npy or text, has the document of label 0, of label 1, …, or two columns, \
            label and document. Labels without a document are not found.
            """, valueName: "file"),
        completion: .file(extensions: ["npy", "txt"]))
    var documents: InputPath?

    @Option(
        help: ArgumentHelp(
            "With --documents, print up to n vectors of each document, the nearest first; by default 1.", valueName: "n"
        ))
    var perDocument: Int?

    @Option(
        help: ArgumentHelp(
            "How many candidates a search keeps; by default the store's own ef. More find more, and take longer.",
            valueName: "n"))
    var ef: Int?

    @Flag(help: "Compare with every vector. This is exact, and slow.")
    var exact = false

    @Option(
        help: ArgumentHelp(
            "Find only these labels: an .npy array of integers, or text with one on each line.", valueName: "file"),
        completion: .file(extensions: ["npy", "txt"]))
    var filter: InputPath?

    @Option(
        help: ArgumentHelp("Print names from a text file: line 1 names label 0, line 2 label 1, …", valueName: "file"),
        completion: .file())
    var names: InputPath?

    @Option(
        help: ArgumentHelp(
            "Print titles above results, from a text file: line 1 is for the first query, and so on.", valueName: "file"
        ),
        completion: .file())
    var titles: InputPath?

    @Option(
        help: ArgumentHelp(
            "Threads that search; by default one for each processor that the program may use.", valueName: "n"))
    var threads: ThreadCount?

    @Option(help: ArgumentHelp("Search for the first n queries only; by default for all.", valueName: "n"))
    var limit: Int?

    @OptionGroup(title: "Files of results") var saving: ResultFiles

    @OptionGroup var labelOptions: LabelOptions

    @OptionGroup var damage: DamageOptions

    @OptionGroup var memory: MemoryOptions

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if queries == nil && like.isEmpty {
            throw ValidationError("give a file of queries, - for standard input, or --like and a label")
        }
        if let queries, !like.isEmpty {
            throw ValidationError(
                Label(queries.path.string) == nil
                    ? "give a file of queries or --like, not both"
                    : "write --like before each label: --like \(like[0]) --like \(queries.path)")
        }
        try InputPath.checkOnce(queries, documents, filter, names, titles)
        if let count, count < 1 { throw ValidationError("-k is \(count); it must be 1 or more") }
        if let limit, limit < 0 { throw ValidationError("--limit is \(limit); it must be 0 or more") }
        if let radius {
            if radius.isNaN { throw ValidationError("--radius is not a number") }
            if documents != nil {
                throw ValidationError("--radius finds vectors, --documents documents: give one of them")
            }
            if count == nil && saving.isWanted {
                throw ValidationError("with --radius, files of results need -k: how many columns they have")
            }
        }
        if let perDocument {
            if documents == nil { throw ValidationError("--per-document needs --documents") }
            if perDocument < 1 { throw ValidationError("--per-document is \(perDocument); it must be 1 or more") }
        }
        if saving.saveDocuments != nil && documents == nil {
            throw ValidationError("--save-documents needs --documents")
        }
    }

    func perform(_ output: StandardOutput) throws {
        if let queries {
            try ArgumentOrder.check(store: store, file: queries.path, of: "search")
            if Label(queries.path.string) != nil, Directory.kind(of: queries.path) == .missing {
                throw Failure(
                    usage:
                        "there is no file '\(queries.path)': to search for the vector of that label, write --like \(queries.path)"
                )
            }
        }
        let store = try VectorStore.opening(
            at: self.store,
            options: .init(
                logDamage: damage.logDamage, memoryBudget: memory.memory?.bytes, threads: threads?.count),
            reporting: common)
        try checkRadius(store.configuration.metric)
        let file = try queries.map { try QueryFile($0.path, dimensions: store.configuration.dimensions) }
        if let queries, file?.count == 0 { printWarning("\(queries.path): it has no queries") }
        let names = try names.map { try NameFile($0.path) }, titles = try titles.map { try NameFile($0.path) }
        let writers = try saving.open(
            count ?? 10, inputs: [self.queries, documents, filter, self.names, self.titles].compactMap { $0?.path })
        let limit = limit ?? .max
        let queries =
            try file.map { try SearchQueries($0, limit: limit) }
            ?? SearchQueries(like: Array(like.prefix(limit)), of: store, at: self.store)
        let found = try search(store, for: queries)
        try writers.write(found.neighbors, documents: found.documents)
        if common.output == .text && common.quiet && saving.isWanted { return }
        try SearchOutput(
            found: found, likes: queries.likes, names: names, titles: titles, labels: labelOptions
        )
        .print(to: output, as: common.output)
    }

    /// Throws for a radius in which there cannot be anything.
    private func checkRadius(_ metric: VectorStore.Metric) throws {
        guard let radius, radius < 0, metric == .l2 || metric == .cosine else { return }
        throw Failure(
            usage: "--radius is \(shortest(radius)), but no distance of \(metric.name) is below 0: give 0 or more"
                + (metric == .l2 ? " (distances of l2 are squared)" : ""))
    }
}
