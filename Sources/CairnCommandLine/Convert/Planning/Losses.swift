import Cairn
import HnswlibFile
import VectorFiles

/// What a conversion leaves behind, in clauses for people.
enum Losses {
    static let ofGraph = ["the graph: links, levels, M and ef_construction"]

    static func ofStore(_ info: VectorStore.Info) -> [String] {
        ["the graph, the metric (\(info.configuration.metric.name)) and the other settings of the store"]
    }

    /// Of a store whose graph goes to an hnswlib index.
    static func ofExport(_ info: VectorStore.Info) -> [String] {
        let configuration = info.configuration
        return [
            "settings that hnswlib's files do not have: the metric (\(configuration.metric.name)), ef "
                + "(\(configuration.ef)), the seed"
        ]
    }

    static func ofMarked(_ count: Int) -> [String] {
        count == 0 ? [] : ["\(counted(count, "vector")) marked deleted"]
    }

    static func ofLabels(_ settings: ConversionSettings) -> [String] {
        settings.savedLabels == nil ? ["labels, unless --save-labels names a file for them"] : []
    }

    /// What Chroma's folder has next to the index.
    static func ofIdentifiers(areThere: Bool, _ settings: ConversionSettings) -> [String] {
        !areThere || settings.savedIdentifiers != nil
            ? []
            : [
                "Chroma's own ids of the vectors, unless --save-ids names a file for them; labels are the numbers that it gave them"
            ]
    }

    /// Of an index of hnswlib that is written for this metric. `areThere`: whether what it is made of still has them.
    static func ofLengths(_ metric: VectorStore.Metric?, areThere: Bool = true) -> [String] {
        metric == .cosine && areThere
            ? ["the lengths of the vectors: hnswlib's files have them normalised for cosine"] : []
    }

    /// Of vectors that a store keeps normalised.
    static func ofNormalising(_ configuration: VectorStore.Configuration) -> [String] {
        let isFloat = configuration.scalar == .float32 || configuration.scalar == .float16
        return configuration.metric == .cosine && isFloat
            ? ["the last bits of components: a store for cosine has vectors normalised, and their lengths next to them"]
            : []
    }

    /// Of vectors that such a store gives back. `isScaled`: whether one of them gets a length other than 1.
    static func ofScaling(_ configuration: VectorStore.Configuration, isScaled: Bool) -> [String] {
        isScaled ? ofNormalising(configuration) : []
    }
}

/// What a conversion may leave behind, or what its user should know before relying on it: sentences without an end.
enum Cautions {
    /// Of vectors that there are none of.
    static func ofNothing(_ count: Int) -> [String] { count == 0 ? ["IN has no rows, so OUT has none"] : [] }

    /// Of vectors whose label another one has.
    static func ofRepeatedLabels(_ count: Int) -> [String] {
        count == 0
            ? []
            : [
                "\(count) vectors have a label that comes again later in the file; only the last one of each label that is not "
                    + "deleted is found"
            ]
    }

    /// Of components that another type does not hold exactly. Where it cannot hold them at all, that is an error.
    static func ofRounding(_ from: VectorFileScalar, to: VectorFileScalar) -> [String] {
        let isWide = from.isInteger && from.size > 2
        switch to {
        case .float16 where from == .float32 || from == .float64 || isWide:
            return ["components are rounded to the 11 bits of f16 where they have more"]
        case .float32 where from == .float64:
            return ["components are rounded to the 24 bits of f32 where they have more"]
        case .float32 where isWide:
            return ["whole numbers beyond 16777216 are rounded to the 24 bits of f32"]
        default: return []
        }
    }

    /// Of an index that is read for no metric, if it has lengths next to its vectors.
    static func ofLengths(_ index: HnswlibIndex, _ metric: MetricName?, _ output: ConversionFormat) throws -> [String] {
        guard metric == nil, try index.hasLengths else { return [] }
        return output == .hnswlib
            ? [
                "if the index is for cosine, the lengths of its vectors are lost: hnswlib's files have no place for them"
            ]
            : [
                "if the index is for cosine, its vectors are of length 1; --metric cosine makes them as long as they were"
            ]
    }

    /// Of a store whose graph is kept for another metric.
    static func ofGraph(_ from: VectorStore.Metric, to: VectorStore.Metric) -> [String] {
        from == to
            ? []
            : [
                "the graph was built for \(from.name), and \(to.name) may find less in it: check with `cairn recall`, search "
                    + "with a larger ef, or convert to vectors and build again"
            ]
    }

    /// How much of a collection Chroma's folder has.
    static func ofSynchronisation(_ index: HnswlibIndex, _ metadata: ChromaMetadata?) -> [String] {
        guard index.layout == .chromaFolder else { return [] }
        let added = metadata.map { ", with \(counted($0.totalElementsAdded, "vector")) added by then" } ?? ""
        return [
            "the folder is as Chroma's last sync left it\(added); additions, changes and deletions since then are only in "
                + "chroma.sqlite3 (it syncs after hnsw:sync_threshold changes, 1000 by default), which is not next to the folder"
        ]
    }
}

extension HnswlibIndex {
    /// Whether there are lengths next to the vectors.
    var hasLengths: Bool {
        get throws {
            // Asking for none of them tells it.
            try unsafe readLengths(0..<0, into: UnsafeMutableBufferPointer(start: nil, count: 0))
        }
    }
}
