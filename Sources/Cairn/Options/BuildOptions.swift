extension VectorStore {
    /// How a store is built.
    public struct BuildOptions: Sendable {
        /// Threads that insert; nil for one for each processor that the process may use: its affinity and its control groups'
        /// CPU limits count. More than four for each are not started. The store's bytes do not depend on it, except for its
        /// random identifiers.
        public var threads: Int?
        /// Bytes of memory the build should get along with; nil for the control group's limit or else the machine's memory.
        /// When the finished store is larger, the kernel is asked to keep single rows of it in memory and not large pages. Less
        /// than a build takes beside the pages of its file, 16 MiB and some bytes a vector, is an error.
        public var memoryBudget: Int?
        /// Called now and then with the rows inserted so far and their total.
        public var progress: (@Sendable (_ done: Int, _ total: Int) -> Void)?
        /// Called with each vector that the store cannot hold, which is then left out; nil: the first one is an error. For this the
        /// vectors are read once more, before any is inserted. Those that are left keep the labels that they have among all.
        public var onInvalidVector: (@Sendable (InvalidVector) -> Void)?
        /// How many vectors a store has when it gets its codes.
        private(set) var leastCodedCount = Codes.leastCount

        /// All processors and no progress, and every vector must be valid, unless said otherwise.
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

        /// The same, but the store gets its codes when it has `count` vectors: for campaigns of small stores.
        package func coded(from count: Int) -> BuildOptions {
            var options = self
            options.leastCodedCount = count
            return options
        }
    }
}
