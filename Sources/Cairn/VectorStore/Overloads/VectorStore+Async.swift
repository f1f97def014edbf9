public import SystemPackage
import Threading

/// The calls that take long, for use in a task. Each does what the one without `async` does, on a thread of its own, so
/// that no thread of the concurrency runtime is held up. If the task is cancelled, the call stops, has changed nothing
/// (a repair: keeps what it has linked), and throws `cancelled`. They are hidden in the documentation, which would have every page twice.
@_documentation(visibility: internal)
extension VectorStore {
    /// Builds a new store from vectors in an array, without blocking the task's thread.
    ///
    /// - Parameters:
    ///   - path: The directory of the new store. Nothing may exist there but an empty directory.
    ///   - configuration: The settings of the store.
    ///   - vectors: The components of the vectors, one vector after the other.
    ///   - labels: The labels of the vectors, each once; nil for 0, 1, 2, …
    ///   - options: The threads and memory to use, and functions to call.
    /// - Throws: ``StoreError``: the errors of ``build(at:configuration:vectors:labels:options:)``;
    ///   `cancelled` if the task is cancelled. There is nothing at `path` then.
    public static func build(
        at path: FilePath, configuration: Configuration, vectors: [Float], labels: [Label]? = nil,
        options: BuildOptions = .init()
    ) async throws(StoreError) {
        try await onThread { () throws(StoreError) in
            try build(at: path, configuration: configuration, vectors: vectors, labels: labels, options: options)
        }
    }

    /// Builds a new store from the vectors in a file, without blocking the task's thread.
    ///
    /// - Parameters:
    ///   - path: The directory of the new store. Nothing may exist there but an empty directory.
    ///   - configuration: The settings of the store. Its dimensions must be those of the file, or 0 to take those of
    ///     the file.
    ///   - file: The file of vectors.
    ///   - labels: The labels of the vectors, each once; nil for 0, 1, 2, …
    ///   - options: The threads and memory to use, and functions to call.
    /// - Throws: ``StoreError``: the errors of ``build(at:configuration:from:labels:options:)``;
    ///   `cancelled` if the task is cancelled. There is nothing at `path` then.
    public static func build(
        at path: FilePath, configuration: Configuration, from file: FilePath, labels: [Label]? = nil,
        options: BuildOptions = .init()
    ) async throws(StoreError) {
        try await onThread { () throws(StoreError) in
            try build(at: path, configuration: configuration, from: file, labels: labels, options: options)
        }
    }

    /// Adds vectors under new labels, without blocking the task's thread: all of them or, if this throws, none.
    ///
    /// - Parameters:
    ///   - vectors: The components of the vectors, one vector after the other.
    ///   - labels: The labels of the vectors. None may be in the store.
    ///   - threads: The number of threads that insert vectors; nil for that of ``OpenOptions/threads``.
    /// - Throws: ``StoreError``: the errors of ``add(_:labels:threads:)``; `cancelled` if the task is
    ///   cancelled.
    public func add(_ vectors: [Float], labels: [Label], threads: Int? = nil) async throws(StoreError) {
        try await Self.onThread { () throws(StoreError) in
            try self.add(vectors, labels: labels, threads: threads)
        }
    }

    /// Adds or replaces vectors, without blocking the task's thread: all of them or, if this throws, none.
    ///
    /// - Parameters:
    ///   - vectors: The components of the vectors, one vector after the other.
    ///   - labels: The labels of the vectors.
    ///   - threads: The number of threads that insert vectors; nil for that of ``OpenOptions/threads``.
    /// - Throws: ``StoreError``: the errors of ``upsert(_:labels:threads:)``; `cancelled` if the task is
    ///   cancelled.
    public func upsert(_ vectors: [Float], labels: [Label], threads: Int? = nil) async throws(StoreError) {
        try await Self.onThread { () throws(StoreError) in
            try self.upsert(vectors, labels: labels, threads: threads)
        }
    }

    /// Makes the changes of a batch, without blocking the task's thread: all of them or, if this throws, none.
    ///
    /// - Parameters:
    ///   - batch: The changes, which are made in their order.
    ///   - threads: The number of threads that insert vectors; nil for that of ``OpenOptions/threads``.
    /// - Throws: ``StoreError``: the errors of ``write(_:threads:)``; `cancelled` if the task is cancelled.
    public func write(_ batch: WriteBatch, threads: Int? = nil) async throws(StoreError) {
        try await Self.onThread { () throws(StoreError) in try self.write(batch, threads: threads) }
    }

    /// Returns the k nearest vectors to each of several queries, without blocking the task's thread.
    ///
    /// - Parameters:
    ///   - queries: The components of the queries, one query after the other.
    ///   - k: The number of vectors to return for each query, 0 or more.
    ///   - options: The ef, the filter, and whether the searches are exact.
    ///   - threads: The number of threads to search with; nil for one for each processor that the process may use.
    /// - Returns: The results of each query, in the order of the queries, each nearest first.
    /// - Throws: ``StoreError``: the errors of ``search(batch:k:options:threads:)``; `cancelled` if the
    ///   task is cancelled.
    public func search(
        batch queries: [Float], k: Int, options: SearchOptions = .init(), threads: Int? = nil
    ) async throws(StoreError) -> [[Neighbor]] {
        try await Self.onThread { () throws(StoreError) in
            try self.search(batch: queries, k: k, options: options, threads: threads)
        }
    }

