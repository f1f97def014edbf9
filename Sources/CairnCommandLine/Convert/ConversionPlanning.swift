import Cairn
import HnswlibFile
import SystemPackage
import VectorFiles

extension ConversionPlan {
    /// Works out how `source` becomes `destination`, of kind `to`. An index is read once, as a whole, and must be sound;
    /// `progress` is told how far that is. Throws where the pair makes no sense, or something must be said and was not.
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
            case .store(let store): try Draft(store, at: source, to, settings)
            }
        self.init(
            source: source, destination: destination, from: input.format, to: to, work: draft.work, facts: draft.facts,
            lost: draft.lost, warnings: draft.warnings)
    }

    /// What depends on what IN is.
    struct Draft {
        let work: Work
        let facts: ConversionFacts
        let lost: [String]
        var warnings: [String] = []
    }

    /// The type of values in a file of vectors: what was asked for, where the format leaves a choice.
    static func scalar(
        of format: VectorFileFormat, asked: Scalar?, otherwise: VectorFileScalar
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

// MARK: From vectors

extension ConversionPlan.Draft {
    /// Vectors become other vectors, or a graph is built of them.
    init(
        _ input: VectorInput, at source: FilePath, _ to: ConversionFormat, _ settings: ConversionSettings
    ) throws {
        let file = input.file
        try settings.checkDimensions(file.dimensions, in: source)
        if let format = to.vectorFile {
            let scalar = try ConversionPlan.scalar(of: format, asked: settings.scalar, otherwise: file.scalar)
            let isExact = file.scalar.isInteger && file.scalar.size > 2 && scalar.isInteger
            self.init(
                work: isExact
                    ? .writeIntegers(file, format, scalar)
                    : .writeVectors(VectorFileRows(file: file), format, scalar, labels: nil),
                facts: ConversionFacts(
                    count: file.rows, deleted: 0, dimensions: file.dimensions, metric: settings.metric?.rawValue,
                    scalar: scalar, connectivity: nil, constructionWidth: nil, bytesRead: file.byteCount),
                lost: Losses.ofRounding(file.scalar, to: scalar))
            return
        }
        let stored = settings.scalar ?? (to == .cairn ? file.scalar.storeScalar : .float32)
        let build = try GraphBuild(
            .init(file), dimensions: file.dimensions, scalar: stored, labels: input.labels, for: to, settings)
        try self.init(
            build, to, settings, deleted: 0, bytesRead: file.byteCount,
            lost: Losses.ofRounding(file.scalar, to: stored.fileScalar))
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
                    count: file.count, deleted: 0, dimensions: dimensions, metric: settings.metric?.rawValue,
                    scalar: scalar, connectivity: nil, constructionWidth: nil, bytesRead: file.fileBytes),
                lost: Losses.ofLabels(settings) + Losses.ofRounding(own.fileScalar, to: scalar))
            return
        }
        let (labels, kept) = try rows.labels()
        let build = try GraphBuild(
            .init(rows, kept: kept), dimensions: dimensions, scalar: own, labels: labels, for: to, settings)
        try self.init(build, to, settings, deleted: 0, bytesRead: file.fileBytes, lost: [])
        let repeated = file.count - labels.count
        if repeated > 0 {
            warnings.append(
                "\(counted(repeated, "vector")) left out whose label comes again later in the file: the last one of each counts"
            )
        }
    }

    /// A graph is built for a store, or for an index of hnswlib.
    private init(
        _ build: GraphBuild, _ to: ConversionFormat, _ settings: ConversionSettings, deleted: Int, bytesRead: Int,
        lost: [String]
    ) throws {
        let configuration = build.configuration
        var scalar = configuration.scalar
        var lost = lost
        if to == .hnswlib {
            let options = VectorStore.ExportOptions(
                maximumElements: settings.maximumElements, scalar: settings.scalar ?? .float32)
            try settings.checkCapacity(for: build.count)
            scalar = options.scalar ?? scalar
            work = .buildIndex(build, options)
            lost += Losses.ofLengths(configuration.metric)
        } else {
            work = .build(build)
            lost += Losses.ofNormalising(configuration)
        }
        facts = ConversionFacts(
            count: build.count, deleted: deleted, dimensions: configuration.dimensions,
            metric: configuration.metric.name, scalar: scalar.fileScalar, connectivity: configuration.connectivity,
            constructionWidth: max(configuration.constructionWidth, configuration.connectivity), bytesRead: bytesRead)
        self.lost = lost
    }
}

// MARK: From graphs

