import Allocation
import FileFormat
import HNSW
import MappedStorage
import SystemPackage
import WriteAheadLog

/// Brings what is in the log into the files, so that the log can be dropped. No batch is being written or waiting.
///
/// The order is what makes a crash at any point harmless. Until the journal is whole, nothing that the present header
/// knows has been touched, and the log holds the changes. From then on the journal holds them, whatever the writing in
/// place left; and when the new header is there, nobody needs the journal.
struct Checkpoint {
    private let contents: StoreContents
    private let labels: LabelTable
    private let disk: StoreDisk
    private let codes: StoreCodes?
    private let next: HeaderSlot

    init(
        _ contents: StoreContents, _ labels: LabelTable, _ disk: StoreDisk, _ codes: StoreCodes?, _ counts: StoreCounts,
        sequence: BatchNumber
    ) {
        self.contents = contents
        self.labels = labels
        self.disk = disk
        self.codes = codes
        let graph = contents.graph, isEmpty = counts.live + counts.marked == 0
        var header = disk.header
        header.generation = header.generation.next
        header.graphGeneration = header.generation
        header.slotCount = graph.count
        header.segmentCount = contents.segments.count
        header.entryPoint = isEmpty ? HeaderSlot.noEntryPoint : graph.entryPoint
        header.maximumLevel = isEmpty ? -1 : graph.maximumLevel
        (header.liveCount, header.markedCount, header.freeCount) = (counts.live, counts.marked, counts.free)
        header.position = counts.position
        header.levelState = graph.levels.state
        header.lastFrame = disk.lastFrame
        header.lastBatch = sequence
        next = header
    }

    /// Throws unless there is memory for what is collected of the changes: slots, lists, buckets of labels and pages of
    /// page tables.
    private func expectMemory() throws(StorageError) {
        let graph = contents.graph, changed = graph.slots.changedSlots.count, lists = graph.overlay.changedSlots.count
        let tables = contents.segments.reduce(0) { $0 + $1.pageTableLength }
        let bytes =
            changed * 16 + lists * 96 + labels.checkpointBytes
            + min(tables, (changed + lists) * contents.geometry.strides.count * Geometry.pageSize)
        try claiming(disk.path, ProcessMemory.expect(bytes))
    }

    /// Makes it; the new state is durable when this returns.
    func make() throws(CheckpointFailure) {
        try retryable { () throws(StorageError) in try expectMemory() }
        // 1. The rows of new slots, and the room for them: in place already, unknown to the present header.
        try unrepeatable { () throws(StorageError) in
            try disk.file.file.synchronize()
            try codes?.synchronize()
        }
        // 2. Derived files that belong to the new header.
        var upper = try retryable { () throws(StorageError) in try writeUpper() }
        let labelUpdate = labels.update(for: next)
        if labelUpdate == nil { try writeLabels() }
        // 3. The log that goes on from it.
        let log = try retryable { () throws(StorageError) in try disk.makeLog(firstFrame: next.lastFrame.next) }
        let header = next.goingOn(with: log)
        // 4. The journal.
        let journal: JournalReader
        do {
            journal = try writeJournal(header, labelUpdate?.extents ?? [])
        } catch {
            if !error.isFinal { disk.discard(log) }
            throw error
        }
        // 5. In place.
        let written = try unrepeatable { () throws(StorageError) in
            try apply(journal)
            if let labelUpdate { try labels.write(labelUpdate) }
            if let codes { try codes.write(codes.header(next)) }
            try disk.file.file.synchronize()
            // 6. The header.
            return try LevelZeroFile.writeBoth(header, to: disk.file.file)
        }
        upper?.takeName()
        disk.upperFile = upper
        disk.goOn(with: log, written)
        disk.hasOtherEntryPoint = false
    }

    /// nil: a directory with something in it has the file's name.
    private func writeUpper() throws(StorageError) -> UpperFile? {
        let upper = contents.graph.upper
        if var upperFile = disk.upperFile, !upperFile.isFragmented, let file = try File.toWrite(upperFile.entry) {
            try upperFile.append(
                upper, changed: upper.changedListNumbers, generation: next.graphGeneration, to: file)
            return upperFile
        }
        return try UpperFile.writeBeside(
            disk.directory, upper, layout: next.layout, generation: next.graphGeneration)
    }

    private func writeLabels() throws(CheckpointFailure) {
        let result = try retryable { () throws(StorageError) in
            try LabelIndexFile.replace(in: disk.directory, graph: contents.graph, header: next)
        }
        switch result {
        case .success(let file): labels.replaceFile(file)
        case .failure(let repeated):
            // No checkpoint will ever succeed.
            throw CheckpointFailure(error: .repeatedLabel(repeated.label, disk.path), isFinal: true)
        }
    }

    /// Writes and syncs the journal, over that of an earlier checkpoint.
    private func writeJournal(
        _ header: HeaderSlot, _ extents: [LabelFileUpdate.Extent]
    ) throws(CheckpointFailure) -> JournalReader {
        let entry = disk.directory[StoreName.journal]
        let writer = try retryable { () throws(StorageError) in try JournalWriter(entry) }
        do throws(StoreFileError) {
            var pages = PageUpdates(contents, disk.file, from: disk.header, to: header, journal: writer)
            try pages.run()
        } catch {
            if case .storage(let error) = error { _ = try retryable { () throws(StorageError) in throw error } }
            // A damaged page: no checkpoint will ever succeed, and the log must not grow for ever.
            throw CheckpointFailure(error: StoreError(error), isFinal: true)
        }
        try retryable { () throws(StorageError) in
            for extent in extents { try append(extent, to: writer) }
            if let codes { try append(codes.header(next).encoded(), of: .codes, at: 0, to: writer) }
            try writer.flush()
        }
        return try unrepeatable { () throws(StorageError) in
            try writer.finish(header)
            return try readBack(entry, header)
        }
    }

    private func readBack(_ entry: Directory.Entry, _ header: HeaderSlot) throws(StorageError) -> JournalReader {
        do throws(StoreFileError) {
            let reader = try JournalReader.open(entry, superblock: disk.file.superblock)
            if let reader, reader.header == header { return reader }
        } catch {
            if case .storage(let error) = error { throw error }
        }
        throw StorageError(entry.path, "read back the journal that was just written", .ioError)
    }

    private func append(_ extent: LabelFileUpdate.Extent, to journal: JournalWriter) throws(StorageError) {
        try append(extent.bytes, of: .labels, at: extent.offset, to: journal)
    }

    private func append(
        _ bytes: [UInt8], of target: JournalExtent.Target, at offset: Int, to journal: JournalWriter
    ) throws(StorageError) {
        let result = unsafe bytes.withUnsafeBytes { bytes in
            Result { () throws(StorageError) in try unsafe journal.append(to: target, at: offset, bytes) }
        }
        try result.get()
    }

    private func apply(_ journal: JournalReader) throws(StorageError) {
        do throws(StoreFileError) {
            try unsafe journal.forEachExtent { (extent, bytes) throws(StoreFileError) in
                guard extent.target == .levelZero else { return }
                do throws(StorageError) {
                    try unsafe disk.file.file.write(bytes, at: extent.offset)
                } catch {
                    throw .storage(error)
                }
            }
        } catch {
            if case .storage(let error) = error { throw error }
            throw StorageError(disk.path, "read the journal that was just written", .ioError)
        }
    }
}
