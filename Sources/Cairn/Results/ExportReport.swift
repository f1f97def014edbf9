extension VectorStore {
    /// What an export wrote.
    public struct ExportReport: Sendable, Hashable {
        /// Vectors that hnswlib finds.
        public internal(set) var count = 0
        /// Vectors marked as deleted.
        public internal(set) var deleted = 0
        /// Bytes of the file.
        public internal(set) var bytesWritten = 0
        /// Whether the file is, byte for byte, the one that the store was imported from.
        public internal(set) var isOriginal = false
    }
}
