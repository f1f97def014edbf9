import Allocation
import FileFormat
import HNSW
import MappedStorage
import Synchronization
public import SystemPackage
import Threading

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A set of labelled vectors that finds the nearest ones to a query: a directory on disk, mapped into memory, or the same in
/// memory alone.
///
/// Opening reads neither vectors nor links, so it takes as long as the upper layers of the graph are large (about 5 bytes a
/// vector) and what a crash left in the log, whatever the store's size; searching reads what it touches.
///
/// Threads: every method may be called from any thread. Searches take no lock: they neither wait for changes nor make them
/// wait. Changes are made one batch after the other, in the order of their calls.
///
/// Durability: a change that returned survives what ``OpenOptions/durability`` says; one that threw, or that a crash
/// interrupted, has happened as a whole or not at all.
public final class VectorStore: @unchecked Sendable {
    /// Where the store is; nil for one in memory.
    public let path: FilePath?
    /// Whether this handle may change the store.
    public let access: OpenOptions.Access
    let calls: SystemCalls
    /// The directory of a store on disk, wherever its path leads by now; nil once the store is closed.
    private(set) var directory: Directory?
    let labels: LabelTable
    /// nil for a handle that only reads, or is closed.
    private let writer: Guarded<StoreWriter?>
    private let readers: Readers
    private let isClosed = Atomic<Bool>(false)
    private let process = getpid()
    /// nil once the store is closed and nobody reads any more.
    private var contents: StoreContents?
    private var storeLock: StoreLock?
    let counts: PublishedCounts
    private let searchWidth: Atomic<Int>
    private let codeKind: Atomic<UInt8>
    private let plan: MemoryPlan
    /// What closing the store left.
    private let lastFailedCheckpoint = Guarded<FailedCheckpoint?>(nil)

    init(
        _ directory: Directory?, access: OpenOptions.Access, contents: StoreContents, labels: LabelTable,
        writer: StoreWriter?, counts: PublishedCounts, storeLock: StoreLock?, searchWidth: Int, codes: Codes,
        plan: MemoryPlan
    ) {
        path = directory?.path
        self.directory = directory
        self.access = access
        calls = directory?.calls ?? .system
        self.contents = contents
        self.labels = labels
        self.writer = Guarded(writer)
        self.counts = counts
        self.storeLock = storeLock
        self.searchWidth = Atomic(searchWidth)
        codeKind = Atomic(codes.stored)
        self.plan = plan
        readers = contents.graph.readers
    }

    /// Makes an empty store in memory: the same operations, nothing on disk.
    public convenience init(inMemory configuration: Configuration) throws(StoreError) {
        try configuration.validate()
        let superblock = configuration.superblock
        let geometry = superblock.geometry
        // Addresses cost nothing until they are used, but a process has only so many: the machine's memory is the most that
        // can be filled.
        let slots = min(Geometry.maximumSlots, MemoryBudget.machine / geometry.strides.reduce(0, +))
        let memory = try translating { () throws(StorageError) in
            try ColumnMemory(geometry: geometry, slots: slots, minimum: 1 << 16, path: "memory")
        }
        let contents = try StoreContents(superblock: superblock, memory: memory, segments: [], writesInPlace: false)
        let labels = LabelTable(graph: contents.graph, file: nil, isInMemory: true)
        let counts = PublishedCounts(StoreCounts())
        self.init(
            nil, access: .readWrite, contents: contents, labels: labels,
            writer: StoreWriter(
                contents, labels: labels, disk: nil, counts: counts, codeKind: configuration.codes,
                options: OpenOptions(access: .readWrite)),
            counts: counts, storeLock: nil, searchWidth: configuration.searchWidth, codes: configuration.codes,
            plan: .resident)
    }

    deinit { try? close() }

    /// Closes the store: what is in the log is brought into the files, so that the next opening has nothing to do; then maps,
    /// memory and lock are given back, once the searches that are there have ended. Further calls throw
    /// ``StoreError/Code-swift.struct/closed``; closing twice does no harm, and a store that is let go of closes itself.
    ///
    /// Throws when changes that were acknowledged with a durability other than `.full` may not be on the disk. The store is
    /// closed all the same.
    public func close() throws(StoreError) {
        guard isClosed.exchange(true, ordering: .sequentiallyConsistent) == false else { return }
        guard getpid() == process else { return leak() }
        var problem: StoreError?
        do {
            try writer.withLock { $0 }?.finish()
        } catch {
            problem = error
        }
        readers.waitForAll()
        let failed = failedCheckpoint
        lastFailedCheckpoint.withLock { $0 = failed }
        writer.withLock { $0 = nil }
        labels.release()
        contents = nil
        storeLock = nil
        directory = nil
        if let problem { throw problem }
    }

    /// In a child process: the threads that the store's parts would wait for, and that might hold their locks, are the
    /// parent's. The memory goes with the process.
    private func leak() {
        _ = unsafe Unmanaged.passRetained(writer)
        if let contents { _ = unsafe Unmanaged.passRetained(contents) }
        if let storeLock { _ = unsafe Unmanaged.passRetained(storeLock) }
    }

