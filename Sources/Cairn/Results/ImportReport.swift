extension VectorStore {
    /// The result of an import.
    public struct ImportReport: Sendable, Hashable, Codable {
        /// The number of vectors that searches find.
        public internal(set) var count = 0
        /// The number of vectors that are marked deleted. ``VectorStore/unmarkDeleted(_:)`` brings them back.
        public internal(set) var deletedCount = 0
        /// The number of vectors whose label occurs again in the file.
        ///
        /// Searches do not find them. They are kept until the store is changed.
        public internal(set) var repeatedLabels = 0
        /// The number of vectors with a component that is infinite or not a number. Searches cannot place them.
        public internal(set) var nonFiniteVectors = 0
        /// The number of vectors that are too long or too short for distances in single precision.
        ///
        /// Their distances come out as infinite or 0.
        public internal(set) var unorderedVectors = 0
        /// The number of link lists that have a vector twice, or the vector whose list it is.
        ///
        /// hnswlib writes such links where it updates one vector while it adds another. Searches do not notice.
        /// ``VectorStore/repair(at:options:threads:progress:)`` gives those vectors new links that have a label.
        public internal(set) var repeatedLinks = 0
        /// The settings of the new store.
        public internal(set) var configuration: Configuration
        /// The length of the file, in bytes.
        public internal(set) var bytesRead = 0
        /// Facts that you should know about the imported index, a sentence each.
        public internal(set) var warnings: [String] = []
    }
}
