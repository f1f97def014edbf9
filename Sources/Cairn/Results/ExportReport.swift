extension VectorStore {
    /// The result of an export.
    public struct ExportReport: Sendable, Hashable, Codable {
        /// The number of vectors that hnswlib finds.
        public internal(set) var count = 0
        /// The number of vectors that are marked deleted.
        public internal(set) var deletedCount = 0
        /// The length of the file, in bytes.
        public internal(set) var bytesWritten = 0
        /// Whether the file is the one that the store was imported from, byte for byte.
        public internal(set) var isOriginal = false
    }
}
