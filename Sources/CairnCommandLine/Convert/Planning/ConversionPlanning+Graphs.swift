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
        let checked = try CheckedIndex(index, progress: progress), survey = checked.survey
        let early = index.layout == .hnswlib ? EarlyChromaIdentifiers.path(besideIndex: source) : nil
        let (metadata, problems) =
            index.layout == .chromaFolder
            ? try ChromaMetadata.read(
                folder: source, of: index, dimensions: dimensions, areWanted: settings.savedIdentifiers != nil)
            : (nil, [])
        let superseded = checked.superseded
        let deleted = survey.markedCount - superseded.count { survey.isMarked(Int($0)) }
        var scalar = own.fileScalar
        var warnings = (isCurrent ? [] : Cautions.ofSynchronisation(index, metadata)) + problems
        warnings += try Cautions.ofLengths(index, settings.metric, to)
        let ofIdentifiers = Losses.ofIdentifiers(areThere: metadata != nil || early != nil, settings)
        if let format = to.vectorFile {
            scalar = try ConversionPlan.scalar(of: format, asked: nil, otherwise: own.fileScalar)
            let hasLengths = settings.metric == .cosine && index.layout != .hnswlib
            let rows = IndexRows(
                index, survey, own, dimensions: dimensions, superseded: superseded, hasLengths: hasLengths)
            work = .writeVectors(rows, format, scalar, labels: settings.savedLabels)
            lost = Losses.ofGraph + Losses.ofMarked(deleted) + Losses.ofLabels(settings) + ofIdentifiers
            warnings += Cautions.ofRounding(own.fileScalar, to: scalar)
        } else if let metric {
            work = .importIndex(
                checked, .init(metric: metric.metric, scalar: own, dimensions: dimensions))
            lost = ofIdentifiers
        } else {
            work = .copyIndex(index, survey, maximumElements: settings.maximumElements)
            lost = try ofIdentifiers + Losses.ofLengths(settings.metric?.metric, areThere: index.hasLengths)
        }
        if let early, settings.savedIdentifiers != nil {
            identifiers = try EarlyChromaIdentifiers.read(early, elements: header.count)
            warnings.append(
                "ids are those that Chroma gave the vectors before 0.4; the column uuid of chroma-embeddings.parquet has them, and "
                    + "its column id those that you gave")
        } else {
            identifiers = metadata?.identifiers
        }
        facts = ConversionFacts(
            count: header.count - superseded.count - deleted, deleted: deleted, dimensions: dimensions,
            metric: settings.metric?.rawValue, scalar: scalar, connectivity: header.connectivity,
            constructionWidth: Int(clamping: header.constructionWidth), bytesRead: index.fileBytes)
        self.warnings =
            warnings
            + (superseded.isEmpty || to == .hnswlib
                ? [] : [VectorStore.ImportReport.warning(ofRepeatedLabels: superseded.count)])
            + (metadata?.warnings(of: survey) ?? [])
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
        var warnings: [String] = []
        var named = configuration.metric.name
        if let format = to.vectorFile {
            scalar = try ConversionPlan.scalar(of: format, asked: settings.scalar, otherwise: own)
            work = .writeVectors(try StoreRows(store), format, scalar, labels: settings.savedLabels)
            lost =
                try Losses.ofStore(info) + Losses.ofMarked(info.deletedCount) + Losses.ofLabels(settings)
                + Losses.ofScaling(configuration, isScaled: store.hasLengths)
            warnings = Cautions.ofRounding(own, to: scalar)
        } else if to == .hnswlib {
            try settings.checkCapacity(for: info.count + info.deletedCount)
            let options = VectorStore.ExportOptions(
                maximumElements: settings.maximumElements, scalar: settings.scalar)
            scalar = try (settings.scalar ?? store.exportScalar).fileScalar
            work = .exportStore(store, options)
            // Whole numbers are stored as they were given.
            let isGiven = scalar == own && scalar.isInteger
            lost =
                try Losses.ofExport(info)
                + Losses.ofLengths(configuration.metric, areThere: !isGiven && store.hasLengths)
        } else {
            scalar = own
            var copied = configuration
            copied.metric = settings.metric?.metric ?? configuration.metric
            named = copied.metric.name
            work = .copyStore(copied.metric)
            // A copy of the same metric keeps every byte.
            lost =
                configuration.metric == copied.metric
                ? []
                : try Losses.ofNormalising(copied)
                    + Losses.ofScaling(configuration, isScaled: store.hasLengths)
            warnings = Cautions.ofGraph(configuration.metric, to: copied.metric)
        }
        identifiers = nil
        facts = ConversionFacts(
            count: info.count, deleted: info.deletedCount, dimensions: configuration.dimensions,
            metric: named, scalar: scalar, connectivity: configuration.m,
            constructionWidth: configuration.efConstruction, bytesRead: info.fileBytes)
        self.warnings = warnings
    }
}
