import Cairn
import HnswlibFile
import VectorFiles

/// What a conversion leaves behind, in clauses for people.
enum Losses {
    static let ofGraph = ["the graph: links, levels, M and ef_construction"]

    static func ofStore(_ info: StoreInfo) -> [String] {
        ["the graph, the metric (\(info.configuration.metric.name)) and the other settings of the store"]
    }

    /// Of a store whose graph goes to an hnswlib index.
    static func ofExport(_ info: StoreInfo) -> [String] {
        let configuration = info.configuration
        return [
            "settings that hnswlib's files do not have: the metric (\(configuration.metric.name)), ef "
                + "(\(configuration.searchWidth)), the seed"
        ]
    }

    static func ofMarked(_ count: Int) -> [String] {
        count == 0 ? [] : ["\(counted(count, "vector")) marked as deleted"]
    }

    static func ofLabels(_ settings: ConversionSettings) -> [String] {
        settings.savedLabels == nil ? ["labels, unless --save-labels names a file for them"] : []
    }

    /// What Chroma's folder has beside the index.
    static func ofNames(_ metadata: ChromaMetadata?) -> [String] {
        metadata == nil ? [] : ["Chroma's own ids of the vectors; labels are the numbers that it gave them"]
    }

    /// Of an index of hnswlib that is written.
    static func ofLengths(_ metric: Metric) -> [String] {
        metric == .cosine ? ["the lengths of the vectors: hnswlib's files have them normalised for cosine"] : []
    }

    /// Of an index that is read, for a metric that may not be known.
    static func ofLengths(_ index: HnswlibIndex, _ metric: MetricName?) throws -> [String] {
        // Asking for none of the lengths tells whether there are any.
        let hasLengths = try unsafe index.readLengths(0..<0, into: UnsafeMutableBufferPointer(start: nil, count: 0))
        switch metric {
        case .cosine where !hasLengths:
            return ["the lengths of the vectors, which IN has lost: hnswlib's files have them normalised for cosine"]
        case nil:
            let advice = hasLengths ? "--metric cosine gives them back" : "IN has lost them"
            return ["the lengths of the vectors if the index is for cosine, which normalises them; \(advice)"]
        default: return []
        }
    }

    /// Of vectors that a store keeps normalised, or has kept so.
    static func ofNormalising(_ configuration: VectorStore.Configuration) -> [String] {
        let isFloat = configuration.scalar == .float32 || configuration.scalar == .float16
        return configuration.metric == .cosine && isFloat
            ? ["the last bits of components: a store for cosine has vectors normalised, beside their lengths"] : []
    }

    /// Of components that another type does not hold exactly. Where it cannot hold them at all, that is an error.
    static func ofRounding(_ from: VectorFileScalar, to: VectorFileScalar) -> [String] {
        let isWide = from.isInteger && from.size > 2
        switch to {
        case .float16 where from == .float32 || isWide: return ["bits of components: f16 has 11, the nearest is taken"]
        case .float32 where isWide:
            return ["bits of whole numbers beyond 16777216: f32 has 24, the nearest is taken"]
        default: return []
        }
    }
}
