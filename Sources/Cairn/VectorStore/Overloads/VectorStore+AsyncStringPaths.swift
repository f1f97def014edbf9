import SystemPackage

/// The `async` forms of the methods that take a path, with a `String`. They are hidden in the documentation.
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
    /// - Throws: ``StoreError``: as with a `FilePath`.
    public static func build(
        at path: String, configuration: Configuration, vectors: [Float], labels: [Label]? = nil,
        options: BuildOptions = .init()
    ) async throws(StoreError) {
        try await build(
            at: FilePath(path), configuration: configuration, vectors: vectors, labels: labels, options: options)
    }

    /// Builds a new store from the vectors in a file, without blocking the task's thread.
    ///
    /// - Parameters:
    ///   - path: The directory of the new store. Nothing may exist there but an empty directory.
    ///   - configuration: The settings of the store.
    ///   - file: The file of vectors.
    ///   - labels: The labels of the vectors, each once; nil for 0, 1, 2, …
    ///   - options: The threads and memory to use, and functions to call.
    /// - Throws: ``StoreError``: as with a `FilePath`.
    public static func build(
        at path: String, configuration: Configuration, from file: String, labels: [Label]? = nil,
        options: BuildOptions = .init()
    ) async throws(StoreError) {
        try await build(
            at: FilePath(path), configuration: configuration, from: FilePath(file), labels: labels, options: options)
    }

    /// Checks a store, which is opened for reading, without blocking the task's thread.
    ///
    /// - Parameters:
    ///   - path: The directory of the store.
    ///   - depth: What to check.
    ///   - options: The memory and threads to use, and what to do about a damaged log.
    ///   - progress: A function that is called from time to time with how much is done and the total.
    /// - Returns: The problems and warnings.
    /// - Throws: ``StoreError``: as with a `FilePath`.
    public static func verify(
        at path: String, depth: VerifyReport.Depth = .graph, options: OpenOptions = .init(),
        progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
    ) async throws(StoreError) -> VerifyReport {
        try await verify(at: FilePath(path), depth: depth, options: options, progress: progress)
    }

    /// Repairs a store, without blocking the task's thread.
    ///
    /// - Parameters:
    ///   - path: The directory of the store.
    ///   - options: The memory and threads to use, and what to do about a damaged log.
    ///   - threads: The number of threads; nil for one for each processor that the process may use.
    ///   - progress: A function that is called from time to time with how much is done and the total.
    /// - Returns: What was found and what was done.
    /// - Throws: ``StoreError``: as with a `FilePath`.
    public static func repair(
        at path: String, options: OpenOptions = .init(), threads: Int? = nil,
        progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
    ) async throws(StoreError) -> RepairReport {
        try await repair(at: FilePath(path), options: options, threads: threads, progress: progress)
    }

    /// Copies a store, without blocking the task's thread.
    ///
    /// - Parameters:
    ///   - path: The directory of the store.
    ///   - copy: The directory of the copy. Nothing may exist there but an empty directory.
    ///   - metric: The metric of the copy; nil for that of the store.
    ///   - progress: A function that is called from time to time with how much is done and the total.
    /// - Throws: ``StoreError``: as with a `FilePath`.
    public static func copy(
        from path: String, to copy: String, metric: Metric? = nil,
        progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
    ) async throws(StoreError) {
        try await self.copy(from: FilePath(path), to: FilePath(copy), metric: metric, progress: progress)
    }

    /// Imports an index of hnswlib or Chroma as a new store, without blocking the task's thread.
    ///
    /// - Parameters:
    ///   - file: The index: a file, or a folder of Chroma's.
    ///   - path: The directory of the new store. Nothing may exist there but an empty directory.
    ///   - options: The settings that the file does not contain, and a function for progress.
    /// - Returns: Counts of the vectors, and warnings.
    /// - Throws: ``StoreError``: as with a `FilePath`.
    @discardableResult
    public static func importHnswlib(
        from file: String, to path: String, options: ImportOptions
    ) async throws(StoreError) -> ImportReport {
        try await importHnswlib(from: FilePath(file), to: FilePath(path), options: options)
    }

    /// Exports the store as an index file that hnswlib loads, without blocking the task's thread.
    ///
    /// - Parameters:
    ///   - file: The index file to write.
    ///   - options: The type of components, the room for vectors, and a function for progress.
    /// - Returns: The number of vectors and bytes, and whether the file is the imported one.
    /// - Throws: ``StoreError``: as with a `FilePath`.
    @discardableResult
    public func exportHnswlib(
        to file: String, options: ExportOptions = .init()
    ) async throws(StoreError) -> ExportReport {
        try await exportHnswlib(to: FilePath(file), options: options)
    }
}
