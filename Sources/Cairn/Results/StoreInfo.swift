/// Facts about a store.
public struct StoreInfo: Sendable, Hashable {
    /// Vectors that searches find.
    public let count: Int
    /// Vectors marked as deleted that can be brought back.
    public let deleted: Int
    /// Slots of erased and replaced vectors that new ones will get.
    public let free: Int
    /// What the store was made with, and its present search width.
    public let configuration: VectorStore.Configuration
    /// Memory of the codes that searches use; 0 while they use none, be it that the store has none, is small yet, or has lost
    /// them (opening it for writing makes them again).
    public let codeBytes: Int
    /// Which codes those are and what they lose, or why there are none; nil for a store that asks for none, is small yet, or has
    /// lost them.
    public let codes: CodeReport?
    /// How the store uses memory.
    public let memoryPlan: MemoryPlan
    /// Bytes of all files of the store; 0 for one in memory.
    public let fileBytes: Int
    /// Bytes of the log's files: changes since the last checkpoint, and room for more.
    public let logBytes: Int
    /// Why the log is not brought into the files, and since when; nil where nothing hinders it. Only the handle that writes knows.
    public let failedCheckpoint: FailedCheckpoint?
    /// The version of the file format.
    public let formatVersion: Int
    /// The store's UUID.
    public let identifier: String
    /// The highest level of the graph; -1 for an empty one.
    public let maximumLevel: Int
    /// Heap memory beside the mapped file: upper layers, state bytes, and the memory of searches.
    public let heapBytes: Int
}
