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
        var warnings = (isCurrent ? [] : Cautions.ofSynchronisation(index, names.metadata)) + names.warnings
        warnings += try Cautions.ofLengths(index, settings.metric, to)
        var scalar = own.fileScalar, counts: ConversionCounts?
        if let metric {
            // The import checks it, so here it is not read.
            work = .importIndex(
                index, .init(metric: metric.metric, scalar: own, dimensions: dimensions), names.metadata)
            lost = names.lost
        } else {
            let checked = try CheckedIndex(index, progress: progress)
            counts = ConversionCounts(live: checked.count, deleted: checked.deletedCount)
            if let format = to.vectorFile {
                scalar = try ConversionPlan.scalar(of: format, asked: nil, otherwise: own.fileScalar)
                let hasLengths = settings.metric == .cosine && index.layout != .hnswlib
                let rows = IndexRows(checked, own, dimensions: dimensions, hasLengths: hasLengths)
                work = .writeVectors(rows, format, scalar, labels: settings.savedLabels)
                lost =
                    Losses.ofGraph + Losses.ofMarked(checked.deletedCount) + Losses.ofLabels(settings) + names.lost
                warnings += Cautions.ofRounding(own.fileScalar, to: scalar) + checked.warnings
            } else {
                work = .copyIndex(index, checked.survey, maximumElements: settings.maximumElements)
                lost = try names.lost + Losses.ofLengths(settings.metric?.metric, areThere: index.hasLengths)
            }
            warnings += names.metadata?.warnings(of: checked.labels) ?? []
        }
        identifiers = names.identifiers
        facts = ConversionFacts(
            counts: counts, dimensions: dimensions, metric: settings.metric?.rawValue, scalar: scalar,
            connectivity: header.connectivity, constructionWidth: Int(clamping: header.constructionWidth),
            bytesRead: index.fileBytes)
        self.warnings = warnings
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
            scalar = try (settings.scalar ?? store.defaultExportScalar).fileScalar
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
            counts: .init(live: info.count, deleted: info.deletedCount), dimensions: configuration.dimensions,
            metric: named, scalar: scalar, connectivity: configuration.m,
            constructionWidth: configuration.efConstruction, bytesRead: info.fileBytes)
        self.warnings = warnings
    }
}
