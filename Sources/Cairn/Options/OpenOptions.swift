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

        /// What a change that has returned without an error survives.
        public enum Durability: Sendable, Hashable {
            /// Everything, power cuts included: the log is on the disk when the call returns.
            case full
            /// A crash of the process. Of a power cut it survives what was acknowledged at least this many milliseconds
            /// before.
            case interval(milliseconds: Int)
            /// A crash of the process. When it reaches the disk is left to the system, until a checkpoint, `synchronize` or
            /// `close`. What a power cut leaves is still a prefix of the changes, whole.
            case none
        }

        /// What to do about a log that is damaged in the middle, so that acknowledged changes after that place are lost.
        public enum LogDamage: Sendable, Hashable {
            /// Throw `corrupt`.
            case fail
            /// Open the store as it was before the damage; a writer makes that its state.
            case discardRest
        }

        /// Whether this handle may change the store.
        public var access: Access
        /// What changes survive once they are acknowledged.
        public var durability: Durability
        /// A checkpoint is made when the log has this many bytes. A longer log makes checkpoints rarer and opening after a
        /// crash slower: a second for each 64 MiB at the most.
        public var logBytes: Int
        /// A checkpoint is made when the changes since the last one take this many bytes of memory. A single batch may go
        /// beyond it.
        public var overlayBytes: Int
        /// What to do about a damaged log.
        public var logDamage: LogDamage
        /// Bytes of memory the store should get along with; nil for the control group's limit or else the machine's memory. It
        /// decides the memory plan (``StoreInfo/memoryPlan``).
        public var memoryBudget: Int?
        /// Threads for what opening may have to rebuild, and for insertions that name no number; nil for one for each processor
        /// that the process may use.
        public var threads: Int?
        /// How many vectors a store has when it gets its codes.
        private(set) var leastCodedCount = Codes.leastCount

        /// Read-only, durable, with the memory and processors there are, unless said otherwise.
        public init(
            access: Access = .readOnly, durability: Durability = .full, logBytes: Int = 64 << 20,
            overlayBytes: Int = 64 << 20, logDamage: LogDamage = .fail, memoryBudget: Int? = nil, threads: Int? = nil
        ) {
            self.access = access
            self.durability = durability
            self.logBytes = logBytes
            self.overlayBytes = overlayBytes
            self.logDamage = logDamage
            self.memoryBudget = memoryBudget
            self.threads = threads
        }

        /// The same, but the store gets its codes when it has `count` vectors: for campaigns of small stores.
        package func coded(from count: Int) -> OpenOptions {
            var options = self
            options.leastCodedCount = count
            return options
        }
    }
}