    /// Runs `body` on what is published when it begins; what it looks at stays until it ends. Beside everything else.
    func reading<Result>(
        _ body: (StoreContents, GraphView, SearchScratch) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        let place = try takingMemory(for: path, readers.enter())
        defer { readers.leave(place) }
        guard !isClosed.load(ordering: .sequentiallyConsistent), let contents else { throw closedError }
        return try body(contents, contents.graph.publishedView, readers.scratch(place))
    }

    /// The part of the store that changes it; throws for a handle that may not.
    func writing() throws(StoreError) -> StoreWriter {
        guard access == .readWrite else {
            throw StoreError(
                .readOnly,
                "the store was opened for reading; open it with access .readWrite: "
                    + "open(at: path, options: .init(access: .readWrite))",
                path: path)
        }
        guard let writer = writer.withLock({ $0 }) else { throw closedError }
        return writer
    }

    /// The same while changes wait, so that what the writer has is what is published.
    func readingQuiet<Result>(
        _ body: (StoreContents, GraphView) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        func read() throws(StoreError) -> Result {
            try reading { (contents, view, _) throws(StoreError) in try body(contents, view) }
        }
        guard access == .readWrite else { return try read() }
        return try writing().whenQuiet { () throws(StoreError) in try read() }
    }

    private var closedError: StoreError {
        StoreError(.closed, "the store was closed; open it again", path: path)
    }

    /// The number of vectors.
    public var count: Int {
        get throws(StoreError) {
            try reading { (_, _, _) in counts.load().live }
        }
    }

    /// ef: the width of searches that name none.
    var defaultWidth: Int { searchWidth.load(ordering: .relaxed) }

    /// What the store was made with, and its present search width.
    public var configuration: Configuration {
        get throws(StoreError) {
            try reading { (contents, _, _) in configuration(contents) }
        }
    }

    private func configuration(_ contents: StoreContents) -> Configuration {
        Configuration(contents.superblock, searchWidth: defaultWidth, codes: codes)
    }

    /// What codes the store is to have.
    var codes: Codes { Codes(stored: codeKind.load(ordering: .relaxed)) ?? .none }

    /// Gives the store other codes, or none; durable on return. Searches go on meanwhile. Codes are made when the store has
    /// 256 vectors, of which a sample is looked at; asking for the kind that it has makes them again. Where they would lose more
    /// than ``CodeReport/promise`` the store uses more precise ones, or none: ``StoreInfo/codes`` says so.
    ///
    /// O(vectors): it reads each once for each kind that it tries, searches for up to 4,096 of them, and others that change the
    /// store wait. Throws `invalidArgument` where there are no such
    /// codes (of custom distances; `sq8` of bytes), `readOnly` for a handle that is, and what writing throws; then the store has
    /// the codes of before.
    public func setCodes(_ codes: Codes) throws(StoreError) {
        try codes.check(configuration)
        try writing().setCodes(codes) { codeKind.store(codes.stored, ordering: .relaxed) }
    }

    /// Changes ef, the width of searches that name none, and keeps it in the store; durable on return. Throws `readOnly`
    /// for a handle that is.
    public func setSearchWidth(_ width: Int) throws(StoreError) {
        guard Configuration.widthRange.contains(width) else {
            throw StoreError(.invalidArgument, "ef is \(width); it must be \(Configuration.widthRange)")
        }
        try writing().setSearchWidth(width)
        searchWidth.store(width, ordering: .relaxed)
    }

    /// What the store is, how large it is and how it uses memory.
    public var info: StoreInfo {
        get throws(StoreError) {
            try reading { (contents, view, _) in
                let counts = counts.load()
                let files = directory.map { Self.fileBytes($0) } ?? (all: 0, log: 0)
                return StoreInfo(
                    count: counts.live, deleted: counts.marked, free: counts.free,
                    configuration: configuration(contents),
                    codeBytes: contents.graph.publishedCodeRowBytes * view.count, codes: contents.codeReport,
                    memoryPlan: plan,
                    fileBytes: files.all, logBytes: files.log,
                    failedCheckpoint: failedCheckpoint,
                    formatVersion: Int(Superblock.formatVersion),
                    identifier: contents.superblock.store.description, maximumLevel: view.maximumLevel,
                    heapBytes: heapBytes(contents))
            }
        }
    }

    /// Why the log is not brought into the files, or was not when the store was closed; nil where nothing hindered it.
    package var failedCheckpoint: FailedCheckpoint? {
        writer.withLock { $0?.failedCheckpoint.withLock { $0 } } ?? lastFailedCheckpoint.withLock { $0 }
    }

    private func heapBytes(_ contents: StoreContents) -> Int {
        let graph = contents.graph
        return (writer.withLock { $0?.heapBytes } ?? graph.byteCount) + graph.readers.byteCount + labels.byteCount
    }

    /// Bytes of all files, and of the logs among them.
    private static func fileBytes(_ directory: Directory) -> (all: Int, log: Int) {
        func bytes(_ directory: Directory) -> Int {
            ((try? directory.names()) ?? []).reduce(0) { sum, name in
                let status = try? directory[name].status()
                return sum + (status?.kind == .file ? status?.size ?? 0 : 0)
            }
        }
        let log = (try? Directory(directory[StoreName.log])).map { bytes($0) } ?? 0
        return (bytes(directory) + log, log)
    }
}
