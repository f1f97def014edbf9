extension VectorStore {
    /// What an import found.
    public struct ImportReport: Sendable, Hashable {
        /// Vectors that searches find.
        public internal(set) var count = 0
        /// Vectors marked as deleted, which `unmark` brings back.
        public internal(set) var deleted = 0
        /// Vectors whose label came again: they are kept until the store is changed, but not found.
        public internal(set) var repeatedLabels = 0
        /// Vectors with a component that is infinite or not a number; no search can place them.
        public internal(set) var nonFiniteVectors = 0
        /// Vectors so long or so short that single precision does not hold their distances, which come out as infinite or 0.
        public internal(set) var unorderedVectors = 0
        /// What the store was made with.
        public internal(set) var configuration: Configuration
        /// Bytes of the file.
        public internal(set) var bytesRead = 0
        /// What a user should know, each a sentence.
        public internal(set) var warnings: [String] = []

        package static func warning(ofRepeatedLabels count: Int) -> String {
            "\(count) vectors have a label that comes again later in the file; only the last one of each label that is not deleted "
                + "is found"
        }
    }
}
