package import MappedStorage
public import SystemPackage

extension VectorStore {
    /// Makes an empty store at `path`, durable when this returns, and opens it for writing (whatever `options` say of that).
    /// Throws `alreadyExists`, `invalidArgument`, and what opening throws; then the empty store is there.
    public static func create(
        at path: FilePath, _ configuration: Configuration, options: OpenOptions = .init(access: .readWrite)
    ) throws(StoreError) -> VectorStore {
        try create(at: path, configuration, options: options, calls: .system)
    }

    package static func create(
        at path: FilePath, _ configuration: Configuration, options: OpenOptions, calls: SystemCalls
    ) throws(StoreError) -> VectorStore {
        let nothing = unsafe RowSource(count: 0, path: nil) { (_, _) in }
        try build(at: path, configuration, nothing, labels: nil, options: .init(threads: 1), calls: calls)
        var options = options
        options.access = .readWrite
        return try open(at: path, options: options, calls: calls)
    }
}