extension ConversionPlan.Draft {
    /// An index of hnswlib or Chroma is imported, copied, or gives its live vectors.
    init(
        _ index: HnswlibIndex, at source: FilePath, _ to: ConversionFormat, _ settings: ConversionSettings,
        _ progress: @escaping ConversionPlan.Progress
    ) throws {
        let own = settings.scalar ?? .float32, header = index.header
        let dimensions = try settings.components(ofBytes: header.vectorBytes, own, in: source)
        // An import does so itself.
        let survey = try index.validate(progress: progress)
        let metadata = index.layout == .chromaFolder ? try ChromaMetadata.read(folder: source) : nil
        try metadata?.check(dimensions: dimensions, in: source)
        let superseded = SlotsByLabel.superseded(survey.labels) { survey.isMarked(Int($0)) }
        let deleted = survey.markedCount - superseded.count { survey.isMarked(Int($0)) }
        var scalar = own.fileScalar
        if let format = to.vectorFile {
            scalar = try ConversionPlan.scalar(of: format, asked: nil, otherwise: own.fileScalar)
            let hasLengths = settings.metric == .cosine && index.layout != .hnswlib
            let rows = IndexRows(
                index, own, dimensions: dimensions, superseded: superseded, hasLengths: hasLengths)
            work = .writeVectors(rows, format, scalar, labels: settings.savedLabels)
            lost =
                try Losses.ofGraph + Losses.ofMarked(deleted) + Losses.ofLabels(settings) + Losses.ofNames(metadata)
                + Losses.ofLengths(index, settings.metric) + Losses.ofRounding(own.fileScalar, to: scalar)
        } else if to == .hnswlib {
            try settings.checkCapacity(for: header.count)
            work = .copyIndex(index, maximumElements: settings.maximumElements)
            lost =
                Losses.ofNames(metadata)
                + (index.layout == .hnswlib ? [] : Losses.ofLengths(settings.metric?.metric ?? .cosine))
        } else {
            let metric = try settings.requiredMetric(for: to)
            work = .importIndex(.init(metric: metric.metric, scalar: own, dimensions: dimensions))
            lost = try Losses.ofNames(metadata) + Losses.ofLengths(index, metric)
        }
        facts = ConversionFacts(
            count: header.count - superseded.count - deleted, deleted: deleted, dimensions: dimensions,
            metric: settings.metric?.rawValue, scalar: scalar, connectivity: header.connectivity,
            constructionWidth: Int(clamping: header.constructionWidth), bytesRead: index.fileBytes)
        warnings = metadata?.warnings(of: survey) ?? []
    }

    /// A store becomes an index of hnswlib, gives its live vectors, or is copied.
    init(
        _ store: VectorStore, at source: FilePath, _ to: ConversionFormat, _ settings: ConversionSettings
    ) throws {
        let info = try store.info, configuration = info.configuration
        try settings.checkDimensions(configuration.dimensions, in: source)
        if let metric = settings.metric, metric.metric != configuration.metric, to != .cairn {
            throw Failure(
                usage:
                    "the store's metric is \(configuration.metric.name), not \(metric.rawValue): leave out --metric, or make a "
                    + "copy of the store with that metric first")
        }
        let own = configuration.scalar.fileScalar
        let scalar: VectorFileScalar
        var named = configuration.metric.name
        if let format = to.vectorFile {
            scalar = try ConversionPlan.scalar(of: format, asked: settings.scalar, otherwise: own)
            work = .writeVectors(try StoreRows(store), format, scalar, labels: settings.savedLabels)
            lost =
                Losses.ofStore(info) + Losses.ofMarked(info.deleted) + Losses.ofLabels(settings)
                + Losses.ofNormalising(configuration) + Losses.ofRounding(own, to: scalar)
        } else if to == .hnswlib {
            try settings.checkCapacity(for: info.count + info.deleted)
            let options = VectorStore.ExportOptions(
                maximumElements: settings.maximumElements, scalar: settings.scalar)
            scalar = try (settings.scalar ?? store.exportScalar).fileScalar
            work = .exportStore(store, options)
            lost = Losses.ofExport(info) + Losses.ofLengths(configuration.metric)
        } else {
            guard let metric = settings.metric else {
                throw Failure(
                    usage: "a store becomes a store to have another metric: give --metric; to have the same once more, copy the "
                        + "directory")
            }
            scalar = own
            named = metric.rawValue
            work = .copyStore(metric.metric)
            var copied = configuration
            copied.metric = metric.metric
            lost = Array(Set(Losses.ofNormalising(configuration) + Losses.ofNormalising(copied)))
        }
        facts = ConversionFacts(
            count: info.count, deleted: info.deleted, dimensions: configuration.dimensions,
            metric: named, scalar: scalar, connectivity: configuration.connectivity,
            constructionWidth: configuration.constructionWidth, bytesRead: info.fileBytes)
        warnings = []
    }
}

extension ChromaMetadata {
    /// Throws where they are not of the index beside them.
    fileprivate func check(dimensions: Int, in folder: FilePath) throws {
        guard dimensionality ?? dimensions == dimensions else {
            throw Failure(
                folder.appending(Self.fileName),
                "it says that vectors have \(dimensionality ?? 0) dimensions, the index has \(dimensions): one of the two is "
                    + "another index's")
        }
    }

    /// What it knows of and the index has not, and the other way round: Chroma writes them one after the other.
    fileprivate func warnings(of survey: HnswlibSurvey) -> [String] {
        var live = 0, unknown = 0
        for (slot, label) in survey.labels.enumerated() where !survey.isMarked(slot) {
            live += 1
            unknown += identifiers[label] == nil ? 1 : 0
        }
        let missing = identifiers.count - (live - unknown)
        var warnings: [String] = []
        if missing > 0 {
            warnings.append("Chroma's \(Self.fileName) has \(counted(missing, "id")) of vectors that the index does not have")
        }
        if unknown > 0 {
            warnings.append("the index has \(counted(unknown, "vector")) of which Chroma's \(Self.fileName) does not know")
        }
        return warnings
    }
}
