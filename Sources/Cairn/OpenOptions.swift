extension VectorStore {
    /// How this process uses a store; nothing of it is kept in the store.
    public struct OpenOptions: Sendable, Hashable {
        /// Whether the store may be changed.
        public enum Access: Sendable, Hashable {
            /// Any number of readers may have the store open at a time, as long as no writer has.
            case readOnly
            /// The only one to have the store open.
            case readWrite
        }

        /// Whether this handle may change the store.
        public var access: Access
        /// Bytes of memory the store should get along with; nil for the control group's limit or else the machine's memory. It
        /// decides the memory plan (``StoreInfo/memoryPlan``).
        public var memoryBudget: Int?
        /// Threads for what opening may have to rebuild; nil for one per processor.
        public var threads: Int?

        /// Read-only, with the memory and processors there are, unless said otherwise.
        public init(access: Access = .readOnly, memoryBudget: Int? = nil, threads: Int? = nil) {
            self.access = access
            self.memoryBudget = memoryBudget
            self.threads = threads
        }
    }
}

/// How a store uses memory: decided when it is opened, from the budget and the store's size.
public enum MemoryPlan: String, Sendable, Hashable {
    /// All of the store fits into memory: large pages for what is in the page cache already; the rest is read by the row.
    case resident
    /// It does not: the kernel is told to read single rows and not what stands beside them.
    case paged
}
