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
        let checked = try collection.index.map { try CheckedIndex($0, progress: progress) }
        let metadata = try checked.flatMap { checked in
            let dimensions = checked.index.header.vectorBytes / 4
            // Changes are of identifiers, which only this knows.
            return try ChromaMetadata.read(
                folder: collection.folder, of: checked.index, dimensions: dimensions, areWanted: true
            ).metadata
        }
        let rows = try ChromaRows(collection, checked, metadata)
        guard rows.length > 0 else {
            throw Failure(collection.path, "collection \(collection.name) has no vectors")
        }
        try settings.checkDimensions(rows.dimensions, in: source)
        if let checked, let metadata { warnings += metadata.warnings(of: checked.labels) }
        let lost = Losses.ofIdentifiers(areThere: true, settings), deleted = checked?.survey.markedCount ?? 0
        if let format = to.vectorFile {
            let scalar = try ConversionPlan.scalar(of: format, asked: nil, otherwise: .float32)
            self.init(
                work: .writeVectors(rows, format, scalar, labels: settings.savedLabels),
                facts: ConversionFacts(
                    counts: .init(live: rows.length, deleted: deleted), dimensions: rows.dimensions,
                    metric: settings.metric?.rawValue,
                    scalar: scalar, connectivity: nil, constructionWidth: nil, bytesRead: collection.byteCount),
                lost: (checked == nil ? [] : Losses.ofGraph) + Losses.ofLabels(settings) + lost, warnings: warnings,
                identifiers: rows.identifiers)
            return
        }
        let build = try GraphBuild(
            .init(rows, path: collection.path), dimensions: rows.dimensions, scalar: .float32, labels: rows.labels,
            for: to,
            settings)
        if checked != nil {
            warnings.append(
                "the graph is built again: the index in Chroma's folder does not have the last "
                    + "\(counted(collection.changes.count, "change")) of the collection, which are in chroma.sqlite3")
        }
        try self.init(build, to, settings, bytesRead: collection.byteCount, warnings: warnings)
        self = Self(
            work: work, facts: facts, lost: self.lost + lost, warnings: self.warnings, identifiers: rows.identifiers)
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
