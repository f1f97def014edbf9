import FileFormat
import HNSW
import MappedStorage
import SystemPackage
import Threading
import WriteAheadLog

/// When what is in the log goes into the files, and how writing ends.
extension StoreWriter {
    /// Whether the log or the overlay have become large, or so many slots wait for a checkpoint to be used again that
    /// the store would grow without need.
    var isCheckpointDue: Bool {
        guard let disk, disk.logBytes >= retryBytes else { return false }
        return disk.logBytes >= options.logBytes || contents.graph.overlay.byteCount >= options.overlayBytes
            || freeSlots.freedCount > max(1024, contents.graph.count / 16)
    }

    /// Makes a checkpoint unless another thread just has. A change that was acknowledged does not fail because no
    /// checkpoint could be made after it; after a while it is tried again.
    func makeDueCheckpoint() {
        try? alone { () throws(StoreError) in
            guard let disk, failure == nil, isCheckpointDue else { return }
            do throws(StoreError) {
                try checkpointAlone()
                retryBytes = 0
            } catch {
                retryBytes = disk.logBytes + options.logBytes / 4
                throw error
            }
        }
    }

    /// Brings everything that is in the log into the files.
    func checkpoint() throws(StoreError) {
        try alone { () throws(StoreError) in
            try checkUsable()
            try checkpointAlone()
        }
    }

    /// Brings what is in the log into the files; makes derived files again that are missing or damaged.
    /// `refreshesCodes`: a store whose last batch made codes due gets them now, and not with the next one, which may
    /// never come.
    func checkpointAlone(refreshesCodes: Bool = true) throws(StoreError) {
        guard let disk else { return }
        do throws(StoreError) {
            try makeCheckpoint(disk, refreshesCodes: refreshesCodes)
            failedCheckpoint.withLock { $0 = nil }
        } catch {
            failedCheckpoint.withLock { $0 = VectorStore.FailedCheckpoint(error, after: $0) }
            throw error
        }
    }

    private func makeCheckpoint(_ disk: StoreDisk, refreshesCodes: Bool) throws(StoreError) {
        try drain()
        settle()
        guard disk.hasChanges else { return try mendDerivedFiles() }
        checkLabels()
        if refreshesCodes { try refreshCodes(rests: true) }
        let graph = contents.graph
        do throws(CheckpointFailure) {
            try unrepeatable { () throws(StorageError) in try disk.checkIsInPlace() }
            // It changes the header that the checkpoint goes on from.
            try retryable { () throws(StorageError) in try disk.makeHeaderDurable() }
            try Checkpoint(contents, labels, disk, codes, counts, sequence: sequence).make()
        } catch {
            if error.isFinal {
                _ = fail(StorageError(disk.path, "make a checkpoint", error.error.systemError ?? .ioError))
                failure = error.error
            }
            throw error.error
        }
        graph.forgetChangedLists()
        let epoch = graph.readers.advance()
        settledRecords.append((epoch, graph.slots.takeChangedSlots()))
        freeSlots.checkpoint(epoch: epoch)
    }

    /// Waits until every batch is published.
    func drain() throws(StoreError) {
        guard let disk, let log = disk.log else { return }
        do {
            try queue.waitUntilPublished(log.lastFrame, log)
        } catch {
            throw fail(error)
        }
    }

    /// Makes everything that was acknowledged durable, whatever the durability.
    func synchronize() throws(StoreError) {
        try alone { () throws(StoreError) in
            try checkUsable()
            guard let log = disk?.log else { return }
            do throws(StorageError) {
                try log.synchronize()
            } catch {
                throw fail(error)
            }
        }
    }

    /// Moves changed lists and slots of a store in memory into its columns, now and then.
    func settleInMemory() {
        let graph = contents.graph
        for lists in queue.takeRetired() { graph.retire(lists) }
        freeSlots.checkpoint(epoch: graph.readers.advance())
        guard graph.overlay.byteCount > 8 << 20 else { return }
        // Nobody reads the columns of what changed once the searches of now have ended: they find it in the overlay.
        graph.readers.waitForAll()
        settle()
        graph.fold()
        settledRecords.append((graph.readers.advance(), graph.slots.takeChangedSlots()))
    }

    /// Brings everything into the files, or at least makes the log durable, and ends writing.
    func finish() throws(StoreError) {
        flusher?.end()
        try alone { () throws(StoreError) in
            if let failure {
                if failure.code == .closed { return }
                if failure.code == .corrupt { throw failure }
                // Perhaps it was an automatic checkpoint that found it out.
                if let disk { try translating { () throws(StorageError) in try disk.checkIsInPlace() } }
                guard let log = disk?.log, queue.publishedFrame > log.durableFrame else { return }
                throw StoreError(
                    .failed, "changes that were acknowledged may be lost, because a write failed (\(failure.message))",
                    path: disk?.path, systemError: failure.systemError)
            }
            defer {
                failure = StoreError(
                    .closed, "the store was closed",
                    remedy: "open it again", path: disk?.path)
            }
            do throws(StoreError) {
                try checkpointAlone()
                // Without changes it may be somebody else's store that would be tidied up.
                if (try? disk?.checkIsInPlace()) != nil { disk?.shrink() }
            } catch {
                if let failure { throw failure }
                // No room for a checkpoint: the next opening makes it from the log.
                guard let log = disk?.log else { return }
                try translating { () throws(StorageError) in _ = try log.synchronize() }
            }
        }
    }

    /// Changes what the store keeps in addition to its vectors; durable when it returns.
    func setSearchWidth(_ width: Int) throws(StoreError) {
        try alone { () throws(StoreError) in
            try checkUsable()
            guard let disk else { return }
            do throws(StorageError) {
                try disk.setSearchWidth(width)
            } catch {
                throw fail(error)
            }
        }
    }
}
