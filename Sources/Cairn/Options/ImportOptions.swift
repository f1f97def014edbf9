extension VectorStore {
    /// Options for importing an hnswlib index, including the settings that its file does not contain.
    public struct ImportOptions: Sendable {
        /// The distance between two vectors.
        ///
        /// It may differ from the metric that the index was built with. The graph is kept, and distances are those of
        /// the new metric.
        public var metric: Metric
        /// The type of a component in the file. The default is `f32`.
        ///
        /// An index has another type only if C++ code made it so.
        public var scalar: Scalar
        /// The number of components of a vector. With nil, the default, it is computed from the file.
        ///
        /// A number that does not fit the file is an error.
        public var dimensions: Int?
        /// The store's ef: the number of candidates that a search keeps if it does not set its own. The default is 50.
        public var ef: Int
        /// A function that is called from time to time with the number of bytes read so far and the total.
        ///
        /// The file is read twice, so the total is twice its length.
        public var progress: (@Sendable (_ done: Int, _ total: Int) -> Void)?

        /// Creates options for importing an hnswlib index.
        ///
        /// - Parameters:
        ///   - metric: The distance between two vectors.
        ///   - scalar: The type of a component in the file.
        ///   - dimensions: The number of components of a vector; nil to compute it from the file.
        ///   - ef: The store's ef.
        ///   - progress: A function that is called from time to time with the number of bytes read so far and the
        ///     total.
        public init(
            metric: Metric, scalar: Scalar = .float32, dimensions: Int? = nil, ef: Int = 50,
            progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
        ) {
            self.metric = metric
            self.scalar = scalar
            self.dimensions = dimensions
            self.ef = ef
            self.progress = progress
        }
    }
}
