import ArgumentParser
import Cairn
import SystemPackage

/// `cairn build`
struct BuildCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "build",
        abstract: "Make a new store from a file of vectors.",
        discussion: """
            The store appears at once and complete. If something goes wrong, nothing is left. By default, labels are row numbers: \
            0, 1, 2, …; --labels gives others.

            By default, components are stored as f32. Files of bytes (.u8bin, .bvecs, .npy of u1 or i1) fit --scalar u8 or i8 \
            exactly, in a quarter of the space. Double precision, numpy's default, is rounded to f32.

              cairn build products.cairn vectors.npy --metric cosine
              cairn build photos.cairn descriptors.u8bin --scalar u8 -M 32 --labels ids.npy
            """)

    @Argument(help: "The directory to make. It must not exist, or must be empty.", completion: .directory)
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

    @OptionGroup var creation: CreationOptions

    @Option(
        help: ArgumentHelp(
            "Threads that insert; by default one for each processor that the program may use.", valueName: "n"))
    var threads: ThreadCount?

    @Option(
        help: ArgumentHelp(
            "The most memory to use, such as 4G; by default what the machine has.", valueName: "bytes"))
    var memory: ByteCount?

    @OptionGroup var skipping: SkipOptions

    @OptionGroup var common: CommonOptions

    func validate() throws { try InputPath.checkOnce(vectors, labels) }

    func perform(_ output: StandardOutput) throws {
        try ArgumentOrder.check(store: store, file: vectors.path, of: "build", isNew: true)
        let input = try VectorInput(vectors.path, labels: labels?.path)
        if input.count == 0 { printWarning("\(vectors.path): it has no rows, so the store has no vectors yet") }
        if creation.metric == nil && input.looksNormalised {
            printWarning(
                "\(vectors.path): its vectors have length 1, as those for cosine often do, and distances are l2 without --metric; "
                    + "take --metric cosine for embeddings, or say --metric l2")
        }
        let start = ContinuousClock.now
        let skipped = skipping.vectors(of: vectors.path)
        try build(input, skipped)
        let seconds = (ContinuousClock.now - start).seconds
        skipped?.printWarnings()
        try summarise(VectorStore.open(at: store).info, seconds: seconds, skipped, output)
    }

    private func build(_ input: VectorInput, _ skipped: SkippedVectors?) throws {
        var options = VectorStore.BuildOptions(threads: threads?.count, memoryBudget: memory?.bytes)
        let bar = ProgressBar(quiet: common.quiet)
        if let bar { options.progress = { bar.update($0, of: $1) } }
        if let skipped {
            options.onInvalidVector = {
                skipped.note(row: $0.row, label: input.labels?[$0.row] ?? Label($0.row), problem: $0.problem)
            }
        }
        defer { bar?.finish() }
        do {
            try VectorStore.build(
                at: store, configuration: creation.configuration(dimensions: input.dimensions),
                rows: VectorStore.RowSource(input.file, allowsOverflow: skipped != nil), labels: input.labels,
                options: options)
        } catch {
            throw Failure(
                error, path: error.code == .duplicateLabel ? labels?.path : nil, addition: error.skipAdvice)
        }
    }

    private func summarise(
        _ info: VectorStore.Info, seconds: Double, _ skipped: SkippedVectors?, _ output: StandardOutput
    ) throws {
        if let warning = info.quantization?.warning { printWarning("\(store): \(warning)") }
        let rate = Double(info.count) / max(seconds, 1e-9)
        let summary =
            "\(store): \(counted(info.count, "vector")) of \(counted(info.configuration.dimensions, "dimension")) in "
            + "\(fixed(seconds, decimals: 1)) s (\(fixed(rate, decimals: 0)) a second), \(readableBytes(info.fileBytes))"
            + (skipped?.summary ?? "")
        try output.facts(
            info.creationFacts + [
                ("seconds", .number(seconds, decimals: 3)),
                ("rate", .number(rate, decimals: 1)),
                ("file_bytes", .number(info.fileBytes)),
            ] + (skipped?.facts ?? []), as: common, text: [summary])
    }
}
