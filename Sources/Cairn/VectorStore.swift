import FileFormat
import HNSW
import MappedStorage
public import SystemPackage

/// A set of labelled vectors that finds the nearest ones to a query: a directory on disk, mapped into memory, or the same in
/// memory alone.
///
/// Opening reads neither vectors nor links, so it takes as long as the upper layers of the graph are large (about 5 bytes a
/// vector), whatever the store's size; searching reads what it touches.
///
/// Threads: every method may be called from any thread. Searches run beside each other; ``add(_:labels:threads:)-(Span<Float>,_,_)`` and
/// ``setSearchWidth(_:)`` wait for them and make them wait.
public final class VectorStore: @unchecked Sendable {
    /// Where the store is; nil for one in memory.
    public let path: FilePath?
    /// Whether this handle may change the store.
    public let access: OpenOptions.Access
    let calls: SystemCalls
    let lock = ReadWriteLock()
    /// Guarded by `lock`, like all that follows; nil once the store is closed.
    private var contents: StoreContents?
    private var file: LevelZeroFile?
    private var fileLock: FileLock?
    private var header: HeaderSlot?
    private var searchWidth: Int
    /// A write failed: what is on the disk is not known until the store is opened again, so nothing more is written.
    private var isPoisoned = false
    private let plan: MemoryPlan
    /// The index from label to slot; its own lock, because a lookup may have to make it.
    let labels: Guarded<LabelSource>

    /// Where labels are looked up.
    enum LabelSource: Sendable {
        case heap(LabelIndex)
        case file(LabelIndexFile)
        case unknown
    }

    init(
        path: FilePath?, access: OpenOptions.Access, calls: SystemCalls, contents: StoreContents, file: LevelZeroFile?,
        fileLock: FileLock?, header: HeaderSlot?, searchWidth: Int, plan: MemoryPlan, labels: LabelSource
    ) {
        self.path = path
        self.access = access
        self.calls = calls
        self.contents = contents
        self.file = file
        self.fileLock = fileLock
        self.header = header
        self.searchWidth = searchWidth
        self.plan = plan
        self.labels = Guarded(labels)
    }

    /// Makes an empty store in memory: the same operations, nothing on disk.
    public convenience init(inMemory configuration: Configuration) throws(StoreError) {
        try configuration.validate()
        let superblock = configuration.superblock
        let geometry = superblock.geometry
        // Addresses cost nothing until they are used, but a process has only so many: the machine's memory is the most that
        // can be filled.
        let slots = min(Geometry.maximumSlots / 2, MemoryBudget.machine / geometry.strides.reduce(0, +))
        let memory = try translating { () throws(StorageError) in
            try ColumnMemory(geometry: geometry, slots: slots, minimum: 1 << 16, path: "memory")
        }
        let contents = try StoreContents(superblock: superblock, memory: memory, segments: [])
        self.init(
            path: nil, access: .readWrite, calls: .system, contents: contents, file: nil, fileLock: nil, header: nil,
            searchWidth: configuration.searchWidth, plan: .resident,
            labels: .heap(LabelIndex(columns: contents.columns)))
    }

    /// Closes the store: maps, memory and lock are given back. Further calls throw ``StoreError/Code-swift.struct/closed``; closing twice
    /// does no harm, and a store that is let go of closes itself.
    public func close() {
        try? lock.writing { () throws(StoreError) in
            contents = nil
            file = nil
            fileLock = nil
            labels.withLock { $0 = .unknown }
        }
    }

    /// Runs `body` beside other readers.
    func reading<Result>(
        _ body: (StoreContents, _ searchWidth: Int) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        try lock.reading { () throws(StoreError) in
            guard let contents else { throw closedError }
            return try body(contents, searchWidth)
        }
    }

    /// Runs `body` alone.
    func writing<Result>(_ body: (StoreContents) throws(StoreError) -> Result) throws(StoreError) -> Result {
        try lock.writing { () throws(StoreError) in
            guard let contents else { throw closedError }
            return try body(contents)
        }
    }

    private var closedError: StoreError {
        StoreError(.closed, "the store was closed; open it again", path: path)
    }

    /// The number of vectors.
    public var count: Int {
        get throws(StoreError) {
            try reading { (contents, _) in header?.liveCount ?? contents.graph.count }
        }
    }

    /// What the store was made with, and its present search width.
    public var configuration: Configuration {
        get throws(StoreError) {
            try reading { (contents, width) in Configuration(contents.superblock, searchWidth: width) }
        }
    }

    /// Changes ef, the width of searches that name none, and keeps it in the store; durable on return. Throws `readOnly`
    /// for a handle that is.
    public func setSearchWidth(_ width: Int) throws(StoreError) {
        guard Configuration.widthRange.contains(width) else {
            throw StoreError(.invalidArgument, "ef is \(width); it must be \(Configuration.widthRange)")
        }
        guard access == .readWrite else {
            throw StoreError(.readOnly, "the store was opened for reading; open it with access .readWrite", path: path)
        }
        try writing { (_) throws(StoreError) in
            if var next = header, let file {
                next.generation += 1
                next.searchWidth = width
                guard !isPoisoned else {
                    throw StoreError(
                        .io,
                        "an earlier write to the store failed, and what the disk holds is not known; open it again",
                        path: path)
                }
                do throws(StorageError) {
                    try file.write(next)
                } catch {
                    isPoisoned = true
                    throw StoreError(error)
                }
                header = next
            }
            searchWidth = width
        }
    }

    /// What the store is, how large it is and how it uses memory.
    public var info: StoreInfo {
        get throws(StoreError) {
            try reading { (contents, width) in
                let fileBytes = path.map { Self.fileBytes($0) } ?? 0
                return StoreInfo(
                    count: header?.liveCount ?? contents.graph.count, deleted: header?.markedCount ?? 0,
                    configuration: Configuration(contents.superblock, searchWidth: width), memoryPlan: plan,
                    fileBytes: fileBytes, logBytes: 0, formatVersion: Int(Superblock.formatVersion),
                    identifier: contents.superblock.store.description, maximumLevel: contents.graph.maximumLevel,
                    heapBytes: contents.heapBytes)
            }
        }
    }

    private static func fileBytes(_ path: FilePath) -> Int {
        let names = (try? Directory(path).names()) ?? []
        return names.reduce(0) { $0 + ((try? File(path.appending($1), .read).size()) ?? 0) }
    }
}

/// Facts about a store.
public struct StoreInfo: Sendable, Hashable {
    /// Vectors that searches find.
    public let count: Int
    /// Vectors marked as deleted that can be brought back.
    public let deleted: Int
    /// What the store was made with, and its present search width.
    public let configuration: VectorStore.Configuration
    /// How the store uses memory.
    public let memoryPlan: MemoryPlan
    /// Bytes of all files of the store; 0 for one in memory.
    public let fileBytes: Int
    /// Bytes of changes that wait in the log for the next checkpoint.
    public let logBytes: Int
    /// The version of the file format.
    public let formatVersion: Int
    /// The store's UUID.
    public let identifier: String
    /// The highest level of the graph; -1 for an empty one.
    public let maximumLevel: Int
    /// Heap memory beside the mapped file: upper layers, state bytes, and the memory of searches.
    public let heapBytes: Int
}
