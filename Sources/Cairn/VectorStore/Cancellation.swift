import Synchronization

extension VectorStore {
    /// Stops calls that take long, from another thread.
    ///
    /// A call that is cancelled throws ``StoreError/Code-swift.struct/cancelled``, and has changed nothing: a batch is
    /// undone, a store that is being built is removed. Only of a repair the vectors that are linked by then stay linked.
    /// Building, adding, searching for many queries, verifying,
    /// repairing, quantizing, copying, importing and exporting can be cancelled.
    ///
    /// In a `Task` you need none: these calls also stop when their task is cancelled. You may use a cancellation from
    /// any thread.
    ///
    /// ```swift
    /// let cancellation = VectorStore.Cancellation()
    /// // in one thread
    /// let report = try cancellation.run { () throws(StoreError) in try store.verify() }
    /// // in another
    /// cancellation.cancel()
    /// ```
    public final class Cancellation: Sendable {
        private let flag = Atomic<Bool>(false)
        /// The one that it runs under.
        private let outer: Cancellation?

        /// The one that this thread runs under.
        @TaskLocal static var current: Cancellation?

        /// Creates a cancellation that has not happened.
        ///
        /// If it is created under another one, in ``run(_:)``, then that one's ``cancel()`` cancels this one, too.
        public init() { outer = Self.current }

        /// Whether ``cancel()`` was called, for this one or for one that it was created under.
        public var isCancelled: Bool { flag.load(ordering: .relaxed) || outer?.isCancelled == true }

        /// Stops the calls that run under this cancellation, and all that will.
        ///
        /// They return soon after, mostly within a second.
        public func cancel() { flag.store(true, ordering: .relaxed) }

        /// Runs a function. This cancellation stops the calls that the function makes on its thread.
        ///
        /// - Parameter body: The function to run.
        /// - Returns: What the function returns.
        /// - Throws: What the function throws.
        public func run<Result, Failure: Error>(
            _ body: () throws(Failure) -> Result
        ) throws(Failure) -> Result {
            let result = Self.$current.withValue(self) { Swift.Result { () throws(Failure) in try body() } }
            return try result.get()
        }
    }
}

/// Whether the call that made this, on the thread that made it, is to stop.
struct CancellationCheck: Sendable {
    private let cancellation = VectorStore.Cancellation.current

    /// From the thread of the call; other threads see only what does not come from the task.
    var isCancelled: Bool { cancellation?.isCancelled == true || Task.isCancelled }

    /// Throws if the call is to stop.
    func check() throws(StoreError) {
        if isCancelled { throw .cancelled }
    }
}

extension StoreError {
    static var cancelled: StoreError { StoreError(.cancelled, "the call was cancelled") }
}
