import ArgumentParser
import Cairn
import SystemPackage
import VectorFiles

/// `cairn add`
struct AddCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Add the vectors of a file to a store.",
        discussion: """
            It adds vectors in batches. A batch is added as a whole or not at all. Once a batch is acknowledged, it survives a \
            kill and a power cut. If a vector cannot be added, the batches before it stay, and the error says how many rows they \
            have.

            By default, labels are row numbers: 0, 1, 2, …, as with `cairn build`, also in a store that has vectors. --labels \
            gives other labels. A label that is in the store is an error; with --upsert, it gets the new vector.

            Ctrl-C and SIGTERM end the program after the current batch. The last line says how many rows were added, and with \
            which --skip to go on. A second Ctrl-C, or kill -9, ends it at once. Then use the number that --print-acknowledged \
            printed last as --skip, and add --upsert: the next rows may be in the store already.

              cairn add products.cairn new.npy --labels new-ids.txt
              cairn add products.cairn changed.npy --labels ids.npy --upsert --batch 100
              zcat new.npy.gz | cairn add products.cairn -
            """)

    @Argument(help: "The store.", completion: .directory)
    var store: FilePath

    @Argument(
        help: "The file of vectors, or a pipe; - is standard input.",
        completion: .file(extensions: vectorFileExtensions))
    var vectors: InputPath

    @Option(
        help: ArgumentHelp(
            "Labels: an .npy array of integers, or text with one on each line; by default row numbers.",
            valueName: "file"),
        completion: .file(extensions: ["npy", "txt"]))
    var labels: InputPath?

    @Option(help: ArgumentHelp("Rows in a batch. A larger batch takes less time per row.", valueName: "n"))
    var batch = 1000

    @Option(
        help: ArgumentHelp(
            "Skip the first n rows of the file, such as the number that --print-acknowledged printed last.",
            valueName: "n"))
    var skip = 0

    @Flag(help: "Replace the vectors of labels that are in the store, instead of failing.")
    var upsert = false

    @Flag(
        help: "For each new vector, erase one that is marked deleted and use its space, as long as there are any.")
    var replaceDeleted = false

    @OptionGroup var durability: DurabilityOptions

    @Option(
        help: ArgumentHelp(
            "Threads that insert; by default one for each processor that the program may use.", valueName: "n"))
    var threads: ThreadCount?

    @Flag(
        help: """
            After each batch, print how many rows of the file are acknowledged, skipped ones included. The text summary is \
            left out.
            """)
    var printAcknowledged = false

    @OptionGroup var skipping: SkipOptions

    @OptionGroup var damage: DamageOptions

    @OptionGroup var memory: MemoryOptions

    @OptionGroup var common: CommonOptions

    func validate() throws {
        try InputPath.checkOnce(vectors, labels)
        if batch < 1 { throw ValidationError("--batch is \(batch); it must be 1 or more") }
        if skip < 0 { throw ValidationError("--skip is \(skip); it must be 0 or more") }
        if upsert && replaceDeleted { throw ValidationError("--upsert and --replace-deleted exclude each other") }
    }

    func perform(_ output: StandardOutput) throws {
        try ArgumentOrder.check(store: store, file: vectors.path, of: "add")
        let input = try VectorInput(vectors.path, labels: labels?.path)
        guard skip <= input.count else {
            throw Failure(vectors.path, "it has \(counted(input.count, "row")), fewer than the \(skip) of --skip")
        }
        if input.count == 0 { printWarning("\(vectors.path): it has no rows, so nothing is added") }
        let options = durability.openOptions(damage, memory, threads: threads)
        let start = ContinuousClock.now
        let skipped = skipping.vectors(of: vectors.path)
        var before: String?
        let (end, count) = try VectorStore.changing(at: store, options: options, reporting: common) { store in
            let dimensions = try store.configuration.dimensions
            guard input.dimensions == dimensions else {
                throw Failure(
                    code: StoreError.Code.dimensionMismatch.description,
                    "its vectors have \(input.dimensions) dimensions, the store's have \(dimensions)",
                    path: vectors.path)
            }
            before = try store.info.quantization?.warning
            // Printed as well when it fails or is interrupted: the rows before that are in.
            defer { skipped?.printWarnings() }
            let end = try Interruption.inSteps { try add(input, to: store, skipped, output) }
            return (end, try store.count)
        }
        Interruption.endIfRequested()
        // Codes may have been decided on when it was closed.
        let report = (try? VectorStore.open(at: store, options: memory.openOptions).info)?.quantization
        if let after = report?.warning, after != before { printWarning("\(store): \(after)") }
        let seconds = (ContinuousClock.now - start).seconds
        try summarise(
            rows: end - skip - (skipped?.count ?? 0), count: count, seconds: seconds, report, skipped, output)
    }

    /// Adds batch after batch, and returns the row after the last of them: that is the end of the file unless it is
    /// interrupted.
    private func add(
        _ input: VectorInput, to store: VectorStore, _ skipped: SkippedVectors?, _ output: StandardOutput
    ) throws -> Int {
        let bar = ProgressBar(quiet: common.quiet)
        defer { bar?.finish() }
        var isWatched = printAcknowledged
        var next = skip, added = 0
        Interruption.note(progress(next, added))
        while next < input.count && !Interruption.isRequested {
            let rows = next..<next + min(batch, input.count - next)
            var batch = try read(rows, of: input, allowsOverflow: skipped != nil, added: added)
            do throws(StoreError) {
                if let skipped { try batch.leaveOutInvalid(store, skipped) }
                try add(batch.vectors, batch.labels, to: store)
            } catch {
                throw failure(error, firstRow: next, added: added, batch, store)
            }
            next = rows.upperBound
            added += batch.rows.count
            Interruption.note(progress(next, added))
            bar?.update(next - skip, of: input.count - skip)
            guard isWatched else { continue }
            do {
                try output.line("\(next)")
                try output.flush()
            } catch let code as ExitCode where code == .success {
                // Nobody reads on, which is no reason to leave the rest out.
                isWatched = false
            }
        }
        return next
    }

    /// The next batch. `added`: how many rows are in before it.
    private func read(_ rows: Range<Int>, of input: VectorInput, allowsOverflow: Bool, added: Int) throws -> Batch {
        do {
            return Batch(
                rows: Array(rows), labels: input.labels(rows),
                vectors: try input.vectors(rows, allowsOverflow: allowsOverflow))
        } catch {
            // The file cannot be read further, or has a value that no float is.
            let isOfVector = (error as? VectorFileError)?.isOfVector == true
            let advice = isOfVector ? SkipOptions.advice : ""
            var failure = Failure(reporting: error).adding("\(advice); \(progress(rows.lowerBound, added))")
            failure.progress = ("added", added)
            throw failure
        }
    }

    /// What was done when so many of the rows before this one are added and the others left out, and how to go on.
    private func progress(_ next: Int, _ added: Int) -> String {
        guard next > skip else { return "nothing was added" }
        let rows = next == skip + 1 ? "row \(skip) was" : "rows \(skip) to \(next - 1) were"
        let done =
            switch added {
            case next - skip: "\(rows) added"
            case 0: "\(rows) left out"
            default: "of rows \(skip) to \(next - 1) \(added) were added and the others left out"
            }
        return "\(done), go on after \(next == skip + 1 ? "it" : "them") with --skip \(next)"
    }

    /// Rows of the file that are added together.
    private struct Batch {
        var rows: [Int]
        var labels: [Label]
        var vectors: [Float]

        mutating func leaveOutInvalid(_ store: VectorStore, _ skipped: SkippedVectors) throws(StoreError) {
            let invalid = try store.invalidVectors(in: vectors), dimensions = vectors.count / rows.count
            for vector in invalid {
                skipped.note(row: rows[vector.row], label: labels[vector.row], problem: vector.problem)
            }
            guard !invalid.isEmpty else { return }
            let left = Set(invalid.map(\.row)), kept = rows.indices.filter { !left.contains($0) }
            rows = kept.map { rows[$0] }
            labels = kept.map { labels[$0] }
            vectors = kept.flatMap { vectors[$0 * dimensions..<($0 + 1) * dimensions] }
        }
    }

    private func add(_ vectors: [Float], _ labels: [Label], to store: VectorStore) throws(StoreError) {
        if upsert {
            try store.upsert(vectors, labels: labels)
        } else {
            try store.add(vectors, labels: labels, replacingDeleted: replaceDeleted)
        }
    }

    /// The error of the batch that begins in `firstRow`, with what was done before it. The store counts rows within the
    /// batch, people from the beginning of the file.
    private func failure(
        _ error: StoreError, firstRow: Int, added: Int, _ batch: Batch, _ opened: VectorStore
    ) -> Failure {
        let path: FilePath? =
            switch error.code {
            case .invalidVector: vectors.path
            case .duplicateLabel: (labels ?? vectors).path
            default: nil
            }
        let row = error.row.map { batch.rows.indices.contains($0) ? batch.rows[$0] : firstRow }
        let message = row.map { error.numbered($0).commandLineMessage } ?? error.commandLineMessage
        var advice = error.skipAdvice
        if error.code == .duplicateLabel, error.remedy == nil, let label = error.label,
            (try? opened.contains(label)) == true
        {
            let numbers = labels == nil ? "; labels are row numbers unless --labels gives others" : ""
            advice = "\(numbers); --upsert would replace the old vectors"
        }
        var failure = Failure(error, saying: message, path: path, addition: "\(advice); \(progress(firstRow, added))")
        failure.progress = ("added", added)
        return failure
    }

    private func summarise(
        rows: Int, count: Int, seconds: Double, _ report: VectorStore.QuantizationReport?, _ skipped: SkippedVectors?,
        _ output: StandardOutput
    ) throws {
        let rate = Double(rows) / max(seconds, 1e-9)
        let summary =
            "\(store): \(counted(rows, "vector")) added\(upsert ? " or replaced" : "") in \(fixed(seconds, decimals: 1)) s "
            + "(\(fixed(rate, decimals: 0)) a second), \(count) in all" + (skipped?.summary ?? "")
        try output.facts(
            [
                ("added", .number(rows)),
                ("count", .number(count)),
                ("seconds", .number(seconds, decimals: 3)),
                ("rate", .number(rate, decimals: 1)),
            ] + InfoCommand.codeFacts(report) + (skipped?.facts ?? []), as: common,
            text: printAcknowledged ? [] : [summary])
    }
}
