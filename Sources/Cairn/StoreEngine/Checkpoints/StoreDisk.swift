import FileFormat
import HNSW
import MappedStorage
import SystemPackage
import WriteAheadLog

/// The files of a store that is open for writing, and up to which frame and batch they go. Whoever changes it is alone.
final class StoreDisk: @unchecked Sendable {
    // Sendable because its variables are touched only by the thread that opens the store and then under the lock of
    // `StoreWriter`.

    let directory: Directory
    let file: LevelZeroFile
    private let storeLock: StoreLock
    /// Where the logs are; nil until it is needed.
    private var logDirectory: Directory?
    private(set) var header: HeaderSlot
    /// The log that changes go to; nil until the first one.
    private(set) var log: LogWriter?
    /// nil when there is no sound one.
    var upperFile: UpperFile?
    /// The last frame that the state in memory has, if it was read from a log that is not open.
    private let replayedFrame: FrameNumber
    private let isResident: Bool
    /// Whether the header was written by this handle; then the journal is its own too.
    private var isHeaderDurable: Bool
    /// A log that nobody needs any more, whose blocks the next one gets.
    private var recyclable: LogNumber?

    /// How much room a new log gets at once; it grows by more.
    private static let logCapacity = 64 << 10

    init(
        _ directory: Directory, _ storeLock: StoreLock, _ file: LevelZeroFile, _ header: HeaderSlot,
        upperFile: UpperFile?, replayedFrame: FrameNumber, isResident: Bool, isHeaderDurable: Bool
    ) {
        self.isHeaderDurable = isHeaderDurable
        self.directory = directory
        self.storeLock = storeLock
        self.file = file
        self.header = header
        self.upperFile = upperFile
        self.replayedFrame = replayedFrame
        self.isResident = isResident
    }

    /// For messages.
    var path: FilePath { directory.path }
    var logBytes: Int { log?.byteCount ?? 0 }
    var lastFrame: FrameNumber { log?.lastFrame ?? replayedFrame }
    /// The header does not have the entry point of the upper layers that were made again.
    var hasOtherEntryPoint = false
    /// Whether there is anything that only the log has, or this handle.
    var hasChanges: Bool { lastFrame > header.lastFrame || hasOtherEntryPoint }

    /// Makes a log for the changes to come, if there is none yet: durable, and then named by the header.
    func startLog() throws(CheckpointFailure) {
        guard log == nil else { return }
        try unrepeatable { () throws(StorageError) in try checkIsInPlace() }
        let next = try retryable { () throws(StorageError) in try makeLog(firstFrame: header.lastFrame.next) }
        var named = header.goingOn(with: next)
        named.generation = named.generation.next
        let durable = named
        let written = try unrepeatable { () throws(StorageError) in
            try LevelZeroFile.writeBoth(durable, to: file.file)
        }
        goOn(with: next, written)
    }

    /// Throws if the store was removed, or one of its files removed or replaced, while it was open: another program may
    /// have what is there now. Then nothing more is written, and nothing that somebody else made is touched.
    func checkIsInPlace() throws(StorageError) {
        do throws(StorageError) {
            try storeLock.checkIsInPlace()
            try directory[StoreName.levelZero].checkLeads(to: file.file.descriptor)
            if let logDirectory { try directory[StoreName.log].checkLeads(to: logDirectory.descriptor) }
            try log?.checkIsInPlace()
        } catch {
            guard directory.isRemoved else { throw error }
            throw StorageError(
                path, "go on: the store was removed while it was open, and with it what the log had",
                .noSuchFileOrDirectory)
        }
    }

    /// The directory of the logs, which is made when there is none.
    private func openLogDirectory() throws(StorageError) -> Directory {
        if let logDirectory { return logDirectory }
        let found = try foundLogDirectory()
        let logs = if let found { found } else { try makeLogDirectory() }
        logDirectory = logs
        return logs
    }

    private func makeLogDirectory() throws(StorageError) -> Directory {
        let entry = directory[StoreName.log], logs = try entry.makeDirectory()
        do {
            try directory.synchronize()
        } catch {
            // Who finds it would take it for durable.
            try? entry.removeDirectory()
            throw error
        }
        return logs
    }

    private func foundLogDirectory() throws(StorageError) -> Directory? {
        let entry = directory[StoreName.log]
        guard try entry.status() != nil else { return nil }
        let logs = try Directory(entry)
        do {
            try logs.checkAllowsWriting()
        } catch {
            // An empty one that root made and did not give to the owner before it died.
            guard (try? entry.removeDirectory()) != nil else { throw error }
            return nil
        }
        return logs
    }

    /// The log after the present one. It becomes the store's when a header names it.
    func makeLog(firstFrame: FrameNumber) throws(StorageError) -> LogWriter {
        if log == nil {
            try makeHeaderDurable()
            try removeForeignLogs()
        }
        defer { recyclable = nil }
        let sequence = (log?.sequence ?? header.logSequence).next
        let next = LogFileHeader(
            store: file.superblock.store, layout: file.superblock.layout, sequence: sequence, firstFrame: firstFrame,
            salt: .random())
        return try LogWriter.create(
            next, in: openLogDirectory(), capacity: Self.logCapacity, recycling: recyclable)
    }

    /// Removes a log that no header names, because the checkpoint that was to go on with it was not made.
    func discard(_ log: LogWriter) { try? log.entry.unlink() }

