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

/// A set of labelled vectors that finds those nearest to a query. It is a directory on disk or lives in memory.
///
/// A store on disk is mapped into memory. Opening it reads the upper layers of the graph, about 5 bytes for each
/// vector, and not the vectors or the other links. It also reads the changes that a crash left in the log. A search
/// reads the parts of the store that it needs.
///
/// You may call every method from any thread. Searches take no lock: they do not wait for changes, and changes do not
/// wait for them. Changes are made one batch after the other, in the order of their calls.
///
/// A change that returned survives the failures that ``OpenOptions/durability`` names. A change that threw, or that a
/// crash interrupted, has happened as a whole or not at all.
public final class VectorStore: @unchecked Sendable {
    // Sendable because its variables change only in `close`, once and after every reader has left, and all else is
    // immutable, atomic or guards itself.

    /// The directory of the store; nil for a store in memory.
    public let path: FilePath?
    let access: OpenOptions.Access
    /// Whether this handle can change the store.
    public var isWritable: Bool { access == .readWrite }
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
    /// What reads rows that are not kept in memory.
    var rowReaders: [RowReader] { contents?.rowReaders ?? [] }
    private var storeLock: StoreLock?
    let counts: PublishedCounts
    private let searchWidth: Atomic<Int>
    private let codeKind: Atomic<UInt8>
    private let plan: MemoryPlan
    private var packing: ListPacking?
    /// What closing the store left.
    private let lastFailedCheckpoint = Guarded<FailedCheckpoint?>(nil)

