extension VectorStore {
    /// Options for exporting a store as an hnswlib index.
    public struct ExportOptions: Sendable {
        /// The number of vectors that hnswlib makes room for when it loads the index (`max_elements`).
        ///
        /// With nil, the default, it is the number of vectors in the store. For an imported store it is at least the
        /// number in the original file. A number below that of the vectors, including those that are marked deleted, is
        /// an error.
        public var maximumElements: Int?
        /// The type of a component in the file.
        ///
        /// With nil, the default, it is `f32`, which hnswlib's Python package reads. For an imported store it is the
        /// store's own scalar. Only `f32` and the store's own scalar are possible.
        public var scalar: Scalar?
        /// A function that is called from time to time with the number of vectors written so far and the total.
        public var progress: (@Sendable (_ done: Int, _ total: Int) -> Void)?

        /// Creates options for exporting a store.
        ///
        /// - Parameters:
        ///   - maximumElements: The number of vectors that hnswlib makes room for; nil for the number in the store, or
        ///     for that of the imported file if it is larger.
        ///   - scalar: The type of a component in the file; nil for `f32`, or for the store's own scalar if it was
        ///     imported.
        ///   - progress: A function that is called from time to time with the number of vectors written so far and the
        ///     total.
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
