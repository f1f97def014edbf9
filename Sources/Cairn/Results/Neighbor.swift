extension VectorStore {
    /// A vector that a search found: its label and its distance from the query.
    public struct Neighbor: Sendable, Hashable {
        /// The label of the vector.
        public let label: Label
        /// The distance of the vector from the query, by the store's metric.
        public let distance: Float

        /// Creates a neighbour from a label and a distance.
        ///
        /// - Parameters:
        ///   - label: The label of the vector.
        ///   - distance: The distance of the vector from the query.
        public init(label: Label, distance: Float) {
            self.label = label
            self.distance = distance
        }
    }
}