    /// Adds vectors, which may take the slots of vectors that are marked deleted, without blocking the task's thread.
    ///
    /// - Parameters:
    ///   - vectors: The components of the vectors, one vector after the other.
    ///   - labels: The labels of the vectors. None may be in the store.
    ///   - replacingDeleted: Whether new vectors take the slots of vectors that are marked deleted.
    ///   - threads: The number of threads that insert vectors; nil for that of ``OpenOptions/threads``.
    /// - Throws: ``StoreError``: the errors of ``add(_:labels:replacingDeleted:threads:)``; `cancelled` if the task is
    ///   cancelled.
    public func add(
        _ vectors: [Float], labels: [Label], replacingDeleted: Bool, threads: Int? = nil
    ) async throws(StoreError) {
        try await Self.onThread { () throws(StoreError) in
            try self.add(vectors, labels: labels, replacingDeleted: replacingDeleted, threads: threads)
        }
    }

    /// Replaces the vectors of labels that are in the store, without blocking the task's thread.
    ///
    /// - Parameters:
    ///   - vectors: The components of the new vectors, one vector after the other.
    ///   - labels: The labels of the vectors.
    ///   - threads: The number of threads that insert vectors; nil for that of ``OpenOptions/threads``.
    /// - Throws: ``StoreError``: the errors of ``update(_:labels:threads:)``; `cancelled` if the task is cancelled.
    public func update(_ vectors: [Float], labels: [Label], threads: Int? = nil) async throws(StoreError) {
        try await Self.onThread { () throws(StoreError) in
            try self.update(vectors, labels: labels, threads: threads)
        }
    }

    /// Returns the vectors within a radius of each of several queries, without blocking the task's thread.
    ///
    /// - Parameters:
    ///   - queries: The components of the queries, one query after the other.
    ///   - radius: The largest distance of a vector to return.
    ///   - options: The limit, the ef, the filter, and whether the searches are exact.
    ///   - threads: The number of threads to search with; nil for one for each processor that the process may use.
    /// - Returns: The vectors of each query, in the order of the queries, each nearest first.
    /// - Throws: ``StoreError``: the errors of ``search(batch:within:options:threads:)``; `cancelled` if the task is
    ///   cancelled.
    public func search(
        batch queries: [Float], within radius: Float, options: RadiusOptions = .init(), threads: Int? = nil
    ) async throws(StoreError) -> [RadiusResult] {
        try await Self.onThread { () throws(StoreError) in
            try self.search(batch: queries, within: radius, options: options, threads: threads)
        }
    }

    /// Returns the k nearest documents to each of several queries, without blocking the task's thread.
    ///
    /// - Parameters:
    ///   - queries: The components of the queries, one query after the other.
    ///   - k: The number of documents to return for each query, 0 or more.
    ///   - grouping: The document of each label.
    ///   - options: The ef, the number of vectors for each document, the filter, and whether the searches are exact.
    ///   - threads: The number of threads to search with; nil for one for each processor that the process may use.
    /// - Returns: The documents of each query, in the order of the queries, each nearest first.
    /// - Throws: ``StoreError``: the errors of ``searchDocuments(batch:k:by:options:threads:)``; `cancelled` if the task
    ///   is cancelled.
    public func searchDocuments(
        batch queries: [Float], k: Int, by grouping: DocumentGrouping, options: DocumentOptions = .init(),
        threads: Int? = nil
    ) async throws(StoreError) -> [[FoundDocument]] {
        try await Self.onThread { () throws(StoreError) in
            try self.searchDocuments(batch: queries, k: k, by: grouping, options: options, threads: threads)
        }
    }

    /// Checks a store, which is opened for reading, without blocking the task's thread.
    ///
    /// - Parameters:
    ///   - path: The directory of the store.
    ///   - depth: What to check.
    ///   - options: The memory and threads to use, and what to do about a damaged log.
    ///   - progress: A function that is called from time to time with the number of steps done and the total.
    /// - Returns: The problems and warnings.
    /// - Throws: ``StoreError``: the errors of ``verify(at:depth:options:progress:)``; `cancelled` if the task is
    ///   cancelled.
    public static func verify(
        at path: FilePath, depth: VerifyReport.Depth = .graph, options: OpenOptions = .init(),
        progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
    ) async throws(StoreError) -> VerifyReport {
        try await onThread { () throws(StoreError) in
            try verify(at: path, depth: depth, options: options, progress: progress)
        }
    }

    /// Checks this store, without blocking the task's thread.
    ///
    /// - Parameters:
    ///   - depth: What to check.
    ///   - progress: A function that is called from time to time with the number of steps done and the total.
    /// - Returns: The problems and warnings.
    /// - Throws: ``StoreError``: the errors of ``verify(depth:progress:)``; `cancelled` if the task is cancelled.
    public func verify(
        depth: VerifyReport.Depth = .graph, progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
    ) async throws(StoreError) -> VerifyReport {
        try await Self.onThread { () throws(StoreError) in try self.verify(depth: depth, progress: progress) }
    }

