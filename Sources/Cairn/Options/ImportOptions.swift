extension VectorStore {
    /// What an index file of hnswlib does not say, and how it is imported.
    public struct ImportOptions: Sendable {
        /// How far apart two vectors are. It may be another metric than the index was built with: the graph is kept, distances
        /// are the new metric's.
        public var metric: Metric
        /// What a component is in the file: f32, unless the index was made in C++ for another type.
        public var scalar: Scalar
        /// Components of a vector; nil to work it out from the file. One that does not fit the file is an error.
        public var dimensions: Int?
        /// ef of the store: the width of searches that name none.
        public var searchWidth: Int
        /// Called now and then with the bytes read so far and their total; the file is read twice.
        public var progress: (@Sendable (_ done: Int, _ total: Int) -> Void)?

        /// f32, and what the file says, unless said otherwise.
        public init(
            metric: Metric, scalar: Scalar = .float32, dimensions: Int? = nil, searchWidth: Int = 50,
            progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
        ) {
            self.metric = metric
            self.scalar = scalar
            self.dimensions = dimensions
            self.searchWidth = searchWidth
            self.progress = progress
        }
    }
}
