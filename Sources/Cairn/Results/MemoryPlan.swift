/// How a store uses memory: decided when it is opened, from the budget and the store's size.
public enum MemoryPlan: String, Sendable, Hashable {
    /// All of the store fits into memory: large pages for what is in the page cache already; the rest is read by the row.
    case resident
    /// It does not: the kernel is told to read single rows and not what stands beside them.
    case paged
}
