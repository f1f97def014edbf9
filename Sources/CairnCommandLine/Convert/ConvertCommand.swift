import ArgumentParser
import Cairn
import MappedStorage
import SystemPackage

/// `cairn convert`
struct ConvertCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Convert between hnswlib and Chroma indexes, stores and vector files.",
        discussion: """
            The content of IN shows what it is, else its extension does. The extension of OUT says what to write: .cairn, .bin .hnsw \
            .hnswlib, or that of a vector file. If the extensions do not tell, use --from and --to.

              hnswlib   an index that hnswlib saved, or Chroma's hnswlib
              chroma    the folder of Chroma's data, or of one of its indexes (read only)
              bfindex   hnswlib's brute-force index (read only)
              cairn     a store
              npy fvecs bvecs ivecs fbin u8bin i8bin ibin   vector files

            An hnswlib index that becomes a store keeps its graph, and so does a store that becomes an index: order, links, levels \
            and deletion marks. If you do not change the store in between, the index that comes out is the one that went in, byte \
            for byte. If IN has no graph, one is built. Vector files get the vectors that are not deleted, in order.

            hnswlib's files do not have their metric: give it with --metric. A store that is converted to a store with another \
            --metric keeps its data and its graph, which was built for the old metric. Check with `cairn recall` what searches find.

            For Chroma, name the folder that has chroma.sqlite3, and the collection with --collection if there are several. The \
            metric is known there. So are the changes that Chroma has not written to its index yet; in a small collection that is \
            all of them. The index's graph is kept if it has every change, and built again if not.

            A Chroma index without chroma.sqlite3 next to it is as its last sync left it. Give its --metric: l2, unless the \
            collection's hnsw:space is another. --save-ids keeps Chroma's ids, for `cairn search --names`.

            An index is checked as a whole before anything is written. Values of vectors are checked while they are written. OUT \
            appears when it is complete; if something goes wrong, it does not appear. --dry-run writes nothing. It reads IN, checks \
            whether OUT can hold all values, prints what was recognised and what would be lost, and fails if the conversion would.

              cairn convert index.bin products.cairn --metric cosine
              cairn convert products.cairn index.bin --max-elements 2000000
              cairn convert chroma products.cairn --collection products --save-ids ids.txt
              cairn convert products.cairn vectors.npy --save-labels labels.npy
              cairn convert base.fvecs base.u8bin
            """)

    @Argument(help: ArgumentHelp("What to convert.", valueName: "in"), completion: .file())
    var source: FilePath

    @Argument(help: ArgumentHelp("What to write.", valueName: "out"), completion: .file())
    var destination: FilePath

    @Option(help: ArgumentHelp("What IN is; by default what its content or extension says.", valueName: "kind"))
    var from: ConversionFormat?

    @Option(help: ArgumentHelp("What OUT is to be; by default what its extension says.", valueName: "kind"))
    var to: WrittenFormat?

    @Option(help: ArgumentHelp("The collection, by name or id, if IN is Chroma's data.", valueName: "name"))
    var collection: String?

    @Option(help: "What distance means; by default what IN says, if it does.")
    var metric: MetricName?

    @Option(help: ArgumentHelp("Dimensions of the vectors, to check.", valueName: "n"))
    var dim: Int?

    @Option(
        help: """
            The type of components. If IN is an hnswlib or BFIndex file, which does not have it: their type in IN, by default \
            f32. Else their type in OUT, by default that of IN, or f32 in an hnswlib index.
            """)
    var scalar: VectorStore.Scalar?

    @Option(help: ArgumentHelp("How many vectors hnswlib makes room for when it loads OUT.", valueName: "n"))
    var maxElements: Int?

    @Option(
        help: ArgumentHelp(
            """
            Labels, if IN is a vector file: an .npy array of integers, or text with one on each line; by default row \
            numbers.
            """, valueName: "file"),
        completion: .file(extensions: ["npy", "txt"]))
    var labels: FilePath?

    @Option(
        help: ArgumentHelp("Save the labels, if OUT is a vector file: .npy, u64.", valueName: "file"),
        completion: .file(extensions: ["npy"]))
    var saveLabels: FilePath?

    @Option(
        help: ArgumentHelp(
            "Save Chroma's ids as text for `cairn search --names`: the id of label n in line n, from 0.",
            valueName: "file"),
        completion: .file(extensions: ["txt"]))
    var saveIds: FilePath?

    @Option(
        name: .customShort("M"),
        help: ArgumentHelp("M: links per vector, if a graph is built; by default 16.", valueName: "m"))
    var connectivity: Int?

    @Option(
        help: ArgumentHelp(
            "efConstruction: candidates kept when a vector is linked, if a graph is built; by default 200.",
            valueName: "n"))
    var efConstruction: Int?

    @Option(
        help: ArgumentHelp(
            "Threads that build a graph; by default one for each processor that the program may use.", valueName: "n")
    )
    var threads: ThreadCount?

    @Option(
        help: ArgumentHelp(
            "The most memory to use, for a store or to build a graph, such as 4G; by default what the machine has.",
            valueName: "bytes"))
    var memory: ByteCount?

    @OptionGroup var skipping: SkipOptions

    @Flag(help: "Replace OUT and the file of labels if they exist. Stores and folders are never replaced.")
    var force = false

    @Flag(help: "Print what would be done and what would be lost. Write nothing.")
    var dryRun = false

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if let dim, dim < 1 { throw ValidationError("--dim is \(dim); it must be 1 or more") }
        if let maxElements, maxElements < 0 {
            throw ValidationError("--max-elements is \(maxElements); it must be 0 or more")
        }
    }

    func perform(_ output: StandardOutput) throws {
        let start = ContinuousClock.now
        for path in [source, destination, saveLabels, saveIds, labels] where path == "-" {
            throw Failure(usage: "- is no file: conversions read and write files, not standard input and output")
        }
        if Directory.kind(of: source) == .missing && Directory.kind(of: destination) != .missing {
            throw Failure(
                code: "notFound", "there is no such file, but \(destination) is there: what is converted comes first",
                path: source)
        }
        guard let format = to?.format ?? ConversionFormat(extensionOf: destination) else {
            throw Failure(usage: "the extension of \(destination) does not say what to write: say it with --to")
        }
        // Where there is no place for labels, they are refused unread.
        let input = try ConversionInput(
            source, as: from, labels: format.vectorFile == nil ? labels : nil, collection: collection, memory: memory)
        try checkDestinations(format)
        let settings = settings
        let plan = try withProgress(.bytes) { progress in
            try ConversionPlan(input, at: source, to: destination, as: format, settings, progress: progress)
        }
        let names = try dryRun ? nil : saveIds.map { try IdentifierFile($0, plan.identifiers ?? [:]) }
        let outcome = try withProgress(plan.progressUnit) { progress in
            dryRun ? try plan.check(progress: progress) : try plan.run(progress: progress)
        }
        try names?.publish()
        settings.skipped?.printWarnings()
        let report = ConversionReport(
            plan: plan, outcome: outcome, isDryRun: dryRun, skipped: settings.skipped,
            seconds: (ContinuousClock.now - start).seconds)
        try output.facts(report.facts, as: common, text: report.lines)
    }

    private var settings: ConversionSettings {
        ConversionSettings(
            metric: metric, dimensions: dim, scalar: scalar, maximumElements: maxElements, savedLabels: saveLabels,
            savedIdentifiers: saveIds, isLabelled: labels != nil, connectivity: connectivity,
            constructionWidth: efConstruction,
            threads: threads?.count, memory: memory?.bytes, skipped: skipping.vectors(of: source))
    }

    private func checkDestinations(_ format: ConversionFormat) throws {
        try Destination(path: destination, mayReplace: force).check(isStore: format == .cairn)
        // Also under another name, or as a part of it.
        if Directory.kind(of: source) == .directory, Directory.areSame(destination.parent, source) {
            throw Failure(usage: "OUT is inside IN: give a name elsewhere")
        }
        var others = [(name: "OUT", path: destination)]
        for (name, path) in [("--save-labels", saveLabels), ("--save-ids", saveIds)] {
            guard let path else { continue }
            for other in others + [("IN", source)] where path.isSame(as: other.path) {
                throw Failure(usage: "\(other.name) and \(name) are the same file: give two names")
            }
            if Directory.kind(of: source) == .directory, Directory.areSame(path.parent, source) {
                throw Failure(usage: "\(name) is inside IN: give a name elsewhere")
            }
            try Destination(path: path, mayReplace: force).check()
            others.append((name, path))
        }
    }

    private func withProgress<Result>(
        _ unit: ProgressBar.Unit, _ body: (@escaping ConversionPlan.Progress) throws -> Result
    ) throws -> Result {
        let bar = ProgressBar(quiet: common.quiet, unit: unit)
        defer { bar?.finish() }
        return try body { done, total in bar?.update(done, of: total) }
    }
}

extension FilePath {
    /// Whether both name one file, which need not be there: by the same name in the same directory, or by links.
    fileprivate func isSame(as other: FilePath) -> Bool {
        Directory.areSame(self, other)
            || lastComponent == other.lastComponent && Directory.areSame(parent, other.parent)
    }
}
