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
            The truth is a row of labels for each query, the nearest first: .npy of integers, .ivecs, or a truth file of \
            big-ann-benchmarks with labels and distances, whatever its name. As ann-benchmarks \
            does, a result counts when it is no farther than the k-th true neighbour: at most its distance times 1.001 for l2, \
            plus 0.001 for other metrics. Recall is the share of k that counts.

            Queries run on one thread, one at a time, after a first round that is not timed. Times are in microseconds: the \
            median, and what 99 of 100 queries stay within. The counts, of that first round, are means of one search: \
            distances computed, hops made, link lists, vectors and codes read, different pages of 4 KiB touched, bytes.

            --report writes a page for the browser: the smallest measured ef for a recall of 0.90 to 0.995, what it costs, \
            curves, and all that was measured. It needs no other file and no network.

              cairn recall products.cairn queries.npy truth.npy -k 10 --ef 10,20,50
              cairn recall products.cairn queries.npy truth.npy --report recall.html
            """)

    @Argument(help: "The store.", completion: .directory)
    var store: FilePath

    @Argument(help: "The file of queries.", completion: .file(extensions: vectorFileExtensions))
    var queries: FilePath

    @Argument(
        help: "The labels of each query's true neighbours.",
        completion: .file(extensions: ["npy", "ivecs", "ibin", "bin"]))
    var truth: FilePath

    @Option(name: .customShort("k"), help: ArgumentHelp("How many neighbours to find for each query.", valueName: "k"))
    var count = 10

    @Option(
        help: ArgumentHelp(
            "The widths to search with. (default: 10,20,50,100,200; with --report, the store's own and twelve from k or 10 to 40 times that)",
            valueName: "list"))
    var ef: WidthList?

    @Option(
        help: ArgumentHelp(
            "Write a page of HTML with the curve and the ef to choose for each recall.", valueName: "file"),
        completion: .file(extensions: ["html"]))
    var report: FilePath?

    @Option(
        help: ArgumentHelp(
            "How often to measure each width; times are the medians. (default: 1; with --report, 3)",
            valueName: "count"))
    var rounds: Int?

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if count < 1 { throw ValidationError("-k is \(count); it must be 1 or more") }
        if let rounds, !(1...1000).contains(rounds) {
            throw ValidationError("--rounds is \(rounds); it must be 1 to 1000")
        }
    }

    func perform(_ output: StandardOutput) throws {
        let file = try report.map { try ReportFile($0, inputs: [queries, truth]) }
        let store = try VectorStore.open(at: store)
        let info = try store.info
        if info.lacksCodes { printWarning(info.codesAdvice(self.store)) }
        if let warning = info.codes?.warning { printWarning("\(self.store): \(warning)") }
        let measurement = try RecallMeasurement(store, queries: queries, truth: truth, count: count)
        let widths = try widths(store.configuration.searchWidth)
        var unprinted: (any Error)?
        let rows = try measure(measurement, widths) { line in
            guard common.output == .text, unprinted == nil else { return }
            do {
                try output.line(line)
                try output.flush()
            } catch {
                // Nobody reads the table any more; the page is made all the same.
                if file == nil { throw error }
                unprinted = error
            }
        }
        try file?.publish(page(rows, widths, queryCount: measurement.queryCount, info).html)
        if let unprinted { throw unprinted }
        guard common.output == .json else { return }
        try output.document(
            .object([
                ("k", .number(count)), ("queries", .number(measurement.queryCount)),
                ("rows", .array(rows.map(\.json))),
            ]))
    }

    /// The widths to measure; with a report the store's own is among them.
    private func widths(_ own: Int) -> [Int] {
        if let ef { return ef.widths }
        guard report != nil else { return [10, 20, 50, 100, 200] }
        return Array(Set(WidthList.sweep(count).widths + [max(own, count)])).sorted()
    }

    private var roundCount: Int { rounds ?? (report == nil ? 1 : 3) }

    /// Measures every width, in rounds of all of them: what slows the machine down for a moment then does not meet all
    /// rounds of one width. Prints each row, if that is wanted, once its last round is over.
    private func measure(
        _ measurement: RecallMeasurement, _ widths: [Int], print: (String) throws -> Void
    ) throws -> [RecallRow] {
        let steps = roundCount * widths.count
        let bar = steps > widths.count ? ProgressBar(quiet: common.quiet) : nil
        defer { bar?.finish() }
        let work = try widths.map { try measurement.work(width: $0) }
        try print(RecallRow.textHead)
        var measured = widths.map { _ in [RecallRow]() }, rows: [RecallRow] = []
        for step in 0..<steps {
            let place = step % widths.count
            measured[place].append(try measurement.run(width: widths[place], work: work[place]))
            if measured[place].count == roundCount {
                let row = RecallRow.median(of: measured[place])
                rows.append(row)
                bar?.finish()
                try print(row.text)
            }
            bar?.update((step + 1) * measurement.queryCount, of: steps * measurement.queryCount)
        }
        return rows
    }

    private func page(_ rows: [RecallRow], _ widths: [Int], queryCount: Int, _ info: StoreInfo) -> RecallReport {
        var words = ["cairn", "recall", store.string, queries.string, truth.string, "-k", "\(count)"]
        words += ["--ef", widths.map { "\($0)" }.joined(separator: ","), "--rounds", "\(roundCount)"]
        if let report { words += ["--report", report.string] }
        return RecallReport(
            store: store.lastComponent?.string ?? store.string, path: store.string, k: count, queryCount: queryCount,
            rounds: roundCount,
            rows: rows, subject: RecallReport.facts(info), machine: Machine.facts, date: Machine.date,
            command: words.map(\.shellQuoted).joined(separator: " "))
    }
}

extension WidthList {
    /// Enough widths for a curve with a shape: a search for `count` keeps at least as many candidates.
    static func sweep(_ count: Int) -> WidthList {
        let least = min(max(10, count), 1_000_000 / 40)
        return WidthList([2, 3, 4, 6, 8, 12, 16, 24, 32, 40, 60, 80].map { $0 * least / 2 })
    }
}