    init(
        _ directory: Directory?, access: OpenOptions.Access, contents: StoreContents, labels: LabelTable,
        writer: StoreWriter?, counts: PublishedCounts, storeLock: StoreLock?, searchWidth: Int, codes: Quantization,
        plan: MemoryPlan, packing: ListPacking? = nil
    ) {
        self.packing = packing
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

    /// Creates an empty store in memory. It has the same operations, but writes nothing to disk.
    ///
    /// - Parameter configuration: The settings of the store.
    /// - Throws: ``StoreError``: `invalidArgument` if a setting is out of range; `missingDistance` if the metric is a
    ///   custom one that is not registered; `full` if there is no memory.
    public convenience init(inMemory configuration: Configuration) throws(StoreError) {
        try configuration.validate()
        let superblock = configuration.superblock
        let geometry = superblock.geometry
        // Addresses cost nothing until they are used, but a process has only so many: the machine's memory is the most
        // that can be filled.
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
                contents, labels: labels, disk: nil, counts: counts, codeKind: configuration.quantization,
                options: OpenOptions(access: .readWrite)),
            counts: counts, storeLock: nil, searchWidth: configuration.ef, codes: configuration.quantization,
            plan: .resident)
    }

    deinit { try? close() }

    /// Closes the store: makes a checkpoint, and gives back its memory, its files and its lock.
    ///
    /// After the checkpoint, the next opening has nothing to do. If there is no room for a checkpoint, the log is made
    /// durable instead, and the next opening reads it.
    ///
    /// The call waits for searches that are running. Later calls throw ``StoreError/Code-swift.struct/closed``. Closing
    /// a store twice has no effect. A store closes itself when its last reference goes away. You may call this from any
    /// thread.
    ///
    /// - Throws: ``StoreError``: `failed`, `io` or `full` if acknowledged changes, with a durability other than `full`,
    ///   may not be on the disk; `corrupt` if the store is damaged. The store is closed all the same.
    public func close() throws(StoreError) {
        guard isClosed.exchange(true, ordering: .sequentiallyConsistent) == false else { return }
        guard getpid() == process else { return leak() }
        var problem: StoreError?
        do {
            try writer.withLock { $0 }?.finish()
        } catch {
            problem = error
        }
        packing?.stop()
        readers.waitForAll()
        let failed = failedCheckpoint
        lastFailedCheckpoint.withLock { $0 = failed }
        writer.withLock { $0 = nil }
        labels.release()
        contents?.endReading()
        contents = nil
        packing = nil
        storeLock = nil
        directory = nil
        if let problem { throw problem }
    }

    /// In a child process: the threads that the store's parts would wait for, and that might hold their locks, are the
    /// parent's. The memory goes with the process.
    private func leak() {
        _ = unsafe Unmanaged.passRetained(writer)
        if let contents { _ = unsafe Unmanaged.passRetained(contents) }
        if let packing { _ = unsafe Unmanaged.passRetained(packing) }
        if let storeLock { _ = unsafe Unmanaged.passRetained(storeLock) }
    }

    /// Runs `body` on what is published when it begins; what it looks at stays until it ends. Nothing waits for it.
    func reading<Result>(
        _ body: (ReadSession) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        let place = try takingMemory(for: path, readers.enter())
        defer { readers.leave(place) }
        guard !isClosed.load(ordering: .sequentiallyConsistent), let contents else { throw closedError }
        return try body(
            ReadSession(
                contents: contents, view: contents.graph.publishedView, scratch: readers.scratch(place),
                labels: labels, counts: counts, defaultWidth: defaultWidth, path: path))
    }

    /// Whether the link lists of a store of that plan are in memory of this process.
    var hasPackedLists: Bool { packing?.isDone ?? false }

    /// The part of the store that changes it; throws for a handle that may not.
    func writing() throws(StoreError) -> StoreWriter {
        guard access == .readWrite else {
            throw StoreError(
                .readOnly,
                "the store was opened for reading",
                remedy: "open it with VectorStore.openForWriting(at:)",
                path: path)
        }
        guard let writer = writer.withLock({ $0 }) else { throw closedError }
        return writer
    }

    /// Runs `body` as `reading` does, while changes wait, so that what the writer has is what is published.
    func readingQuiet<Result>(
        _ body: (ReadSession) throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        guard access == .readWrite else { return try reading(body) }
        return try writing().whenQuiet { () throws(StoreError) in try reading(body) }
    }

    private var closedError: StoreError {
        StoreError(
            .closed, "the store was closed",
            remedy: "open it again", path: path)
    }

    /// The number of vectors that searches find.
    ///
    /// - Throws: ``StoreError``: `closed` after ``close()``.
    public var count: Int {
        get throws(StoreError) {
            try reading { (_) in counts.load().live }
        }
    }

    /// The position of the last batch that had one (``WriteBatch/position``), or 0.
    ///
    /// - Throws: ``StoreError`` `closed`.
    public var position: UInt64 {
        get throws(StoreError) {
            try reading { (_) in counts.load().position }
        }
    }

    /// The ef of searches that do not set their own.
    var defaultWidth: Int { searchWidth.load(ordering: .relaxed) }

    /// The settings of the store, with its present ef and quantization.
    ///
    /// - Throws: ``StoreError``: `closed` after ``close()``.
    public var configuration: Configuration {
        get throws(StoreError) {
            try reading { configuration($0.contents) }
        }
    }

    private func configuration(_ contents: StoreContents) -> Configuration {
        Configuration(contents.superblock, ef: defaultWidth, quantization: codes)
    }

    /// The quantization that the store asks for.
    var codes: Quantization { Quantization(stored: codeKind.load(ordering: .relaxed)) ?? .none }

    /// Changes the quantization of the store, or turns it off.
    ///
    /// Quantization begins when the store has 256 vectors. It is trained on a sample of them. Asking for the kind that
    /// the store has makes its quantized vectors again. If a kind would lose more than
    /// ``VectorStore/QuantizationReport/promise``, the store uses a more precise one, or none.
    /// ``VectorStore/Info/quantization`` says so.
    ///
    /// The change is durable when this returns. Searches go on meanwhile. Other changes wait. If this throws, the store
    /// keeps the quantization that it had. You may call this from any thread.
    ///
    /// - Parameter quantization: The quantization to use from now on.
    /// - Throws: ``StoreError``: `invalidArgument` if the vectors cannot have this quantization: custom distances have
    ///   none, and `u8` and `i8` stores have no `sq8`. `full`, `io`, `readOnly`, `closed`, `failed` or `forked` if the
    ///   store cannot be changed.
    ///   `cancelled` if the call was cancelled.
    /// - Complexity: O(vectors). It reads each vector once for each kind that it tries, and searches for up to 4,096 of
    ///   them.
    public func setQuantization(_ quantization: Quantization) throws(StoreError) {
        try quantization.check(configuration)
        try writing().setCodes(quantization) { codeKind.store(quantization.stored, ordering: .relaxed) }
    }

    /// Changes the store's ef, which searches use if they do not set their own.
    ///
    /// The change is durable when this returns. You may call this from any thread.
    ///
    /// - Parameter ef: The number of candidates that a search keeps, 1...1,000,000.
    /// - Throws: ``StoreError``: `invalidArgument` if ef is out of range; `full`, `io`, `readOnly`, `closed`, `failed`
    ///   or `forked` if the store cannot be changed.
    public func setEF(_ ef: Int) throws(StoreError) {
        guard Configuration.widthRange.contains(ef) else {
            throw StoreError(
                .invalidArgument, "ef is \(ef)",
                remedy: "it must be \(Configuration.widthRange)")
        }
        try writing().setSearchWidth(ef)
        searchWidth.store(ef, ordering: .relaxed)
    }

    /// Facts about the store: its size, its settings and its use of memory.
    ///
    /// - Throws: ``StoreError``: `closed` after ``close()``.
    public var info: Info {
        get throws(StoreError) {
            try reading { session in
                let contents = session.contents, view = session.view, counts = counts.load()
                let files = directory.map { Self.fileBytes($0) } ?? (all: 0, log: 0)
                return Info(
                    count: counts.live, deletedCount: counts.marked, freeSlotCount: counts.free,
                    configuration: configuration(contents),
                    quantizationBytes: contents.graph.publishedCodeRowBytes * view.count,
                    quantization: contents.codeReport, memoryPlan: plan,
                    fileBytes: files.all, logBytes: files.log,
                    failedCheckpoint: failedCheckpoint,
                    formatVersion: Int(Superblock.formatVersion), position: counts.position,
                    identifier: contents.superblock.store.description, maximumLevel: view.maximumLevel,
                    heapBytes: heapBytes(contents))
            }
        }
    }

    /// The reason why checkpoints fail, automatic ones too; nil if the last one did not.
    ///
    /// The changes are safe in the log. After ``close()`` it is why the last checkpoint failed. You may ask from any
    /// thread.
    public var failedCheckpoint: FailedCheckpoint? {
        writer.withLock { $0?.failedCheckpoint.withLock { $0 } } ?? lastFailedCheckpoint.withLock { $0 }
    }

    private func heapBytes(_ contents: StoreContents) -> Int {
        let graph = contents.graph
        return (writer.withLock { $0?.heapBytes } ?? graph.byteCount) + graph.readers.byteCount + labels.byteCount
            + contents.rowReaders.reduce(0) { $0 + $1.byteCount }
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
