import MappedStorage
public import SystemPackage

extension VectorStore {
    /// Returns whether a new store can be made at a path: nothing is there, or an empty directory.
    ///
    /// Use it before long work whose results go to a new store. What is at the path may change by the time a store is
    /// made there. Whether you may write there, whether there is room on the disk and whether another build is running
    /// is not looked at. A directory with nothing but the files of a build counts as empty, because the next build
    /// removes them if that one has ended. A directory that you may not read does not count as empty.
    ///
    /// - Parameter path: The directory of the store to be made.
    /// - Returns: True if ``create(at:configuration:options:)``, a build, a copy or an import would find room for its
    ///   name. False also if the parent directory is missing.
    public static func canCreate(at path: FilePath) -> Bool {
        guard (try? checkVacant(path)) != nil else { return false }
        return Directory.kind(of: path) == .directory
            || path.lastComponent?.kind == .regular && Directory.kind(of: path.parent) == .directory
    }

    /// Creates an empty store and opens it for writing.
    ///
    /// The empty store is durable when this returns. If creating succeeds and opening throws, the empty store exists.
    ///
    /// - Parameters:
    ///   - path: The directory of the new store. Nothing may exist there but an empty directory.
    ///   - configuration: The settings of the store.
    ///   - options: The durability of changes, the limits of log and memory, and the threads to use.
    /// - Returns: The store, open for writing.
    /// - Throws: ``StoreError``: `alreadyExists` if there is something at `path`; `notFound` if the parent directory is
    ///   missing; `invalidArgument` if a setting is out of range; `locked` if another process makes this store; `full`
    ///   or `io` if the system or the disk fails; and the errors of ``openForWriting(at:options:)``.
    public static func create(
        at path: FilePath, configuration: Configuration, options: OpenOptions = .init()
    ) throws(StoreError) -> VectorStore {
        try create(at: path, configuration: configuration, options: options, calls: .system)
    }

    static func create(
        at path: FilePath, configuration: Configuration, options: OpenOptions, calls: SystemCalls
    ) throws(StoreError) -> VectorStore {
        let nothing = unsafe RowSource(count: 0, file: nil) { (_, _) in }
        try build(
            at: path, configuration: configuration, nothing, labels: nil, options: .init(threads: 1), calls: calls)
        var options = options
        options.access = .readWrite
        return try open(at: path, options: options, calls: calls)
    }
}
