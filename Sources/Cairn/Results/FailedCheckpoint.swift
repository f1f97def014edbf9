#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

extension VectorStore {
    /// The reason why the last attempts to make a checkpoint failed.
    ///
    /// The changes are safe in the log. But the log grows with each further change, and the space of erased and
    /// replaced vectors is not used again.
    ///
    /// The store tries again as it is changed. ``VectorStore/checkpoint()`` tries at once.
    public struct FailedCheckpoint: Sendable, Hashable, Codable {
        /// The error of the last attempt.
        public let error: StoreError
        /// The time of the first failure since a checkpoint last succeeded, in seconds since the beginning of 1970
        /// (UTC).
        public let since: Int
        /// The number of failures since a checkpoint last succeeded.
        public let attempts: Int

        /// Notes one more failure after `former`.
        init(_ error: StoreError, after former: FailedCheckpoint?) {
            self.error = error
            since = former?.since ?? time(nil)
            attempts = (former?.attempts ?? 0) + 1
        }
    }
}
