import HNSW

extension VectorStore {
    /// A document that a search found.
    public struct FoundDocument: Sendable, Hashable {
        /// The number of the document, as the grouping returns it.
        public let document: UInt64
        /// The nearest vectors of the document, nearest first; at least one.
        ///
        /// There are at most ``VectorStore/DocumentOptions/neighborsPerDocument``. Vectors at equal distances are in
        /// the order of their labels.
        public let neighbors: [Neighbor]

        /// The nearest vector of the document.
        public var best: Neighbor { neighbors[0] }

        /// `found` is in the order of distance and slot; among documents that are equally near their number decides.
        static func all(_ found: [RankedDocument], _ graph: Graph) -> [FoundDocument] {
            found.sorted { ($0.neighbors[0] >> 32, $0.document) < ($1.neighbors[0] >> 32, $1.document) }.map { ranked in
                let neighbors = graph.labelled(count: ranked.neighbors.count) { ranked.neighbors[$0] }
                return FoundDocument(document: ranked.document, neighbors: neighbors)
            }
        }
    }
}
