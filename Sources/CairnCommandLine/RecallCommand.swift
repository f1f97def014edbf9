import ArgumentParser
import Cairn
import SystemPackage
import VectorFiles

/// `cairn recall`
struct RecallCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "recall",
        abstract: "Measure how much searches find, and how fast.",
        discussion: """
            The truth is a row of labels for each query, the nearest first: .npy of integers, or .ivecs. As ann-benchmarks \
            does, a result counts when it is no farther than the k-th true neighbour: at most its distance times 1.001 for l2, \
            plus 0.001 for other metrics. Recall is the share of k that counts.

            Queries run on one thread, one at a time, after a first round with the first width that is not measured. Times \
            are in microseconds: the median, and what 99 of 100 queries stay within.

              cairn recall products.cairn queries.npy truth.npy -k 10 --ef 10,20,50
            """)

    @Argument(help: "The store.", completion: .directory)
    var store: FilePath

    @Argument(help: "The file of queries.", completion: .file(extensions: vectorFileExtensions))
    var queries: FilePath

    @Argument(help: "The labels of each query's true neighbours.", completion: .file(extensions: ["npy", "ivecs"]))
    var truth: FilePath

    @Option(name: .customShort("k"), help: ArgumentHelp("How many neighbours to find for each query.", valueName: "k"))
    var count = 10

    @Option(help: ArgumentHelp("The widths to search with.", valueName: "list"))
    var ef = WidthList([10, 20, 50, 100, 200])

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if count < 1 { throw ValidationError("-k is \(count); it must be 1 or more") }
    }

    func perform(_ output: StandardOutput) throws {
        let store = try VectorStore.open(at: store)
        let measurement = try RecallMeasurement(store, queries: queries, truth: truth, count: count)
        try measurement.run(width: ef.widths[0])
        var rows: [JSON] = []
        if common.output == .text {
            try output.line("    ef  recall         qps      p50_us      p99_us")
            try output.flush()
        }
        for width in ef.widths {
            let row = try measurement.run(width: width)
            rows.append(row.json)
            guard common.output == .text else { continue }
            try output.line(row.text)
            try output.flush()
        }
        guard common.output == .json else { return }
        try output.document(
            .object([
                ("k", .number(count)), ("queries", .number(measurement.queryCount)), ("rows", .array(rows)),
            ]))
    }
}

/// What searches of one width find and take.
struct RecallRow {
    let width: Int
    let recall: Double
    let queriesPerSecond: Double
    let medianMicroseconds: Double
    let percentile99Microseconds: Double

    var json: JSON {
        .object([
            ("ef", .number(width)),
            ("recall", .number(recall, decimals: 6)),
            ("qps", .number(queriesPerSecond, decimals: 1)),
            ("p50_us", .number(medianMicroseconds, decimals: 2)),
            ("p99_us", .number(percentile99Microseconds, decimals: 2)),
        ])
    }

    /// Its line in a table.
    var text: String {
        let columns = [
            ("\(width)", 6), (fixed(recall, decimals: 4), 8), (fixed(queriesPerSecond, decimals: 0), 12),
            (fixed(medianMicroseconds, decimals: 1), 12), (fixed(percentile99Microseconds, decimals: 1), 12),
        ]
        return columns.map { $0.0.padded(to: $0.1) }.joined()
    }
}
