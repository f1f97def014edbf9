import SystemPackage

/// What takes a `FilePath` takes a `String` as well: a literal is both, a variable is not. Hidden in the documentation, which
/// would have every page twice.
@_documentation(visibility: internal)
extension VectorStore {
    /// Opens the store at `path`. See ``open(at:options:)``.
    public static func open(at path: String, options: OpenOptions = .init()) throws(StoreError) -> VectorStore {
        try open(at: FilePath(path), options: options)
    }

    /// Opens the store at `path` for writing, or makes an empty one if there is none. See ``openOrCreate(at:_:options:)``.
    public static func openOrCreate(
        at path: String, _ configuration: Configuration, options: OpenOptions = .init(access: .readWrite)
    ) throws(StoreError) -> VectorStore {
        try openOrCreate(at: FilePath(path), configuration, options: options)
    }

    /// Makes an empty store at `path` and opens it for writing. See ``create(at:_:options:)``.
    public static func create(
        at path: String, _ configuration: Configuration, options: OpenOptions = .init(access: .readWrite)
    ) throws(StoreError) -> VectorStore {
        try create(at: FilePath(path), configuration, options: options)
    }

    /// Makes a new store at `path` of the vectors in `vectors`. See ``build(at:_:vectors:labels:options:)``.
    public static func build(
        at path: String, _ configuration: Configuration, vectors: [Float], labels: [Label]? = nil,
        options: BuildOptions = .init()
    ) throws(StoreError) {
        try build(at: FilePath(path), configuration, vectors: vectors, labels: labels, options: options)
    }

    /// Makes a new store at `path` of the vectors in a file. See ``build(at:_:from:labels:options:)``.
    public static func build(
        at path: String, _ configuration: Configuration, from file: String, labels: [Label]? = nil,
        options: BuildOptions = .init()
    ) throws(StoreError) {
        try build(at: FilePath(path), configuration, from: FilePath(file), labels: labels, options: options)
    }

    /// Checks the store at `path` to `depth`. See ``verify(at:depth:options:progress:)``.
    public static func verify(
        at path: String, depth: VerifyReport.Depth = .graph, options: OpenOptions = .init(),
        progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
    ) throws(StoreError) -> VerifyReport {
        try verify(at: FilePath(path), depth: depth, options: options, progress: progress)
    }

    /// Links what searches do not find in the store at `path`. See ``repair(at:options:threads:progress:)``.
    public static func repair(
        at path: String, options: OpenOptions = .init(), threads: Int? = nil,
        progress: ((_ done: Int, _ total: Int) -> Void)? = nil
    ) throws(StoreError) -> RepairReport {
        try repair(at: FilePath(path), options: options, threads: threads, progress: progress)
    }

    /// Makes a new store at `copy` of the one at `path`. See ``copy(from:to:metric:progress:)``.
    public static func copy(
        from path: String, to copy: String, metric: Metric? = nil,
        progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
    ) throws(StoreError) {
        try self.copy(from: FilePath(path), to: FilePath(copy), metric: metric, progress: progress)
    }

    /// Makes a new store at `path` of an index of hnswlib or Chroma. See ``importHnswlib(from:to:options:)``.
    @discardableResult
    public static func importHnswlib(
        from file: String, to path: String, options: ImportOptions
    ) throws(StoreError) -> ImportReport {
        try importHnswlib(from: FilePath(file), to: FilePath(path), options: options)
    }

    /// Writes the store as an index of hnswlib. See ``exportHnswlib(to:options:)``.
    @discardableResult
    public func exportHnswlib(
        to file: String, options: ExportOptions = .init()
    ) throws(StoreError) -> ExportReport {
        try exportHnswlib(to: FilePath(file), options: options)
    }
}