    /// Repairs a store, without blocking the task's thread.
    ///
    /// - Parameters:
    ///   - path: The directory of the store, which nobody may have open.
    ///   - options: The memory and threads to use, and what to do about a damaged log.
    ///   - threads: The number of threads; nil for one for each processor that the process may use.
    ///   - progress: A function that is called from time to time with the number of vectors searched for and the total.
    /// - Returns: What was found and what was done.
    /// - Throws: ``StoreError``: the errors of ``repair(at:options:threads:progress:)``; `cancelled`
    ///   if the task is cancelled. What was linked by then stays.
    public static func repair(
        at path: FilePath, options: OpenOptions = .init(), threads: Int? = nil,
        progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
    ) async throws(StoreError) -> RepairReport {
        try await onThread { () throws(StoreError) in
            try repair(at: path, options: options, threads: threads, progress: progress)
        }
    }

    /// Changes the quantization of the store, or turns it off, without blocking the task's thread.
    ///
    /// - Parameter quantization: The quantization to use.
    /// - Throws: ``StoreError``: the errors of ``setQuantization(_:)``; `cancelled` if the task is cancelled.
    public func setQuantization(_ quantization: Quantization) async throws(StoreError) {
        try await Self.onThread { () throws(StoreError) in try self.setQuantization(quantization) }
    }

    /// Makes a checkpoint, without blocking the task's thread. It cannot be cancelled.
    ///
    /// - Throws: ``StoreError``: the errors of ``checkpoint()``.
    public func checkpoint() async throws(StoreError) {
        try await Self.onThread { () throws(StoreError) in try self.checkpoint() }
    }

    /// Copies a store, without blocking the task's thread.
    ///
    /// - Parameters:
    ///   - path: The directory of the store.
    ///   - copy: The directory of the copy. Nothing may exist there but an empty directory.
    ///   - metric: The metric of the copy; nil for that of the store.
    ///   - progress: A function that is called from time to time with the number of vectors copied and the total.
    /// - Throws: ``StoreError``: the errors of ``copy(from:to:metric:progress:)``; `cancelled` if the
    ///   task is cancelled. There is nothing at `copy` then.
    public static func copy(
        from path: FilePath, to copy: FilePath, metric: Metric? = nil,
        progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
    ) async throws(StoreError) {
        try await onThread { () throws(StoreError) in
            try self.copy(from: path, to: copy, metric: metric, progress: progress)
        }
    }

    /// Imports an index of hnswlib or Chroma as a new store, without blocking the task's thread.
    ///
    /// - Parameters:
    ///   - file: The index: a file, or a folder of Chroma's.
    ///   - path: The directory of the new store. Nothing may exist there but an empty directory.
    ///   - options: The settings that the file does not contain, and a function for progress.
    /// - Returns: Counts of the vectors, and warnings.
    /// - Throws: ``StoreError``: the errors of ``importHnswlib(from:to:options:)``; `cancelled` if the
    ///   task is cancelled. There is nothing at `path` then.
    @discardableResult
    public static func importHnswlib(
        from file: FilePath, to path: FilePath, options: ImportOptions
    ) async throws(StoreError) -> ImportReport {
        try await onThread { () throws(StoreError) in try importHnswlib(from: file, to: path, options: options) }
    }

    /// Exports the store as an index file that hnswlib loads, without blocking the task's thread.
    ///
    /// - Parameters:
    ///   - file: The index file to write.
    ///   - options: The type of components, the room for vectors, and a function for progress.
    /// - Returns: The number of vectors and bytes, and whether the file is the imported one.
    /// - Throws: ``StoreError``: the errors of ``exportHnswlib(to:options:)``; `cancelled` if the task is
    ///   cancelled. A file that exists stays as it is then.
    @discardableResult
    public func exportHnswlib(
        to file: FilePath, options: ExportOptions = .init()
    ) async throws(StoreError) -> ExportReport {
        try await Self.onThread { () throws(StoreError) in try self.exportHnswlib(to: file, options: options) }
    }

    /// Runs `body` on a thread of its own; cancelling the task cancels the calls that it makes.
    private static func onThread<Result: Sendable>(
        _ body: @escaping @Sendable () throws(StoreError) -> Result
    ) async throws(StoreError) -> Result {
        let cancellation = Cancellation()
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation {
                (continuation: CheckedContinuation<Swift.Result<Result, StoreError>, Never>) in
                let thread = Thread {
                    continuation.resume(
                        returning: cancellation.run { Swift.Result { () throws(StoreError) in try body() } })
                }
                if let thread { return thread.detach() }
                continuation.resume(
                    returning: .failure(
                        StoreError(
                            .full, "no thread could be started", remedy: "allow the process more threads or memory")))
            }
        } onCancel: {
            cancellation.cancel()
        }
        return try outcome.get()
    }
}
