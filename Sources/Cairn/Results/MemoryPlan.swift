extension VectorStore {
    /// The way a store uses memory. Opening the store chooses it by the memory budget and the store's size.
    public enum MemoryPlan: String, Sendable, Hashable, Codable {
        /// The whole store fits into memory.
        ///
        /// Files that are already in the page cache are mapped with large pages. The rest is read row by row.
        case resident
        /// The store does not fit into memory, but its quantized vectors and link lists do.
        ///
        /// They are read into memory of the process, where nothing else can push them out. Vectors are read to decide
        /// between the best candidates only, and several at a time.
        case quantizedResident = "quantized-resident"
        /// The store does not fit into memory. The kernel is told to read single rows, and not their neighbours in the
        /// file.
        case paged
    }
}
