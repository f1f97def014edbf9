import Cairn
import HnswlibFile
import SystemPackage
import VectorFiles

extension ConversionPlan.Draft {
    /// An index of hnswlib or Chroma is imported, copied, or gives its live vectors. `isCurrent`: whether an index of
    /// Chroma's is known to have all of its collection.
    init(
        _ index: HnswlibIndex, at source: FilePath, _ to: ConversionFormat, _ settings: ConversionSettings,
        isCurrent: Bool = false, _ progress: @escaping ConversionPlan.Progress
    ) throws {
        if index.layout == .chromaFolder && index.header.count == 0 { throw Failure(ofEmptyFolder: source) }
        let own = settings.scalar ?? .float32, header = index.header
        let dimensions = try settings.components(ofBytes: header.vectorBytes, own, in: source)
        // Before all of it is read.
        let metric = to == .cairn ? try settings.requiredMetric(for: to, isChroma: index.layout != .hnswlib) : nil
        try settings.checkCapacity(for: header.count)
        let names = try ChromaNames(of: index, at: source, dimensions: dimensions, settings)
        let warnings =
            try (isCurrent ? [] : Cautions.ofSynchronisation(index, names.metadata)) + names.warnings
            + Cautions.ofLengths(index, settings.metric, to)
        let facts = ConversionFacts(
            counts: nil, dimensions: dimensions, metric: settings.metric?.rawValue, scalar: own.fileScalar,
            connectivity: header.connectivity, constructionWidth: Int(clamping: header.constructionWidth),
            bytesRead: index.fileBytes)
        if let metric {
            // The import checks it, so here it is not read.
            self.init(
                work: .importIndex(
                    index, .init(metric: metric.metric, scalar: own, dimensions: dimensions), names.metadata),
                facts: facts, lost: names.lost, warnings: warnings, identifiers: names.identifiers)
        } else {
            try self.init(
                CheckedIndex(index, progress: progress), own, to.vectorFile, settings, names, facts, warnings)
        }
    }

    /// An index is copied, or gives its live vectors to a file of `format`.
    private init(
        _ checked: CheckedIndex, _ own: VectorStore.Scalar, _ format: VectorFileFormat?,
        _ settings: ConversionSettings, _ names: ChromaNames, _ facts: ConversionFacts, _ warnings: [String]
    ) throws {
        let index = checked.index
        var facts = facts, warnings = warnings
        facts.counts = ConversionCounts(live: checked.count, deleted: checked.deletedCount)
        if let format {
            facts.scalar = try ConversionPlan.scalar(of: format, asked: nil, otherwise: own.fileScalar)
            let hasLengths = settings.metric == .cosine && index.layout != .hnswlib
            let rows = IndexRows(checked, own, dimensions: facts.dimensions, hasLengths: hasLengths)
            work = .writeVectors(rows, format, facts.scalar, labels: settings.savedLabels)
            lost = Losses.ofGraph + Losses.ofMarked(checked.deletedCount) + Losses.ofLabels(settings) + names.lost
            warnings += Cautions.ofRounding(own.fileScalar, to: facts.scalar) + checked.warnings
        } else {
            work = .copyIndex(index, checked.survey, maximumElements: settings.maximumElements)
            lost = try names.lost + Losses.ofLengths(settings.metric?.metric, areThere: index.hasLengths)
        }
        identifiers = names.identifiers
        self.facts = facts
        self.warnings = warnings + (names.metadata?.warnings(of: checked.labels) ?? [])
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
        if let format = to.vectorFile {
            try self.init(vectorsOf: store, info, format, settings)
        } else if to == .hnswlib {
            try self.init(exporting: store, info, settings)
        } else {
            try self.init(copying: store, info, to: settings.metric?.metric ?? configuration.metric)
        }
    }

    private init(
        vectorsOf store: VectorStore, _ info: VectorStore.Info, _ format: VectorFileFormat,
        _ settings: ConversionSettings
    ) throws {
        let own = info.configuration.scalar.fileScalar
        let scalar = try ConversionPlan.scalar(of: format, asked: settings.scalar, otherwise: own)
        self.init(
            work: .writeVectors(try StoreRows(store), format, scalar, labels: settings.savedLabels),
            facts: Self.facts(info, scalar),
            lost: try Losses.ofStore(info) + Losses.ofMarked(info.deletedCount) + Losses.ofLabels(settings)
                + Losses.ofScaling(info.configuration, isScaled: store.hasLengths),
            warnings: Cautions.ofRounding(own, to: scalar))
    }

    private init(exporting store: VectorStore, _ info: VectorStore.Info, _ settings: ConversionSettings) throws {
        try settings.checkCapacity(for: info.count + info.deletedCount)
        let scalar = try (settings.scalar ?? store.defaultExportScalar).fileScalar
        // Whole numbers are stored as they were given.
        let isGiven = scalar == info.configuration.scalar.fileScalar && scalar.isInteger
        self.init(
            work: .exportStore(store, .init(maximumElements: settings.maximumElements, scalar: settings.scalar)),
            facts: Self.facts(info, scalar),
            lost: try Losses.ofExport(info)
                + Losses.ofLengths(info.configuration.metric, areThere: !isGiven && store.hasLengths))
    }

    private init(copying store: VectorStore, _ info: VectorStore.Info, to metric: VectorStore.Metric) throws {
        var copied = info.configuration
        copied.metric = metric
        var facts = Self.facts(info, copied.scalar.fileScalar)
        facts.metric = metric.name
        // A copy of the same metric keeps every byte.
        let isSame = info.configuration.metric == metric
        self.init(
            work: .copyStore(metric), facts: facts,
            lost: isSame
                ? []
                : try Losses.ofNormalising(copied)
                    + Losses.ofScaling(info.configuration, isScaled: store.hasLengths),
            warnings: Cautions.ofGraph(info.configuration.metric, to: metric))
    }

    private static func facts(_ info: VectorStore.Info, _ scalar: VectorFileScalar) -> ConversionFacts {
        let configuration = info.configuration
        return ConversionFacts(
            counts: .init(live: info.count, deleted: info.deletedCount), dimensions: configuration.dimensions,
            metric: configuration.metric.name, scalar: scalar, connectivity: configuration.m,
            constructionWidth: configuration.efConstruction, bytesRead: info.fileBytes)
    }
}
