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
        /// between the best candidates only, several at a time, and on Linux past the page cache (with io_uring).
        ///
        /// A vector costs a read of the disk here. So searches read fewer of them, and look at an eighth more candidates by
        /// their quantized vectors. They find other vectors now and then, and about as many of the true neighbours: a large
        /// ef finds up to 0.005 less than in memory.
        case quantizedResident = "quantized-resident"
        /// The store does not fit into memory, and its link lists do not either.
        ///
        /// Quantized vectors that fit are read into memory of the process. A search then looks at several candidates at a
        /// time, and reads their link lists together. Otherwise the kernel is told to read single rows, and not their
        /// neighbours in the file.
        case paged
    }
}
