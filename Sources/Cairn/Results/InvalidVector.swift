extension VectorStore {
    /// A vector that a store cannot hold, and the reason.
    public struct InvalidVector: Sendable, Hashable, Codable {
        /// The number of the vector among those that you gave, from 0 on.
        public let row: Int
        /// The reason why the store cannot hold the vector, in words that complete "the vector …".
        public let problem: String
    }
}
