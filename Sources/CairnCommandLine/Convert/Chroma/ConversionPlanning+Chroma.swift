import Cairn
import HnswlibFile
import SystemPackage
import VectorFiles

extension ConversionPlan.Draft {
    /// A collection of Chroma's. Its index is taken as it is where that has all of it; else a graph is built of the
    /// vectors that there are in the end, or they go to a file.
    init(
        _ collection: ChromaCollection, at source: FilePath, _ to: ConversionFormat, _ settings: ConversionSettings,
        _ progress: @escaping ConversionPlan.Progress
    ) throws {
        var settings = settings, warnings: [String] = []
        if let metric = settings.metric, metric != collection.metric {
            warnings.append(
                "the metric of collection \(collection.name) is \(collection.metric.rawValue), not \(metric.rawValue)")
        }
        settings.metric = settings.metric ?? collection.metric
        if let index = collection.index, collection.isAsStored {
            try self.init(index, at: collection.folder, to, settings, isCurrent: true, progress)
            self.warnings = warnings + self.warnings
            return
        }
        guard settings.scalar ?? .float32 == .float32 else {
            throw Failure(usage: "vectors of Chroma's are f32: leave out --scalar")
        }
        let (rows, deletedCount, problems) = try Self.rows(of: collection, progress)
        warnings += problems
        guard rows.length > 0 else {
            throw Failure(collection.path, "collection \(collection.name) has no vectors")
        }
        try settings.checkDimensions(rows.dimensions, in: source)
        if let format = to.vectorFile {
            try self.init(rows, of: collection, deletedCount: deletedCount, format, settings, warnings)
            return
        }
        let build = try GraphBuild(
            .init(rows, path: collection.path), dimensions: rows.dimensions, scalar: .float32, labels: rows.labels,
            for: to, settings)
        if collection.index != nil {
            warnings.append(
                "the graph is built again: the index in Chroma's folder does not have the last "
                    + "\(counted(collection.changes.count, "change")) of the collection, which are in chroma.sqlite3")
        }
        try self.init(build, to, settings, bytesRead: collection.byteCount, warnings: warnings)
        self = Self(
            work: work, facts: facts, lost: lost + Losses.ofIdentifiers(areThere: true, settings),
            warnings: self.warnings, identifiers: rows.identifiers)
    }

    /// The vectors of a collection go to a file.
    private init(
        _ rows: ChromaRows, of collection: ChromaCollection, deletedCount: Int, _ format: VectorFileFormat,
        _ settings: ConversionSettings, _ warnings: [String]
    ) throws {
        let scalar = try ConversionPlan.scalar(of: format, asked: nil, otherwise: .float32)
        self.init(
            work: .writeVectors(rows, format, scalar, labels: settings.savedLabels),
            facts: ConversionFacts(
                counts: .init(live: rows.length, deleted: deletedCount), dimensions: rows.dimensions,
                metric: settings.metric?.rawValue, scalar: scalar, connectivity: nil, constructionWidth: nil,
                bytesRead: collection.byteCount),
            lost: (collection.index == nil ? [] : Losses.ofGraph) + Losses.ofLabels(settings)
                + Losses.ofIdentifiers(areThere: true, settings),
            warnings: warnings, identifiers: rows.identifiers)
    }

    /// The vectors that a collection has now, those of its index that are marked deleted, and warnings.
    private static func rows(
        of collection: ChromaCollection, _ progress: @escaping ConversionPlan.Progress
    ) throws -> (ChromaRows, deletedCount: Int, warnings: [String]) {
        guard let index = collection.index else { return (try ChromaRows(collection, nil, nil), 0, []) }
        let checked = try CheckedIndex(index, progress: progress)
        // Changes are of identifiers, which only this knows.
        let metadata = try ChromaMetadata.read(
            folder: collection.folder, of: index, dimensions: index.header.vectorBytes / 4, areWanted: true
        ).metadata
        return (
            try ChromaRows(collection, checked, metadata), checked.survey.markedCount,
            metadata?.warnings(of: checked.labels) ?? []
        )
    }
}

extension Failure {
    /// A folder of Chroma's without its first vectors, and without the database that has them.
    init(ofEmptyFolder folder: FilePath) {
        self.init(
            folder,
            "it has no vectors: Chroma writes them there after hnsw:sync_threshold changes, 1000 by default, and has them "
                + "in chroma.sqlite3 until then; name the folder that holds chroma.sqlite3, and --collection")
    }
}
