extension VectorStore {
    /// Options for building a store.
    public struct BuildOptions: Sendable {
        /// The number of threads that insert vectors.
        ///
        /// With nil, the default, there is one thread for each processor that the process may use. The process's
        /// affinity and the CPU limits of its control groups count. A build starts at most four threads for each
        /// processor. The bytes of the store do not depend on the number of threads, except for its random identifiers.
        public var threads: Int?
        /// The memory that the build may use, in bytes.
        ///
        /// With nil, the default, it is the limit of the control group, or else the machine's memory. If the finished
        /// store is larger than the budget, the kernel is asked to keep single rows in memory instead of large pages. A
        /// build needs 16 MiB and some bytes for each vector, in addition to the pages of its file. A smaller budget is
        /// an error.
        public var memoryBudget: Int?
        /// A function that is called from time to time with the number of rows inserted so far and the total.
        public var progress: (@Sendable (_ done: Int, _ total: Int) -> Void)?
        /// A function that is called with each vector that the store cannot hold.
        ///
        /// Such vectors are left out. The other vectors keep the labels that they have among all. Finding invalid
        /// vectors reads all vectors once more, before the first one is inserted. With nil, the default, the first
        /// invalid vector is an error.
        public var onInvalidVector: (@Sendable (InvalidVector) -> Void)?
        /// The number of vectors from which the store is quantized.
        private(set) var leastCodedCount = Quantization.leastCount

        /// Creates options for building a store. By default, all processors are used, and every vector must be valid.
        ///
        /// - Parameters:
        ///   - threads: The number of threads that insert vectors; nil for one for each processor that the process may
        ///     use.
        ///   - memoryBudget: The memory that the build may use, in bytes; nil for the limit of the control group, or
        ///     else the machine's memory.
        ///   - progress: A function that is called from time to time with the number of rows inserted so far and the
        ///     total.
        ///   - onInvalidVector: A function that is called with each vector that the store cannot hold, and that is left
        ///     out. With nil, the first such vector is an error.
        public init(
            threads: Int? = nil, memoryBudget: Int? = nil,
            progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil,
            onInvalidVector: (@Sendable (InvalidVector) -> Void)? = nil
        ) {
            self.threads = threads
            self.memoryBudget = memoryBudget
            self.progress = progress
            self.onInvalidVector = onInvalidVector
        }

        /// Returns these options for a store that is quantized from `count` vectors on. For tests of small stores.
        func coded(from count: Int) -> BuildOptions {
            var options = self
            options.leastCodedCount = count
            return options
        }
    }
}
