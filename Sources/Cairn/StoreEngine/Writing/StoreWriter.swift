import Allocation
import FileFormat
import HNSW
import MappedStorage
import Synchronization
import SystemPackage
import Threading
import WriteAheadLog

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Changes an open store. Batches are computed one after the other, by whoever holds `computing`; while one waits for
/// the disk the next is computed, on what the one before will have left. Searches see a batch when it is acknowledged.
///
/// A batch that fails before it is in the log is undone. After a write or a sync that failed nobody knows what the
/// disk holds, so nothing more is written: the store goes on searching, and recovers when it is opened again.
@safe
final class StoreWriter: @unchecked Sendable {
    // Sendable because variables are touched only under `computing`, but for `flusher`, which only init sets; all else
    // is immutable, atomic or guards itself.

    let contents: StoreContents
    let labels: LabelTable
    let queue: CommitQueue
    /// nil for a store in memory.
    let disk: StoreDisk?
    let options: VectorStore.OpenOptions
    let process = getpid()
    private let computing = Guarded<Void>(())

    // Guarded by `computing`, all of it.
    var counts: StoreCounts
    var freeSlots = FreeSlots()
    var hasCollectedFreeSlots: Bool
    var markedSlots = MarkedSlots()
    /// Where labels lead after the batches that are not published.
    var stagedLabels: [Label: UInt32?] = [:]
    var sequence: BatchNumber
    /// What codes the store is to have, and those that it has.
    var codeKind: VectorStore.Quantization
    var codes: StoreCodes?
    /// After codes that could not be made, how many slots there must be for another attempt.
    var codesRetryCount = 0
    var insertions: [Insertion] = []
    let logBatch = LogBatch()
    var listsWritten = 0
    /// Batches that may not be published yet, to be undone if they never are.
    var unpublished: [(frame: FrameNumber, batch: LinkedBatch)] = []
    private let publishedHeapBytes = Atomic<Int>(0)
    let scratch = SearchScratch()
    var failure: StoreError?
    /// Records that the slot table has too, until the searches that began before have ended.
    var settledRecords: [(epoch: Epoch, slots: [UInt32])] = []
    var flusher: LogFlusher?
    /// After a checkpoint that could not be made, how long the log gets before the next attempt.
    var retryBytes = 0
    /// Whether `labels` was read as a whole since the store was opened.
    var hasCheckedLabels = false
    /// How the attempts since the last checkpoint failed. From any thread.
    let failedCheckpoint = Guarded<VectorStore.FailedCheckpoint?>(nil)

    init(
        _ contents: StoreContents, labels: LabelTable, disk: StoreDisk?, counts: PublishedCounts,
        codeKind: VectorStore.Quantization, codes: StoreCodes? = nil, options: VectorStore.OpenOptions
    ) {
        self.contents = contents
        self.labels = labels
        self.disk = disk
        self.codeKind = codeKind
        self.codes = codes
        self.options = options
        self.counts = counts.load()
        queue = CommitQueue(graph: contents.graph, labels: labels, counts: counts, lastFrame: disk?.lastFrame ?? 0)
        sequence = contents.graph.sequence
        publishedHeapBytes.store(contents.graph.byteCount, ordering: .relaxed)
        hasCollectedFreeSlots = self.counts.free == 0
        if case .interval(let interval) = options.durability, disk != nil {
            // Without a thread every batch is synced.
            flusher = LogFlusher(milliseconds: interval.milliseconds) { [weak self] error in
                self?.computing.withLock { _ in _ = self?.fail(error) }
            }
        }
    }

    /// A writer whose store could not be opened was never finished.
    deinit { flusher?.end() }

    /// Whether a batch is acknowledged only when it is durable.
    var waitsForDisk: Bool {
        switch options.durability {
        case .full: true
        case .interval: flusher == nil
        case .none: false
        }
    }

    // MARK: Batches

