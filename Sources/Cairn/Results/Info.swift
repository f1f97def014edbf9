extension VectorStore {
    /// Facts about a store: its size, its settings and its use of memory.
    public struct Info: Sendable, Hashable, Codable {
        /// The number of vectors that searches find.
        public let count: Int
        /// The number of vectors that are marked deleted and can be brought back.
        public let deletedCount: Int
        /// The number of slots of erased and replaced vectors, which new vectors will get.
        public let freeSlotCount: Int
        /// The settings of the store, with its present ef and quantization.
        public let configuration: VectorStore.Configuration
        /// The memory of the quantized vectors that searches use, in bytes; 0 if they use none.
        ///
        /// A store has no quantized vectors if it asks for none or has too few vectors yet. It may also have lost them.
        /// Then opening it for writing makes them again.
        public let quantizationBytes: Int
        /// The kind of quantization that searches use and the recall it loses, or the reason why they use none.
        ///
        /// It is nil if the store asks for no quantization, has too few vectors yet, or has lost the quantized vectors.
        public let quantization: QuantizationReport?
        /// The way the store uses memory.
        public let memoryPlan: MemoryPlan
        /// The length of all files of the store, in bytes; 0 for a store in memory.
        public let fileBytes: Int
        /// The length of the log's files, in bytes. They contain the changes since the last checkpoint, and room for
        /// more.
        public let logBytes: Int
        /// The reason why checkpoints fail, and since when; nil if they do not fail. Only the handle that writes knows.
        public let failedCheckpoint: FailedCheckpoint?
        /// The version of the file format.
        public let formatVersion: Int
        /// The position of the last batch that had one (``VectorStore/WriteBatch/position``), or 0.
        public let position: UInt64
        /// The store's UUID.
        public let identifier: String
        /// The highest level of the graph; -1 if the store is empty.
        public let maximumLevel: Int
        /// The heap memory of the store, in bytes, in addition to the mapped file.
        ///
        /// It includes the upper layers, the state of each slot, and the memory of searches.
        public let heapBytes: Int
    }
}