    /// The header that was read when the store was opened may be in the cache alone, if whoever wrote it died before
    /// its sync, or the sync failed. Until it is on the disk, a power cut would leave the one before it, with the log
    /// that that one names. Writing it again could tear it where it is on the disk, so a journal that says no more than
    /// the header comes first.
    func makeHeaderDurable() throws(StorageError) {
        guard !isHeaderDurable else { return }
        try JournalWriter.replace(in: directory, header) { (_) throws(StorageError) in }
        // Under the next generation, that is into the other slot first: this one may be the only header that there is.
        var next = header
        next.generation = next.generation.next
        header = try LevelZeroFile.writeBoth(next, to: file.file)
        isHeaderDurable = true
    }

    /// Removes logs that the header does not name: of a checkpoint that was not finished, or older.
    private func removeForeignLogs() throws(StorageError) {
        let logs = try openLogDirectory()
        for sequence in try LogDirectory.sequences(in: logs) where sequence != header.logSequence {
            try logs[LogDirectory.name(of: sequence)].unlink()
        }
    }

    /// Goes over to the state of a header that is durable, and to its log.
    func goOn(with next: LogWriter, _ header: HeaderSlot) {
        if self.header.logSequence > 0 { recyclable = self.header.logSequence }
        self.header = header
        isHeaderDurable = true
        log = next
    }

    /// Writes a batch to the log. Returns the number of its last frame.
    func append(
        _ batch: LogBatch, _ graph: Graph, _ counts: StoreCounts, sequence: BatchNumber
    ) throws(StorageError) -> FrameNumber {
        guard let log else { preconditionFailure("no log was started") }
        let isEmpty = counts.live + counts.marked == 0
        let commit = LogCommit(
            batch: sequence, durableFrame: max(header.lastFrame, log.durableFrame),
            entryPoint: isEmpty ? HeaderSlot.noEntryPoint : graph.entryPoint,
            maximumLevel: isEmpty ? -1 : graph.maximumLevel, searchWidth: header.searchWidth, slotCount: graph.count,
            liveCount: counts.live, markedCount: counts.marked, freeCount: counts.free, levelState: graph.levels.state,
            position: counts.position)
        return try log.append(batch, commit: commit)
    }

    /// Adds a segment to the file, for slots that no durable state knows yet.
    func append(_ segment: Geometry.Segment, _ contents: StoreContents) throws(StorageError) {
        try file.append(segment, isResident: isResident, .none)
    }

    /// Writes a header that differs from the present one in the search width alone.
    func setSearchWidth(_ width: Int) throws(StorageError) {
        try checkIsInPlace()
        try makeHeaderDurable()
        var next = header
        next.generation = next.generation.next
        next.searchWidth = width
        header = try LevelZeroFile.writeBoth(next, to: file.file)
    }

    /// Writes a header that differs from the present one in the codes alone.
    func setCodes(_ kind: VectorStore.Quantization) throws(StorageError) {
        try checkIsInPlace()
        try makeHeaderDurable()
        var next = header
        next.generation = next.generation.next
        next.codes = kind.stored
        header = try LevelZeroFile.writeBoth(next, to: file.file)
    }

    /// Where codes are made.
    var codePlace: CodeMaking.Place { CodeMaking.Place(directory: directory, header: header) }

    /// Gives back what a closed store does not need: a log that nobody goes on from, a journal that has been carried
    /// out, and the room of a log without changes. Where that fails it stays.
    func shrink() {
        removeOldLog()
        if let log, !hasChanges, log.allocatedBytes > 1 << 20 {
            self.log = nil
            try? startLog()
            removeOldLog()
        }
        if isHeaderDurable { try? directory[StoreName.journal].unlink() }
    }

    private func removeOldLog() {
        if let recyclable { try? logDirectory?[LogDirectory.name(of: recyclable)].unlink() }
        recyclable = nil
    }
}

extension HeaderSlot {
    /// Labels in the store: those of live and marked slots.
    var labelCount: Int { liveCount + markedCount }

    /// The header of this state with another log for what comes after it.
    func goingOn(with log: LogWriter) -> HeaderSlot {
        var header = self
        header.logSequence = log.sequence
        header.logSalt = log.salt
        return header
    }
}

/// Why a checkpoint was not made. A final one leaves the disk in a state that is not known, from which opening
/// recovers.
struct CheckpointFailure: Error {
    let error: StoreError
    let isFinal: Bool
}

/// Runs a step that leaves the store as it was when it fails for want of space, memory or open files; after any other
/// failure nothing more is written.
func retryable<Result>(_ body: () throws(StorageError) -> Result) throws(CheckpointFailure) -> Result {
    do {
        return try body()
    } catch {
        throw CheckpointFailure(error: StoreError(error), isFinal: !error.isShortage)
    }
}

/// Runs a step after whose failure nothing more is written.
func unrepeatable<Result>(_ body: () throws(StorageError) -> Result) throws(CheckpointFailure) -> Result {
    do {
        return try body()
    } catch {
        throw CheckpointFailure(error: StoreError(error), isFinal: true)
    }
}

extension JournalWriter {
    /// Puts a journal in the place of the one in a store's directory, as a whole and durable: what that one says may
    /// still be needed until then.
    static func replace(
        in directory: Directory, _ header: HeaderSlot, _ fill: (JournalWriter) throws(StorageError) -> Void
    ) throws(StorageError) {
        let new = directory[StoreName.newJournal]
        _ = new.makeWay()
        try? new.unlink()
        let writer = try JournalWriter(new)
        try fill(writer)
        try writer.finish(header)
        try new.rename(to: StoreName.journal, "replace the journal")
        try directory.synchronize()
    }
}
