import HNSW

/// A document that was found.
public struct FoundDocument: Sendable, Hashable {
    /// What the grouping calls it.
    public let document: UInt64
    /// Its nearest vectors, nearest first, equal distances in the order of their labels: at least one, at most as many as were
    /// asked for.
    public let neighbors: [Neighbor]

    /// The nearest of its vectors.
    public var best: Neighbor { neighbors[0] }

    /// `found` is in the order of distance and slot; among documents that are equally near their number decides.
    static func all(_ found: [RankedDocument], _ graph: Graph) -> [FoundDocument] {
        found.sorted { ($0.neighbors[0] >> 32, $0.document) < ($1.neighbors[0] >> 32, $1.document) }.map { ranked in
            let neighbors = VectorStore.neighbors(count: ranked.neighbors.count, graph) { ranked.neighbors[$0] }
            return FoundDocument(document: ranked.document, neighbors: neighbors)
        }
    }
}
