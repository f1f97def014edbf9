import HNSW

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
        /// Whether the search compares vectors even if the store has quantized ones. The default is false.
        ///
        /// Use it to measure what quantization loses and gains on your own queries.
        public var ignoresQuantization: Bool
        /// How to go about a filter whose vectors are known, where measurements want to say so themselves.
        var filterPlan: SearchPlan?

        /// Creates options for searching.
        ///
        /// - Parameters:
        ///   - ef: The number of candidates that the search keeps, at least 1; nil for the store's own ef.
        ///   - filter: The vectors that may be returned; nil for all.
        ///   - isExact: Whether the search compares the query with every vector.
        ///   - ignoresQuantization: Whether the search compares vectors even if the store has quantized ones.
        public init(
            ef: Int? = nil, filter: LabelFilter? = nil, isExact: Bool = false, ignoresQuantization: Bool = false
        ) {
            self.ef = ef
            self.filter = filter
            self.isExact = isExact
            self.ignoresQuantization = ignoresQuantization
        }
    }
}
