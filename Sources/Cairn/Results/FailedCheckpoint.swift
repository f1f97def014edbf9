#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Why the log of a store is not brought into its files. The changes are in the log and safe; but the log grows with each further
/// one, and what erased and replaced vectors took is not used again.
///
/// A store tries again as it is changed, and ``VectorStore/checkpoint()`` tries at once.
public struct FailedCheckpoint: Sendable, Hashable {
    /// What went wrong the last time.
    public let error: StoreError
    /// When it first went wrong since a checkpoint last succeeded, in seconds since the beginning of 1970 (UTC).
    public let since: Int
    /// How often it went wrong since then.
    public let attempts: Int

    /// One more failure after `former`.
    init(_ error: StoreError, after former: FailedCheckpoint?) {
        self.error = error
        since = former?.since ?? time(nil)
        attempts = (former?.attempts ?? 0) + 1
    }
}
