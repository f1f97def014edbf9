extension VectorStore {
    /// The result of a repair.
    public struct RepairReport: Sendable, Hashable, Codable {
        /// The number of vectors, live or marked deleted, that no links led to from the entry point.
        public internal(set) var unreachableCount = 0
        /// The number of live vectors that links led to, but that a search for them did not find.
        public internal(set) var missedCount = 0
        /// The number of vectors, live or marked deleted, that had a link twice, or a link to themselves.
        public internal(set) var repeatedLinkCount = 0
        /// The labels of the vectors that got new links, in ascending order.
        public internal(set) var relinkedLabels: [Label] = []
        /// The names of the derived files that were made again.
        public internal(set) var files: [String] = []
        /// The labels of the vectors that are still unreachable or not found, or still have a repeated link, in ascending
        /// order.
        ///
        /// For example, if a thousand vectors are equal, a search cannot find each of them.
        public internal(set) var remainingLabels: [Label] = []
    }
}
