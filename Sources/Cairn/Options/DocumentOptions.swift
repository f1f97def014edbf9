extension VectorStore {
    /// Options for searching for documents.
    public struct DocumentOptions: Sendable {
        /// The number of best documents that the search keeps (ef). With nil, the default, it is the store's own.
        ///
        /// A larger ef finds better documents and takes longer. An ef below k counts as k.
        public var ef: Int?
        /// The maximum number of vectors returned for each document, at least 1. The default is 1.
        ///
        /// Each document comes with its nearest vectors. With more than 1, the search looks at all vectors of each
        /// document that it found. If the grouping is a function, or a document has thousands of labels, this asks for
        /// the document of every vector in the store.
        public var neighborsPerDocument: Int
        /// The vectors that may be returned, and that make their documents found; nil, the default, for all.
        public var filter: LabelFilter?
        /// Whether the search compares the query with every vector instead of walking the graph.
        ///
        /// An exact search misses nothing. The time it takes grows with the store.
        public var isExact: Bool

        /// Creates options for searching for documents.
        ///
        /// - Parameters:
        ///   - ef: The number of best documents that the search keeps; nil for the store's own ef.
        ///   - neighborsPerDocument: The maximum number of vectors returned for each document, at least 1.
        ///   - filter: The vectors that may be returned; nil for all.
        ///   - isExact: Whether the search compares the query with every vector.
        public init(
            ef: Int? = nil, neighborsPerDocument: Int = 1, filter: LabelFilter? = nil, isExact: Bool = false
        ) {
            self.ef = ef
            self.neighborsPerDocument = neighborsPerDocument
            self.filter = filter
            self.isExact = isExact
        }
    }
}
