import Cairn
import HnswlibFile
import SystemPackage
import VectorFiles

extension ConversionPlan {
    /// Works out how `source` becomes `destination`, of kind `to`. An index is read once, as a whole, and must be
    /// sound; `progress` is told how far that is. Throws where the pair makes no sense, or something must be said and
    /// was not.
    init(
        _ input: ConversionInput, at source: FilePath, to destination: FilePath, as to: ConversionFormat,
        _ settings: ConversionSettings, progress: @escaping Progress
    ) throws {
        guard to != .chroma && to != .bfindex else {
            throw Failure(usage: "\(to.rawValue) is read and not written: write hnswlib, cairn or vectors")
        }
        try settings.check(input, to: to)
        let draft =
            switch input {
            case .vectors(let input): try Draft(input, at: source, to, settings)
            case .bruteForce(let file): try Draft(file, at: source, to, settings)
            case .index(let index): try Draft(index, at: source, to, settings, progress)
            case .collection(let collection): try Draft(collection, at: source, to, settings, progress)
            case .store(let store): try Draft(store, at: source, to, settings)
            }
        self.init(
            source: source, destination: destination, from: input.format, to: to, work: draft.work, facts: draft.facts,
            lost: draft.lost, warnings: draft.warnings, identifiers: draft.identifiers)
    }

    /// What depends on what IN is.
    struct Draft {
        let work: Work
        let facts: ConversionFacts
        let lost: [String]
        var warnings: [String] = []
        var identifiers: [UInt64: String]?
    }

    /// The type of values in a file of vectors: what was asked for, where the format leaves a choice.
    static func scalar(
        of format: VectorFileFormat, asked: VectorStore.Scalar?, otherwise: VectorFileScalar
    ) throws -> VectorFileScalar {
        guard let fixed = format.fixedScalar else { return asked?.fileScalar ?? otherwise }
        guard asked?.fileScalar ?? fixed == fixed else {
            throw Failure(
                usage:
                    "a .\(format) file holds \(fixed.shortName), not \(asked?.rawValue ?? ""): leave out --scalar, or write "
                    + "another format")
        }
        return fixed
    }
}

extension ConversionPlan.Draft {
    /// Vectors become other vectors, or a graph is built of them.
    init(
        _ input: VectorInput, at source: FilePath, _ to: ConversionFormat, _ settings: ConversionSettings
    ) throws {
        let file = input.file
        try settings.checkDimensions(file.dimensions, in: source)
        if let format = to.vectorFile {
            let scalar = try ConversionPlan.scalar(
                of: format, asked: settings.scalar, otherwise: file.scalar.writtenScalar)
            let isExact = file.scalar.isInteger && file.scalar.size > 2 && scalar.isInteger
            self.init(
                work: isExact
                    ? .writeIntegers(file, format, scalar)
                    : .writeVectors(VectorFileRows(file: file), format, scalar, labels: nil),
                facts: ConversionFacts(
                    counts: .init(live: file.rows), dimensions: file.dimensions, metric: settings.metric?.rawValue,
                    scalar: scalar, connectivity: nil, constructionWidth: nil, bytesRead: file.byteCount),
                lost: [], warnings: Cautions.ofNothing(file.rows) + Cautions.ofRounding(file.scalar, to: scalar))
            return
        }
        let stored = settings.scalar ?? (to == .cairn ? file.scalar.storeScalar : .float32)
        let build = try GraphBuild(
            .init(file, allowsOverflow: settings.skipped != nil), dimensions: file.dimensions, scalar: stored,
            labels: input.labels, for: to, settings)
        try self.init(
            build, to, settings, bytesRead: file.byteCount,
            warnings: Cautions.ofNothing(file.rows) + Cautions.ofRounding(file.scalar, to: stored.fileScalar))
    }

    /// The rows of a BFIndex become vectors, or a graph is built of them.
    init(
        _ file: BruteForceFile, at source: FilePath, _ to: ConversionFormat, _ settings: ConversionSettings
    ) throws {
        let own = settings.scalar ?? .float32
        let dimensions = try settings.components(ofBytes: file.vectorBytes, own, in: source)
        let rows = BruteForceRows(file, own, dimensions: dimensions)
        if let format = to.vectorFile {
            let scalar = try ConversionPlan.scalar(of: format, asked: nil, otherwise: own.fileScalar)
            self.init(
                work: .writeVectors(rows, format, scalar, labels: settings.savedLabels),
                facts: ConversionFacts(
                    counts: .init(live: file.count), dimensions: dimensions, metric: settings.metric?.rawValue,
                    scalar: scalar, connectivity: nil, constructionWidth: nil, bytesRead: file.fileBytes),
                lost: Losses.ofLabels(settings), warnings: Cautions.ofRounding(own.fileScalar, to: scalar))
            return
        }
        let (labels, kept) = try rows.labels()
        let build = try GraphBuild(
            .init(rows, kept: kept), dimensions: dimensions, scalar: own, labels: labels, for: to, settings)
        try self.init(build, to, settings, bytesRead: file.fileBytes, warnings: [])
        let repeated = file.count - labels.count
        if repeated > 0 {
            warnings.append(
                "\(counted(repeated, "vector")) left out whose label comes again later in the file: the last one of each counts"
            )
        }
    }

    /// A graph is built for a store, or for an index of hnswlib.
    init(
        _ build: GraphBuild, _ to: ConversionFormat, _ settings: ConversionSettings, bytesRead: Int,
        warnings: [String]
    ) throws {
        let configuration = build.configuration
        var scalar = configuration.scalar
        if to == .hnswlib {
            let options = VectorStore.ExportOptions(
                maximumElements: settings.maximumElements, scalar: settings.scalar ?? .float32)
            try settings.checkCapacity(for: build.count)
            scalar = options.scalar ?? scalar
            work = .buildIndex(build, options)
            lost = Losses.ofLengths(configuration.metric)
        } else {
            work = .build(build)
            lost = Losses.ofNormalising(configuration)
        }
        facts = ConversionFacts(
            counts: .init(live: build.count), dimensions: configuration.dimensions,
            metric: configuration.metric.name, scalar: scalar.fileScalar, connectivity: configuration.m,
            constructionWidth: max(configuration.efConstruction, configuration.m), bytesRead: bytesRead)
        self.warnings = warnings
    }
}
