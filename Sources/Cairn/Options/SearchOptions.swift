package import HNSW

extension VectorStore {
    /// Options for searching for the nearest vectors.
    public struct SearchOptions: Sendable {
        /// The number of candidates that the search keeps (ef), at least 1. With nil, the default, it is the store's
        /// own.
        ///
        /// A larger ef finds better neighbours and takes longer. An ef below k counts as k.
        public var ef: Int?
        /// The vectors that may be returned; nil, the default, for all.
        public var filter: LabelFilter?
        /// Whether the search compares the query with every vector instead of walking the graph.
        ///
        /// An exact search misses nothing. The time it takes grows with the store.
        public var isExact: Bool
        /// Walks by the vectors though there are codes, where measurements compare the two.
        package var ignoresCodes = false
        /// How to go about a filter whose vectors are known, where measurements want to say so themselves.
        package var filterPlan: SearchPlan?

        /// Creates options for searching.
        ///
        /// - Parameters:
        ///   - ef: The number of candidates that the search keeps, at least 1; nil for the store's own ef.
        ///   - filter: The vectors that may be returned; nil for all.
        ///   - isExact: Whether the search compares the query with every vector.
        public init(ef: Int? = nil, filter: LabelFilter? = nil, isExact: Bool = false) {
            self.ef = ef
            self.filter = filter
            self.isExact = isExact
        }
    }
}
