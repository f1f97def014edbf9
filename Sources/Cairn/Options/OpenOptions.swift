extension VectorStore {
    /// Options for opening a store. They hold for one handle, and the store does not keep them.
    public struct OpenOptions: Sendable, Hashable {
        /// Whether the store may be changed.
        enum Access: Sendable, Hashable {
            /// Any number of readers may have the store open at a time, as long as no writer has.
            case readOnly
            /// The only one to have the store open.
            case readWrite
        }

        /// The failures that acknowledged changes survive.
        ///
        /// A change is acknowledged when the call returns without an error.
        public enum Durability: Sendable, Hashable {
            /// Changes survive a process crash and a power cut. The log is on the disk when the call returns.
            case full
            /// Changes survive a process crash. A power cut may lose changes acknowledged within the last interval,
            /// which is at least a millisecond.
            ///
            /// If the machine is so busy that the store's own thread does not run, a power cut may lose more.
            case interval(Duration)
            /// Changes survive a process crash. A power cut may lose those that the system has not written yet.
            ///
            /// The system decides when it writes. A checkpoint, ``VectorStore/synchronize()`` and
            /// ``VectorStore/close()`` bring all changes to the disk. After a power cut the store has whole changes in
            /// order, without a gap.
            case none
        }

        /// The ways to open a store whose log is damaged in the middle, so that acknowledged changes after the damage
        /// are lost.
        public enum LogDamage: Sendable, Hashable {
            /// Opening throws `corrupt`.
            case fail
            /// The store opens as it was before the damage. A handle for writing makes that the store's state.
            case discardRest
        }

        /// Whether this handle may change the store.
        var access: Access
        /// The failures that acknowledged changes survive. The default is `full`.
        public var durability: Durability
        /// The length of the log, in bytes, at which a checkpoint is made. The default is 64 MiB.
        ///
        /// A longer log makes checkpoints rarer. It makes opening after a crash slower, by at most a second for each 64
        /// MiB.
        public var logBytes: Int
        /// The memory that changes since the last checkpoint may take, in bytes, before a checkpoint is made. The
        /// default is 64 MiB.
        ///
        /// A single batch may take more.
        public var overlayBytes: Int
        /// The way to open a store whose log is damaged. The default is to fail.
        public var logDamage: LogDamage
        /// The memory that the store may use, in bytes.
        ///
        /// With nil, the default, it is the limit of the control group, or else the machine's memory. The budget
        /// decides the memory plan (``VectorStore/Info/memoryPlan``).
        public var memoryBudget: Int?
        /// The number of threads for insertions that do not set their own, and for files that opening has to make
        /// again.
        ///
        /// With nil, the default, there is one thread for each processor that the process may use.
        public var threads: Int?
        /// The number of vectors from which the store is quantized.
        private(set) var leastCodedCount = Quantization.leastCount

        /// Creates options for opening a store. By default, changes survive a power cut, and the store may use all
        /// memory and processors that the process may use.
        ///
        /// - Parameters:
        ///   - durability: The failures that acknowledged changes survive.
        ///   - logBytes: The length of the log, in bytes, at which a checkpoint is made.
        ///   - overlayBytes: The memory that changes may take, in bytes, before a checkpoint is made.
        ///   - logDamage: The way to open a store whose log is damaged.
        ///   - memoryBudget: The memory that the store may use, in bytes; nil for the limit of the control group, or
        ///     else the machine's memory.
        ///   - threads: The number of threads for insertions, and for files that opening has to make again; nil for one
        ///     for each processor that the process may use.
        public init(
            durability: Durability = .full, logBytes: Int = 64 << 20,
            overlayBytes: Int = 64 << 20, logDamage: LogDamage = .fail, memoryBudget: Int? = nil, threads: Int? = nil
        ) {
            self.init(
                access: .readOnly, durability: durability, logBytes: logBytes, overlayBytes: overlayBytes,
                logDamage: logDamage, memoryBudget: memoryBudget, threads: threads)
        }

        /// With the access that ``VectorStore/open(at:options:)`` goes by.
        init(
            access: Access, durability: Durability = .full, logBytes: Int = 64 << 20,
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

        /// Returns these options for a store that is quantized from `count` vectors on. For tests of small stores.
        func coded(from count: Int) -> OpenOptions {
            var options = self
            options.leastCodedCount = count
            return options
        }
    }
}
