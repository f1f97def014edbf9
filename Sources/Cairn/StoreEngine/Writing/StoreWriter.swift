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
/// A batch that fails before it stands in the log is undone. After a write or a sync that failed nobody knows what the
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
    private(set) var counts: StoreCounts
    var freeSlots = FreeSlots()
    private var hasCollectedFreeSlots: Bool
    private var markedSlots = MarkedSlots()
    /// Where labels lead after the batches that are not published.
    private var stagedLabels: [Label: UInt32?] = [:]
    var sequence: BatchNumber
    /// What codes the store is to have, and those that it has.
    var codeKind: VectorStore.Quantization
    var codes: StoreCodes?
    /// After codes that could not be made, how many slots there must be for another attempt.
    var codesRetryCount = 0
    private var insertions: [Insertion] = []
    private let logBatch = LogBatch()
    private var listsWritten = 0
    /// Batches that may not be published yet, to be undone if they never are.
    private var unpublished: [(frame: FrameNumber, batch: LinkedBatch)] = []
    private let publishedHeapBytes = Atomic<Int>(0)
    private let scratch = SearchScratch()
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
    private var waitsForDisk: Bool {
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

    private func plan(_ operations: [VectorStore.WriteBatch.Operation]) throws(StoreError) -> BatchPlan {
        if queue.isEmpty { stagedLabels.removeAll() }
        let graph = contents.graph
        var plan = BatchPlan(slots: graph.slots) { [self] in
            markedSlots.take(graph.slots, count: graph.count)
        } slotOfLabel: { [self] (label) throws(StoreError) in
            if let staged = stagedLabels[label] { return staged }
            return try takingMemory(for: disk?.path, labels.newestSlot(of: label))
        }
        for (number, operation) in operations.enumerated() { try plan.add(operation, number: number) }
        for slot in plan.states.keys where !graph.slots.state(slot).hasLabel {
            throw .damagedSlots(
                "label \(graph.slots.label(slot)) leads to slot \(slot), which is not in use", disk?.path)
        }
        return plan
    }

    /// Makes the planned changes. Returns the frame to wait for, and its log; nil if there is nothing to wait for.
    private func make(
        _ plan: BatchPlan, _ vectors: VectorRows, position: UInt64?, threads: Int?
    ) throws(StoreError) -> (FrameNumber, LogWriter)? {
        let graph = contents.graph
        do {
            try disk?.startLog()
        } catch {
            if error.isFinal { failure = error.error }
            throw error.error
        }
        try refreshCodes()
        let linkedFree = try linkedFreeSlots()
        try collectFreeSlots()
        graph.beginBatch(sequence.next)
        let placed = place(plan)
        do {
            try write(vectors, to: placed)
        } catch {
            undo(placed, graph.endBatch())
            throw error
        }
        let batch = try link(plan, placed, linkedFree, position: position, threads: threads)
        listsWritten += batch.changes.lists.count
        let frame = try log(batch)
        // From here on the batch cannot fail any more but together with the log.
        sequence = batch.changes.sequence
        counts = batch.counts
        hasCollectedFreeSlots = true
        freeSlots.free(batch.freed)
        let labels = batch.labels
        for change in labels { stagedLabels[change.label] = .some(change.new) }
        markedSlots.add(batch.marked)
        let waits = disk != nil && waitsForDisk
        if let flusher, let log = disk?.log { flusher.flush(log) }
        if waits { unpublished.append((frame, batch)) }
        queue.append(
            CommittedBatch(
                changes: batch.changes, labels: labels, counts: counts, hasDeadSlots: counts.live < graph.count,
                frame: frame), isDurable: !waits)
        if disk == nil {
            settleInMemory()
            try refreshCodes()
        }
        return waits ? disk?.log.map { (frame, $0) } : nil
    }

    /// Puts the batch into the graph, in memory; undoes it if this throws.
    private func link(
        _ plan: BatchPlan, _ placed: PlacedRows, _ linkedFree: [(slot: UInt32, level: Int)], position: UInt64?,
        threads: Int?
    ) throws(StoreError) -> LinkedBatch {
        let graph = contents.graph, sequence = self.sequence.next
        var counts = self.counts, freed: [(slot: UInt32, level: Int)] = []
        counts.position = position ?? counts.position
        let before = plan.states.keys.map { graph.slots.snapshot($0) }
        for row in placed.rows {
            graph.slots.setRow(row.slot, label: row.label, level: row.level, state: .erased, sequence: sequence)
        }
        for (slot, state) in plan.states.sorted(by: { $0.key < $1.key }) {
            counts.move(from: graph.slots.state(slot), to: state)
            graph.slots.setState(slot, state, sequence: sequence)
            if !state.hasLabel { freed.append((slot, graph.upper.level(slot))) }
        }
        freed.append(contentsOf: linkedFree)
        let isDone: Bool
        do throws(OutOfMemory) {
            // First, so that new rows are linked to what stays.
            try graph.unlink(freed.map { $0.slot }, scratch: scratch)
            let insertion = insertion(threads ?? options.threads, rows: placed.rows.count)
            let cancellation = CancellationCheck()
            isDone = try insertion.insert(placed.rows.map { ($0.slot, $0.level) }) { cancellation.isCancelled }
            let doubted = insertion.takeDoubted()
            if isDone { noteDoubted(doubted) }
        } catch {
            undo(placed, graph.endBatch(), before)
            throw StoreError(error, path: disk?.path)
        }
        guard isDone else {
            undo(placed, graph.endBatch(), before)
            throw .cancelled
        }
        for row in placed.rows where row.isMarked {
            graph.slots.setState(row.slot, .marked, sequence: sequence)
        }
        for row in placed.rows {
            counts.move(from: row.isReused ? .erased : .unused, to: graph.slots.state(row.slot))
        }
        graph.hasUnlinkedSlots = counts.free > 0
        let changes = graph.endBatch()
        // Nothing of the kind goes to the log, which could not be read then.
        guard counts.isPossible(of: graph.count), graph.hasEntryPoint(isEmpty: counts.live + counts.marked == 0) else {
            undo(placed, changes, before)
            throw .damagedSlots("its slots are not in the states that it counts", disk?.path)
        }
        return LinkedBatch(
            plan: plan, placed: placed, freed: freed, before: before, changes: changes, counts: counts)
    }

    /// The free slots of a store that no batch has changed yet: an import left them in the graph, as the file has them.
    /// The first batch takes them out, and from then on they are like others.
    private func linkedFreeSlots() throws(StoreError) -> [(slot: UInt32, level: Int)] {
        guard sequence == 0 && counts.free > 0 else { return [] }
        try takingMemory(for: disk?.path, ProcessMemory.expect(growing: counts.free, stride: 24))
        let graph = contents.graph
        let found = (0..<UInt32(graph.count)).filter { graph.slots.state($0).isFree }
        guard found.count == counts.free else { throw wrongFreeCount }
        return found.map { ($0, graph.upper.level($0)) }
    }

    private var wrongFreeCount: StoreError {
        .damagedSlots("the free slots are not as many as it counts, \(counts.free)", disk?.path)
    }

    /// A free slot for a row of `level`. One whose lists are of another level, as the slot table of a damaged store may
    /// say, is left alone.
    private func takeFreeSlot(level: Int) -> UInt32? {
        let graph = contents.graph
        while let slot = freeSlots.take(level: level) {
            if graph.upper.level(slot) == level && graph.slots.level(slot) == level { return slot }
        }
        return nil
    }

    /// Finds the free slots of a store that was opened with some, once.
    private func collectFreeSlots() throws(StoreError) {
        guard !hasCollectedFreeSlots && sequence > 0 else { return }
        let graph = contents.graph
        try takingMemory(for: disk?.path, ProcessMemory.expect(growing: counts.free, stride: 4))
        guard freeSlots.collect(graph.slots, count: graph.count, free: counts.free) else { throw wrongFreeCount }
        hasCollectedFreeSlots = true
    }

    /// Gives the rows their levels and slots: free ones, else new ones.
    private func place(_ plan: BatchPlan) -> PlacedRows {
        let graph = contents.graph
        var end = graph.count
        return PlacedRows(plan) { level in
            switch level {
            case .ofSlot(let slot): graph.upper.level(slot)
            default: graph.levels.next(maximum: graph.parameters.maximumLevel)
            }
        } slot: { level in
            if let slot = takeFreeSlot(level: level) { return (slot, true) }
            defer { end += 1 }
            return (UInt32(end), false)
        }
    }

    /// Writes the vectors of the rows to their slots.
    private func write(_ vectors: VectorRows, to placed: PlacedRows) throws(StoreError) {
        let new = placed.rows.filter { !$0.isReused }.count
        try contents.grow(to: contents.graph.count + new, path: disk?.path ?? "memory") {
            (segment) throws(StorageError) in
            if let disk { return try disk.append(segment, contents) }
            try contents.memory.allocate(segment, path: "memory")
            contents.memory.advise(.resident, segment)
        }
        do {
            let writer = try claiming(
                disk?.path ?? "memory", RowWriter(contents, file: disk?.file, rows: placed.rows.count))
            for row in placed.rows {
                switch row.vector {
                case .given(let number): try unsafe writer.write(vectors[number], to: row.slot)
                case .slot(let slot): try writer.copy(slot, to: row.slot)
                }
            }
            try writer.flush()
            try codes?.write(placed.rows.map { $0.slot })
        } catch {
            throw StoreError(error)
        }
    }

    /// Writes the batch to the log, where there is one, and returns its frame; undoes it if this throws.
    private func log(_ batch: LinkedBatch) throws(StoreError) -> FrameNumber {
        let labelCount = batch.plan.formerSlots.count
        do throws(OutOfMemory) {
            // What is in the log has to be published, so it is asked first whether it can be.
            try queue.prepare(batch.changes, labels: labelCount)
        } catch {
            undo(batch)
            throw StoreError(error, path: disk?.path)
        }
        guard let disk else { return 0 }
        batch.encode(into: logBatch, contents)
        do {
            return try disk.append(logBatch, contents.graph, batch.counts, sequence: batch.changes.sequence)
        } catch {
            labels.abort(labelCount)
            undo(batch)
            throw disk.log?.hasFailed == true ? fail(error) : StoreError(error)
        }
    }

    private func undo(_ batch: LinkedBatch) { undo(batch.placed, batch.changes, batch.before) }

    /// Makes the store what it was before a batch. `before`: the records of the slots whose state it changed; nil if
    /// there are no records of its rows yet.
    private func undo(_ placed: PlacedRows, _ changes: GraphChanges, _ before: [SlotRecords.Snapshot]? = nil) {
        let graph = contents.graph
        if let before {
            for snapshot in before { graph.slots.restore(snapshot) }
            for row in placed.rows { graph.slots.setState(row.slot, .erased, sequence: changes.sequence) }
        }
        graph.rollBack(changes)
        freeSlots.putBack(placed.rows.filter { $0.isReused }.map { ($0.slot, $0.level) })
    }

    private func insertion(_ threads: Int?, rows: Int) -> Insertion {
        let size = VectorStore.teamSize(threads, rows: rows)
        if let insertion = insertions.first(where: { $0.threads == size }) { return insertion }
        let insertion = Insertion(into: contents.graph, threads: size)
        insertions = Array(insertions.suffix(1)) + [insertion]
        return insertion
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
