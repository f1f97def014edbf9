import Allocation
import FileFormat
import HNSW
import MappedStorage
import SystemPackage
import WriteAheadLog

/// How a batch is made: its rows get slots, it is linked into the graph, and goes to the log and to the queue.
extension StoreWriter {
    /// What the operations come to.
    func plan(_ operations: [VectorStore.WriteBatch.Operation]) throws(StoreError) -> BatchPlan {
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
    func make(
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
        return try enqueue(batch, frame: log(batch))
    }

    /// Hands the queue a batch that is in the log, and from here on cannot fail any more but together with that. Returns
    /// what to wait for.
    private func enqueue(_ batch: LinkedBatch, frame: FrameNumber) throws(StoreError) -> (FrameNumber, LogWriter)? {
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
                changes: batch.changes, labels: labels, counts: counts,
                hasDeadSlots: counts.live < contents.graph.count, frame: frame), isDurable: !waits)
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
        let graph = contents.graph
        var counts = self.counts
        counts.position = position ?? counts.position
        let before = plan.states.keys.map { graph.slots.snapshot($0) }
        let freed = setRecords(plan, placed, &counts) + linkedFree
        do {
            try connect(placed, without: freed, threads: threads)
        } catch {
            undo(placed, graph.endBatch(), before)
            throw error
        }
        for row in placed.rows where row.isMarked {
            graph.slots.setState(row.slot, .marked, sequence: sequence.next)
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

    /// Gives the rows and the slots that change their records. Returns the slots that nothing is in any more.
    private func setRecords(
        _ plan: BatchPlan, _ placed: PlacedRows, _ counts: inout StoreCounts
    ) -> [(slot: UInt32, level: Int)] {
        let graph = contents.graph, sequence = self.sequence.next
        for row in placed.rows {
            graph.slots.setRow(row.slot, label: row.label, level: row.level, state: .erased, sequence: sequence)
        }
        var freed: [(slot: UInt32, level: Int)] = []
        for (slot, state) in plan.states.sorted(by: { $0.key < $1.key }) {
            counts.move(from: graph.slots.state(slot), to: state)
            graph.slots.setState(slot, state, sequence: sequence)
            if !state.hasLabel { freed.append((slot, graph.upper.level(slot))) }
        }
        return freed
    }

    /// Takes the freed slots out of the graph and links the rows. Some of that may be done when it throws.
    private func connect(
        _ placed: PlacedRows, without freed: [(slot: UInt32, level: Int)], threads: Int?
    ) throws(StoreError) {
        let isDone = try takingMemory(for: disk?.path) { () throws(OutOfMemory) in
            // First, so that new rows are linked to what stays.
            try contents.graph.unlink(freed.map { $0.slot }, scratch: scratch)
            let insertion = insertion(threads ?? options.threads, rows: placed.rows.count)
            let cancellation = CancellationCheck()
            let isDone = try insertion.insert(placed.rows.map { ($0.slot, $0.level) }) { cancellation.isCancelled }
            let doubted = insertion.takeDoubted()
            if isDone { noteDoubted(doubted) }
            return isDone
        }
        guard isDone else { throw .cancelled }
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

    /// Makes the store what it was before a batch.
    func undo(_ batch: LinkedBatch) { undo(batch.placed, batch.changes, batch.before) }

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

    // MARK: Slots for rows

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
}
