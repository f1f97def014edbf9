extension VectorStore {
    /// Options for searching within a radius.
    public struct RadiusOptions: Sendable {
        /// The maximum number of vectors that are returned, at least 1. The default is 10,000.
        ///
        /// If more vectors are within the radius, the nearest ones are returned. The limit also bounds the work and the
        /// memory.
        public var limit: Int
        /// The number of nearest candidates outside the radius that the search explores, in addition to all inside it
        /// (ef).
        ///
        /// A larger ef finds vectors that are apart from the others, and takes longer. With nil, the default, it is the
        /// store's own.
        public var ef: Int?
        /// The vectors that may be returned; nil, the default, for all.
        public var filter: LabelFilter?
        /// Whether the search compares the query with every vector instead of walking the graph.
        ///
        /// An exact search misses nothing. The time it takes grows with the store.
        public var isExact: Bool

        /// Creates options for searching within a radius.
        ///
        /// - Parameters:
        ///   - limit: The maximum number of vectors that are returned, at least 1.
        ///   - ef: The number of nearest candidates outside the radius that the search explores; nil for the store's
        ///     own ef.
        ///   - filter: The vectors that may be returned; nil for all.
        ///   - isExact: Whether the search compares the query with every vector.
        public init(limit: Int = 10_000, ef: Int? = nil, filter: LabelFilter? = nil, isExact: Bool = false) {
            self.limit = limit
            self.ef = ef
            self.filter = filter
            self.isExact = isExact
        }
    }
}