    /// Makes the changes and returns when they are as durable as was asked for and searches see them.
    func write(
        _ operations: [VectorStore.WriteBatch.Operation], _ vectors: VectorRows, position: UInt64? = nil,
        threads: Int?
    ) throws(StoreError) {
        guard !operations.isEmpty || position != nil else { return }
        let (pending, isCheckpointDue) = try alone { () throws(StoreError) in
            try checkUsable()
            settle()
            try expectMemory(operations.count)
            do throws(StoreError) {
                let plan = try plan(operations)
                return (try make(plan, vectors, position: position, threads: threads), self.isCheckpointDue)
            } catch {
                markedSlots.putBack()
                throw error
            }
        }
        if let (frame, log) = pending {
            do {
                try queue.waitUntilPublished(frame, log)
            } catch {
                try alone { () throws(StoreError) in throw fail(error) }
            }
        }
        if isCheckpointDue { makeDueCheckpoint() }
    }

    /// Throws unless there is memory for what arrays and dictionaries note of `operations` operations, from the plan to
    /// the log. The lists that they change, and what is published, are asked for when they are known.
    private func expectMemory(_ operations: Int) throws(StoreError) {
        try takingMemory(for: disk?.path) { () throws(OutOfMemory) in
            try ProcessMemory.expect(growing: operations, stride: 200)
            try contents.graph.slots.expectRoom(for: operations)
            try stagedLabels.expectRoom(for: operations)
        }
    }

    /// Runs `body` as the only one that changes the store.
    func alone<Result>(_ body: () throws(StoreError) -> Result) throws(StoreError) -> Result {
        // First: whoever had the lock when the process was forked off will never give it back here.
        try checkProcess()
        let result = computing.withLock { _ in
            defer { publishedHeapBytes.store(contents.graph.byteCount, ordering: .relaxed) }
            return Swift.Result { () throws(StoreError) in try body() }
        }
        return try result.get()
    }

    /// Heap memory of the graph, as of the last change.
    var heapBytes: Int { publishedHeapBytes.load(ordering: .relaxed) }

    /// Runs `body` while no batch is being made or waits for the disk.
    func whenQuiet<Result>(_ body: () throws(StoreError) -> Result) throws(StoreError) -> Result {
        try alone { () throws(StoreError) in
            if failure == nil { try drain() }
            return try body()
        }
    }

    /// Whether this process is the one that opened the store, and not a child of it.
    var isOwnProcess: Bool { getpid() == process }

    private func checkProcess() throws(StoreError) {
        guard isOwnProcess else {
            throw StoreError(
                .forked,
                "the store was opened before this process was forked off",
                remedy: "only the process that opened it may "
                    + "change it", path: disk?.path)
        }
    }

    /// Throws if nothing may be written any more.
    func checkUsable() throws(StoreError) {
        if let failure {
            if failure.code == .closed { throw failure }
            throw StoreError(
                .failed,
                "an earlier write failed (\(failure.problem)), so nothing more is written",
                remedy: "close the store and open it again", path: disk?.path, systemError: failure.systemError)
        }
    }

    /// Remembers that a write failed, and undoes what will never be published; returns what to throw.
    func fail(_ error: StorageError) -> StoreError {
        queue.fail(error)
        let error = StoreError(error)
        if failure == nil { failure = error }
        let published = queue.publishedFrame
        for (frame, batch) in unpublished.reversed() where frame > published { undo(batch) }
        unpublished.removeAll()
        return error
    }

    /// Gives back what nobody can be reading any more.
    func settle() {
        let graph = contents.graph
        for lists in queue.takeRetired() { graph.retire(lists) }
        let published = queue.publishedFrame
        unpublished.removeAll { $0.frame <= published }
        while let first = settledRecords.first, graph.readers.havePassed(first.epoch) {
            graph.slots.forget(first.slots)
            settledRecords.removeFirst()
        }
        freeSlots.reclaim(graph.readers)
    }

    /// What changes have cost since the store was opened.
    var work: CampaignAccess.Work {
        var work = CampaignAccess.Work(
            distances: scratch.distanceCount, listsRead: scratch.hopCount, listsWritten: listsWritten)
        for insertion in insertions {
            work.distances += insertion.work.distances
            work.listsRead += insertion.work.hops
        }
        return work
    }
}
