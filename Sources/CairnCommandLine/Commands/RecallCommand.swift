import ArgumentParser
import Cairn
import SystemPackage
import VectorFiles

/// `cairn recall`
struct RecallCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "recall",
        abstract: "Measure how much searches find, and how fast they are.",
        discussion: """
            The truth file has a row for each query: the labels of its true neighbours, nearest first. It is .npy of integers, \
            .ivecs, or a truth file of big-ann-benchmarks with labels and distances, whatever its name. To make one, search with \
            --exact, as in the first example, for the largest k you want to measure.

            Recall is the share of the k true neighbours that a search finds. As in ann-benchmarks, a result counts if it is no \
            farther than the k-th true neighbour: at most its distance times 1.001 for l2, plus 0.001 for other metrics. Labels \
            that are not in the store, because they were deleted, are left out and counted. A search keeps at least k candidates, \
            so an ef below k is raised to k.

            Queries run on one thread, one at a time, after a first round that is not timed. qps is queries a second of processor \
            time, so other programs do not change it; if pages come from the disk, it is of the clock. p50_us and p99_us are \
            latencies by the clock, in microseconds: the median, and what 99 of 100 queries do not exceed.

            The counts are means of one search, from the first round: distances computed, hops made, link lists, vectors and \
            quantized vectors read (`codes`), different pages of 4 KiB touched, bytes read.

            --report writes a page for the browser. It has the smallest measured ef for a recall of 0.90 to 0.995, what that ef \
            costs, curves, and all that was measured. The page needs no other file and no network.

            --compare measures more stores, which must have the same labels. --by-vectors measures each quantized store a second \
            time, without its quantization. The report then has a curve for each.

              cairn search products.cairn queries.npy --exact -k 10 --save-labels truth.npy --quiet
              cairn recall products.cairn queries.npy truth.npy -k 10 --ef 10,20,50
              cairn recall products.cairn queries.npy truth.npy --report recall.html
              cairn recall products.cairn queries.npy truth.npy --by-vectors --compare m32.cairn --report recall.html
            """)

    @Argument(help: "The store.", completion: .directory)
    var store: FilePath

    @Argument(
        help: "The file of queries, or a pipe; - is standard input.",
        completion: .file(extensions: vectorFileExtensions))
    var queries: InputPath

    @Argument(
        help: "The labels of each query's true neighbours, or a pipe; - is standard input.",
        completion: .file(extensions: ["npy", "ivecs", "ibin", "bin"]))
    var truth: InputPath

    @Option(
        name: .customShort("k"),
        help: ArgumentHelp("k: how many neighbours to find for each query.", valueName: "k"))
    var count = 10

    @Option(
        help: ArgumentHelp(
            "The values of ef to measure. (default: 10,20,50,100,200; with --report, the store's own ef and twelve from k or 10 to 40 times that)",
            valueName: "list"))
    var ef: WidthList?

    @Option(
        help: ArgumentHelp(
            "Write an HTML page with the curve, and the ef to choose for each recall.", valueName: "file"),
        completion: .file(extensions: ["html"]))
    var report: FilePath?

    @Option(
        name: .customLong("compare"),
        help: ArgumentHelp("Another store to measure. You can give several.", valueName: "store"),
        completion: .directory)
    var others: [FilePath] = []

    @Flag(help: "Measure quantized stores once more, without their quantization.")
    var byVectors = false

    @Option(
        help: ArgumentHelp(
            "How often to measure each ef; times are the medians. (default: 1; with --report, 3)",
            valueName: "count"))
    var rounds: Int?

    @OptionGroup var memory: MemoryOptions

    @OptionGroup var common: CommonOptions

    func validate() throws {
        try InputPath.checkOnce(queries, truth)
        if count < 1 { throw ValidationError("-k is \(count); it must be 1 or more") }
        if report == "-" { throw ValidationError("--report -: name a file") }
        if let rounds, !(1...1000).contains(rounds) {
            throw ValidationError("--rounds is \(rounds); it must be 1 to 1000")
        }
    }

    func perform(_ output: StandardOutput) throws {
        try ArgumentOrder.check(store: store, file: queries.path, of: "recall")
        let file = try report.map { try ReportFile($0, inputs: [queries.path, truth.path]) }
        let first = try VectorStore.open(at: store, options: memory.openOptions)
        let input = try RecallInput(
            queries: queries.path, dimensions: first.configuration.dimensions, truth: truth.path, count: count)
        let subjects =
            try self.subjects(first, at: store, input)
            + others.flatMap { try self.subjects(VectorStore.open(at: $0, options: memory.openOptions), at: $0, input) }
        let widths = try widths(first.configuration.ef)
        var unprinted: (any Error)?
        var measured: [[RecallRow]] = []
        for (number, subject) in subjects.enumerated() {
            let identity = subjects.count > 1 ? subject.identity : []
            measured.append(
                try measure(subject.measurement, widths) { row in
                    guard unprinted == nil else { return }
                    do {
                        try print(row, of: subject, identity, isFirst: number == 0, to: output)
                        try output.flush()
                    } catch {
                        // Nobody reads the table any more; the page is made all the same.
                        if file == nil { throw error }
                        unprinted = error
                    }
                })
        }
        try file?.publish(page(subjects, measured, widths).html)
        if let unprinted { throw unprinted }
        if common.output == .json { try output.document(document(subjects, measured, input)) }
    }

    /// All that was measured, as one document.
    private func document(_ subjects: [Subject], _ measured: [[RecallRow]], _ input: RecallInput) -> JSON {
        func list(_ rows: [RecallRow]) -> JSON { .array(rows.map { .object($0.facts) }) }
        func missing(_ subject: Subject) -> JSON { .number(subject.measurement.missingCount) }
        var facts: [(key: String, value: JSON)] = [
            ("k", .number(count)), ("queries", .number(input.queries.count)), ("missing", missing(subjects[0])),
            ("rows", list(measured[0])),
        ]
        if subjects.count > 1 {
            let compared = zip(subjects, measured).map { subject, rows in
                JSON.object(subject.identity + [("missing", missing(subject)), ("rows", list(rows))])
            }
            facts.append(("compared", .array(compared)))
        }
        return .object(facts)
    }

    /// A store, open, and what its searches go by.
    private struct Subject {
        let path: FilePath
        let name: String
        let ignoresQuantization: Bool
        let store: VectorStore
        let measurement: RecallMeasurement

        /// What tells its rows from those of others.
        var identity: [(key: String, value: JSON)] {
            [("store", .string(path.string)), ("by_vectors", .bool(ignoresQuantization))]
        }
    }

    /// What is measured of a store: its searches and, where that was asked for, those by its vectors.
    private func subjects(_ opened: VectorStore, at path: FilePath, _ input: RecallInput) throws -> [Subject] {
        let info = try opened.info
        if info.lacksCodes { printWarning(info.codesAdvice(path)) }
        if let warning = info.quantization?.warning { printWarning("\(path): \(warning)") }
        let hasCodes = info.quantizationBytes > 0
        // Of several stores the last components may be the same.
        let base = others.isEmpty ? path.lastComponent?.string ?? path.string : path.string
        let measured = try (byVectors && hasCodes ? [false, true] : [false]).map { ignoresQuantization in
            let codes = info.quantization?.used.rawValue ?? ""
            let suffix = !byVectors || !hasCodes ? "" : ignoresQuantization ? ", by vectors" : ", by \(codes)"
            return Subject(
                path: path, name: base + suffix, ignoresQuantization: ignoresQuantization, store: opened,
                measurement: try RecallMeasurement(
                    opened, at: path, named: others.isEmpty ? "the store" : path.string, input,
                    ignoresQuantization: ignoresQuantization))
        }
        if let warning = measured[0].measurement.missingWarning { printWarning(warning) }
        return measured
    }

    /// Prints a row as soon as it was measured, but not into one document; the table's head for nil, and in TSV once
    /// for all. `identity`: what tells the rows of several stores apart.
    private func print(
        _ row: RecallRow?, of subject: Subject, _ identity: [(key: String, value: JSON)], isFirst: Bool,
        to output: StandardOutput
    ) throws {
        switch common.output {
        case .text:
            if row == nil && !identity.isEmpty { try output.line("\(subject.name):") }
            try output.line(row?.text ?? RecallRow.textHead)
        case .tsv:
            if let row {
                try output.row((identity + row.facts).map(\.value))
            } else if isFirst {
                try output.row((identity.map(\.key) + RecallRow.columns.map(\.key)).map { .string($0) })
            }
        case .jsonl: if let row { try output.document(.object(identity + row.facts)) }
        case .json: break
        }
    }

    /// The widths to measure; with a report the store's own is among them.
    private func widths(_ own: Int) -> [Int] {
        let asked = ef?.widths ?? (report == nil ? [10, 20, 50, 100, 200] : WidthList.sweep(count).widths + [own])
        var widths: [Int] = []
        for width in asked.map({ max($0, count) }) where !widths.contains(width) { widths.append(width) }
        if let narrow = ef?.widths.filter({ $0 < count }), !narrow.isEmpty {
            let list = narrow.map { "\($0)" }.joined(separator: ", ")
            printWarning(
                "ef \(list) \(narrow.count == 1 ? "is" : "are") below -k \(count): a search keeps at least k, so ef is \(count) there"
            )
        }
        return ef == nil && report != nil ? widths.sorted() : widths
    }

    private var roundCount: Int { rounds ?? (report == nil ? 1 : 3) }

    /// Measures every width, in rounds of all of them: what slows the machine down for a moment then does not meet all
    /// rounds of one width. Prints each row, if that is wanted, once its last round is over.
    private func measure(
        _ measurement: RecallMeasurement, _ widths: [Int], print: (RecallRow?) throws -> Void
    ) throws -> [RecallRow] {
        let steps = roundCount * widths.count, queries = measurement.queryCount
        let total = (steps + widths.count) * queries
        let bar = ProgressBar(quiet: common.quiet, unit: .steps)
        defer { bar?.finish() }
        var work: [VectorStore.SearchWork] = []
        for (place, width) in widths.enumerated() {
            work.append(try measurement.work(width: width) { bar?.update(place * queries + $0, of: total) })
        }
        bar?.finish()
        try print(nil)
        var measured = widths.map { _ in [RecallRow]() }, rows: [RecallRow] = []
        for step in 0..<steps {
            let place = step % widths.count
            let done = (widths.count + step) * queries
            measured[place].append(
                try measurement.run(width: widths[place], work: work[place]) { bar?.update(done + $0, of: total) })
            if measured[place].count == roundCount {
                let row = RecallRow.median(of: measured[place])
                rows.append(row)
                bar?.finish()
                try print(row)
            }
        }
        return rows
    }

    private func page(_ subjects: [Subject], _ rows: [[RecallRow]], _ widths: [Int]) throws -> RecallReport {
        var words = ["cairn", "recall", store.string, queries.path.string, truth.path.string, "-k", "\(count)"]
        words += ["--ef", widths.map { "\($0)" }.joined(separator: ","), "--rounds", "\(roundCount)"]
        for other in others { words += ["--compare", other.string] }
        if byVectors { words.append("--by-vectors") }
        if let report { words += ["--report", report.string] }
        return RecallReport(
            subjects: try zip(subjects, rows).map { subject, rows in
                var facts = RecallReport.facts(try subject.store.info)
                let missing = subject.measurement.missingCount
                if missing > 0 {
                    facts.append(.init(name: "labels of the truth not in it", value: grouped(missing)))
                }
                return RecallSubject(name: subject.name, path: subject.path.string, rows: rows, facts: facts)
            },
            k: count, queryCount: subjects[0].measurement.queryCount, rounds: roundCount, machine: Machine.facts,
            date: Machine.date, command: words.map(\.shellQuoted).joined(separator: " "))
    }
}

extension WidthList {
    /// Enough widths for a curve with a shape: a search for `count` keeps at least as many candidates.
    static func sweep(_ count: Int) -> WidthList {
        let least = min(max(10, count), 1_000_000 / 40)
        return WidthList([2, 3, 4, 6, 8, 12, 16, 24, 32, 40, 60, 80].map { $0 * least / 2 })
    }
}
