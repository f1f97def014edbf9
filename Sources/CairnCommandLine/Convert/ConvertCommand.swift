import ArgumentParser
import Cairn
import MappedStorage
import SystemPackage

/// `cairn convert`
struct ConvertCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Convert hnswlib's and Chroma's indexes, stores and vector files into one another.",
        discussion: """
            What IN is shows in its content, else in its extension; what OUT is to be, in its extension (.cairn, .bin .hnsw \
            .hnswlib, or one of a vector file). --from and --to say it where these do not.

              hnswlib   an index that hnswlib saved, or Chroma's hnswlib
              chroma    the folder of Chroma's data, or of one of its indexes (read only)
              bfindex   hnswlib's brute-force index (read only)
              cairn     a store
              npy fvecs bvecs ivecs fbin u8bin i8bin ibin   vector files

            An hnswlib index keeps its graph when it becomes a store, and a store when it becomes an index: order, links, \
            levels, deletion marks. As long as the store is not changed, the index that comes out is the one that went in, \
            byte for byte. Where there is no graph yet, it is built. Into vectors go those that are not deleted, in order.

            hnswlib's files do not say their metric: give it. A store that is converted to a store with another --metric keeps its \
            data and its graph, which was built for the old metric: check with `cairn recall` what is found.

            Of Chroma, name the folder that holds chroma.sqlite3, and with --collection which collection (unless there is one \
            alone): its metric is known there, and so are the changes that Chroma has not written to its index yet, all of them in \
            a small collection. The graph of the index is kept where it has every change, and built again where it has not. \
            An index of Chroma's without chroma.sqlite3 beside it is as its last sync left it; give its --metric, which is l2 \
            unless the collection's hnsw:space says otherwise. --save-ids keeps Chroma's ids, for `cairn search --names`.

            An index is checked as a whole before anything is written; values of vectors are checked on the way. OUT appears \
            when it is complete, and not at all when something is wrong. --dry-run reads IN, values included that OUT may not \
            be able to hold, prints what was recognised and what would be lost, fails where the conversion would, and writes \
            nothing.

              cairn convert index.bin products.cairn --metric cosine
              cairn convert products.cairn index.bin --max-elements 2000000
              cairn convert chroma products.cairn --collection products --save-ids ids.txt
              cairn convert products.cairn vectors.npy --save-labels labels.npy
              cairn convert base.fvecs base.u8bin
            """)

    @Argument(help: ArgumentHelp("What is converted.", valueName: "in"), completion: .file())
    var source: FilePath

    @Argument(help: ArgumentHelp("What becomes of it.", valueName: "out"), completion: .file())
    var destination: FilePath

    @Option(help: ArgumentHelp("What IN is.", valueName: "kind"))
    var from: ConversionFormat?

    @Option(help: ArgumentHelp("What OUT is to be.", valueName: "kind"))
    var to: WrittenFormat?

    @Option(help: ArgumentHelp("Which collection, by name or id, of an IN that is Chroma's data.", valueName: "name"))
    var collection: String?

    @Option(help: "What distance means.")
    var metric: MetricName?

    @Option(help: ArgumentHelp("Dimensions of the vectors, for checking.", valueName: "n"))
    var dim: Int?

    @Option(
        help: """
            What components are: in IN if that is an hnswlib or BFIndex file, which does not say (f32 if not given); else in \
            OUT (what they are in IN if not given, and f32 in an hnswlib index).
            """)
    var scalar: Scalar?

    @Option(help: ArgumentHelp("How many vectors hnswlib makes room for when it loads OUT.", valueName: "n"))
    var maxElements: Int?

    @Option(
        help: ArgumentHelp(
            "Labels for an IN of vectors: an .npy array of integers, or text with one on each line.", valueName: "file"),
        completion: .file(extensions: ["npy", "txt"]))
    var labels: FilePath?

    @Option(
        help: ArgumentHelp("Where labels go from an OUT of vectors: .npy, u64.", valueName: "file"),
        completion: .file(extensions: ["npy"]))
    var saveLabels: FilePath?

    @Option(
        help: ArgumentHelp(
            "Where Chroma's ids go from a folder of Chroma's: text for `cairn search --names`, the id of label n in line n, from 0.",
            valueName: "file"),
        completion: .file(extensions: ["txt"]))
    var saveIds: FilePath?

    @Option(
        name: .customShort("M"),
        help: ArgumentHelp("Links of a vector where a graph is built; 16 if not given.", valueName: "m"))
    var connectivity: Int?

    @Option(
        help: ArgumentHelp(
            "How widely to search for a vector's neighbours where a graph is built; 200 if not given.", valueName: "n"))
    var efConstruction: Int?

    @Option(
        help: ArgumentHelp(
            "Threads that build a graph; one for each processor that the program may use if not given.", valueName: "n")
    )
    var threads: ThreadCount?

    @Option(
        help: ArgumentHelp(
            "Memory to build a graph in, such as 4G; what the machine has if not given.", valueName: "bytes"))
    var memory: ByteCount?

    @OptionGroup var skipping: SkipOptions

    @Flag(help: "Replace OUT and the file of labels if they are there. Stores and folders are never replaced.")
    var force = false

    @Flag(help: "Print what would be done and what would be lost, and write nothing.")
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
            source, as: from, labels: format.vectorFile == nil ? labels : nil, collection: collection)
        try checkDestinations(format)
        let settings = settings
        let plan = try withProgress(.bytes) { progress in
            try ConversionPlan(input, at: source, to: destination, as: format, settings, progress: progress)
        }
        let found = dryRun ? try withProgress(.rows) { progress in try plan.check(progress: progress) } : []
        let names = try dryRun ? nil : saveIds.map { try IdentifierFile($0, plan.identifiers ?? [:]) }
        let outcome =
            dryRun ? nil : try withProgress(plan.progressUnit) { progress in try plan.run(progress: progress) }
        try names?.publish()
        settings.skipped?.printWarnings()
        let report = ConversionReport(
            plan: plan, outcome: outcome, found: found, skipped: settings.skipped,
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
