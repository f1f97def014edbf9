extension VectorStore {
    /// How a store is exported.
    public struct ExportOptions: Sendable {
        /// max_elements of the index: how many vectors hnswlib makes room for when it loads it. nil for as many as there are, or as
        /// the file said that the store was imported from.
        public var maximumElements: Int?
        /// What a component is in the file. nil for f32, which is what hnswlib's Python package reads; or the store's own scalar if
        /// it was imported. Only f32 and the store's own are possible.
        public var scalar: Scalar?
        /// Called now and then with the vectors written so far and their total.
        public var progress: (@Sendable (_ done: Int, _ total: Int) -> Void)?

        /// f32, room for what there is, no progress.
        public init(
            maximumElements: Int? = nil, scalar: Scalar? = nil,
            progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
        ) {
            self.maximumElements = maximumElements
            self.scalar = scalar
            self.progress = progress
        }
    }
}
