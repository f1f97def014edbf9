import Allocation
import FileFormat
import HNSW
import MappedStorage
import SystemPackage
import WriteAheadLog

/// Opening a store: as of its last checkpoint, then what a journal and the log have beyond it. A writer brings that
/// into the files before it lets anybody write; a reader keeps it in memory and writes nothing.
struct StoreOpening {
    private let directory: Directory
    private let options: VectorStore.OpenOptions

    init(_ directory: Directory, _ options: VectorStore.OpenOptions) {
        self.directory = directory
        self.options = options
    }

    /// For messages.
    private var path: FilePath { directory.path }

    private var isWriter: Bool { options.access == .readWrite }

    /// What stands at the path, before anything is mapped.
    private struct Found {
        var prologue: LevelZeroFile.Prologue
        /// The state to begin from.
        var header: HeaderSlot
        /// A journal that leads to `header` and cannot be redone, because this handle only reads.
        var journal: JournalReader?
        /// A journal was redone, which wrote `header`.
        var isRedone: Bool
        /// There is a log that the header does not know, and that is to be given up.
        var isHeaderOld: Bool
        var log: (reader: LogReader, survey: LogSurvey)?

        /// Whether there is a log that is read no further than to a place in it, or not at all.
        var hasDamagedLog: Bool { isHeaderOld || header.logSequence > 0 && log?.survey.isDamaged ?? true }
    }

    func open(_ storeLock: StoreLock) throws(StoreError) -> VectorStore {
        let found: Found
        do {
            found = try find()
        } catch {
            throw StoreError(error)
        }
        let hasChanges = (found.log?.survey.batchCount ?? 0) > 0
        let isOwnMemory = !isWriter && (hasChanges || found.journal != nil)
        let file = try map(found, isOwnMemory ? .copied : .none)
        let upper = try translating { () throws(StorageError) in
            try UpperFile.find(
                in: directory, header: found.header, connectivity: file.superblock.connectivity,
                capacity: file.memory.reservedSlots)
        }
        let contents = try StoreContents(
            path, superblock: file.superblock, memory: file.memory, segments: file.segments, header: found.header,
            upper: upper?.upper, writesInPlace: false, leastCodedCount: options.leastCodedCount)
        if let journal = found.journal {
            do {
                try Recovery.apply(journal, to: contents)
            } catch {
                throw StoreError(error)
            }
        }
        let isUpperLost = upper == nil && found.header.slotCount > 0
        if isUpperLost && !hasChanges { try rebuildUpperLayers(of: contents) }
        let plan = VectorStore.memoryPlan(
            file.segments, budget: options.memoryBudget ?? MemoryBudget.system,
            quantizedBytes: quantizedBytes(found.header, file.superblock))
        for segment in file.segments {
            // What is not in the page cache is read by the row even if all of it would fit: read in large pages, or
            // with the kernel's usual look ahead, the first answers would wait for hundreds of megabytes.
            let isCached = plan == .resident && file.memory.isCached(segment)
            file.memory.advise(isCached ? .resident : .random, segment)
        }
        let labelFile = try translating { () throws(StorageError) -> LabelIndexFile? in
            guard found.journal == nil else { return nil }
            return try LabelIndexFile(
                directory[StoreName.labels], layout: found.header.layout,
                generation: found.header.graphGeneration, count: found.header.labelCount, graph: contents.graph,
                writable: isWriter)
        }
        let labels = LabelTable(graph: contents.graph, file: labelFile, isInMemory: false)
        var counts = StoreCounts(found.header), replayedSlots: [UInt32] = []
        if let log = found.log, hasChanges {
            let target = isOwnMemory ? nil : file
            (counts, replayedSlots) = try replay(
                LogReplay(log, into: contents, file: target, hasUpper: !isUpperLost, counts: counts), contents,
                target, labels, plan)
            // Changes of lists that are lost are of no use; the levels are what counts.
            if isUpperLost { try rebuildUpperLayers(of: contents) }
        }
        var kind = VectorStore.Quantization(stored: found.header.codes) ?? .none
        do throws(StoreError) {
            try kind.check(VectorStore.Configuration(file.superblock, ef: 1))
        } catch {
            // No program of ours writes such a header.
            kind = .none
        }
        let codes = found.journal == nil && kind != .none ? openCodes(found, contents, replayedSlots, plan) : nil
        if plan != .resident { contents.readTogether() }
        if plan == .quantizedResident {
            // Without addresses for them they are read from the file.
            try? contents.graph.usePackedLists()
            contents.memory.lock(.slotTable, file.segments)
        }
        let published = PublishedCounts(counts)
        var writer: StoreWriter?
        if isWriter {
            var upperFile = upper?.file
            let isEntryPointRight = isEntryPointRight(contents.graph, found.header)
            if isUpperLost && !hasChanges && isEntryPointRight {
                upperFile = try? UpperFile.writeBeside(
                    directory, contents.graph.upper, layout: found.header.layout,
                    generation: found.header.graphGeneration)
            }
            upperFile?.takeName()
            let disk = StoreDisk(
                directory, storeLock, file, found.header, upperFile: upperFile,
                replayedFrame: found.log?.survey.end.frame ?? found.header.lastFrame, isResident: plan == .resident,
                isHeaderDurable: found.isRedone)
            disk.hasOtherEntryPoint = isUpperLost && !isEntryPointRight
            writer = StoreWriter(
                contents, labels: labels, disk: disk, counts: published, codeKind: kind, codes: codes, options: options)
            try writer?.refreshCodes()
            if disk.hasChanges {
                // What was replayed may have been read from a cache that the disk never got.
                try writer?.checkpoint()
            } else if found.hasDamagedLog {
                try leave(disk)
            } else if !found.prologue.isHeaderTwice {
                try keepHeader(disk)
            }
        }
        return VectorStore(
            directory, access: options.access, contents: contents, labels: labels, writer: writer,
            counts: published, storeLock: storeLock, searchWidth: max(1, found.header.searchWidth), codes: kind,
            plan: plan, packing: plan == .quantizedResident ? ListPacking(contents) : nil)
    }

    /// The codes as of the last checkpoint with those of the rows since; nil if there are none that fit, or no memory
    /// for them: a store does without.
    private func openCodes(
        _ found: Found, _ contents: StoreContents, _ replayed: [UInt32], _ plan: VectorStore.MemoryPlan
    ) -> StoreCodes? {
        func open(isOwned: Bool) -> StoreCodes? {
            try? StoreCodes.open(directory, found.header, contents, isWritable: isWriter, isOwned: isOwned)
        }
        let codes = plan == .quantizedResident ? open(isOwned: true) ?? open(isOwned: false) : open(isOwned: false)
        let slots = Set(replayed).sorted()
        guard let codes, (try? codes.write(slots)) != nil else { return nil }
        // What insertions thought of them is not in the log: a writer measures if they are many.
        if isWriter { codes.note(doubted: slots.count) }
        contents.use(codes)
        return codes
    }

    /// About how much memory the quantized vectors, the link lists and the slot table of the store take; nil for a store
    /// without quantization.
    private func quantizedBytes(_ header: HeaderSlot, _ superblock: Superblock) -> Int? {
        guard let kind = VectorStore.Quantization(stored: header.codes)?.kind else { return nil }
        let rowBytes = CodeModel.rowBytes(kind, dimensions: superblock.dimensions)
        let bits = max(1, Int.bitWidth - max(header.slotCount, 1).leadingZeroBitCount)
        // Nodes have about 1.3 M links.
        let listBytes = 8 + (superblock.connectivity * 13 / 10 * bits + 7) / 8
        return header.slotCount * (rowBytes + listBytes + SlotEntry.size + 8)
    }

    private func find() throws(StoreFileError) -> Found {
        var prologue = try Recovery.readPrologue(directory, writable: isWriter)
        var header = prologue.header, pending: JournalReader?
        let readGeneration = header.generation
        let journal = try JournalReader.open(directory[StoreName.journal], superblock: prologue.superblock)
        if let journal, journal.header.generation > header.generation {
            if isWriter {
                try checkNumbers(of: journal.header)
                header = try Recovery.redo(journal, in: directory, prologue)
                prologue = LevelZeroFile.Prologue(
                    file: prologue.file, superblock: prologue.superblock, header: header, isHeaderTwice: true)
            } else {
                header = journal.header
                pending = journal
            }
        }
        var isHeaderOld = false
        do {
            try Recovery.checkNewerLogs(directory, prologue.superblock, header)
        } catch {
            if options.logDamage == .fail { throw error }
            isHeaderOld = true
        }
        let log = try Recovery.survey(directory, prologue.superblock, header, options)
        try checkNumbers(of: header, log?.survey.end)
        return Found(
            prologue: prologue, header: header, journal: pending,
            isRedone: isWriter && header.generation > readGeneration, isHeaderOld: isHeaderOld, log: log)
    }

    /// A writer counts on from these. Numbers of ours never come near the highest that there is; after it, nothing
    /// could be read.
    private func checkNumbers(of header: HeaderSlot, _ end: LogPosition? = nil) throws(StoreFileError) {
        let numbers = [
            header.generation.rawValue, header.logSequence.rawValue,
            max(header.lastFrame, end?.frame ?? 0).rawValue, max(header.lastBatch, end?.batch ?? 0).rawValue,
        ]
        guard isWriter, numbers.contains(where: { $0 > 1 << 62 }) else { return }
        throw .format(
            path.appending(StoreName.levelZero),
            FormatError(
                .corrupt,
                "a number in its header or its log is higher than any program counts",
                remedy: "restore the store from a copy"))
    }

    private func map(_ found: Found, _ writing: ColumnMemory.Writing) throws(StoreError) -> LevelZeroFile {
        let present = max(found.header.slotCount, found.log?.survey.end.slotCount ?? 0, 1)
        let slots = isWriter ? Self.reservedSlots(for: present) : present
        do {
            return try LevelZeroFile.map(
                found.prologue.file, found.prologue.superblock, found.header, slots: slots, writing)
        } catch {
            throw StoreError(error)
        }
    }

    /// A writer gets addresses to grow into. They cost nothing, but a process has a limited number of them, and may
    /// have thousands of stores open.
    static func reservedSlots(for present: Int) -> Int { min(max(1 << 26, 64 * present), Geometry.maximumSlots) }

    /// Makes sure that what is found now survives a power cut. The sync of the newer header may have failed, or never
    /// have been made; with only a setting in it, nothing else would bring it to the disk. A full disk must not keep a
    /// store from being opened: then it is done before the first change.
    private func keepHeader(_ disk: StoreDisk) throws(StoreError) {
        do throws(StorageError) {
            try disk.makeHeaderDurable()
        } catch {
            if error.errno.advice == nil { throw StoreError(error) }
        }
    }

    /// Has the header name a new log, so that nobody comes upon the damaged one again.
    private func leave(_ disk: StoreDisk) throws(StoreError) {
        do throws(CheckpointFailure) {
            try disk.startLog()
        } catch {
            throw error.error
        }
    }

    /// Whether the header has the entry point of a graph whose upper layers were made again. That of a damaged store may
    /// be another one, with which `upper` would be found damaged ever after.
    private func isEntryPointRight(_ graph: Graph, _ header: HeaderSlot) -> Bool {
        graph.maximumLevel == header.maximumLevel
            && (header.maximumLevel < 0 || graph.entryPoint == header.entryPoint)
    }

    private func rebuildUpperLayers(of contents: StoreContents) throws(StoreError) {
        let threads = VectorStore.teamSize(options.threads, rows: contents.graph.count)
        let hasRoom = try takingMemory(for: path, contents.graph.rebuildUpperLayers(threads: threads))
        guard hasRoom else {
            throw StoreError(
                .corrupt, "the levels of its slots are too many for a store of this size",
                remedy: "restore it from a copy",
                path: path.appending(StoreName.levelZero))
        }
    }

    /// Applies the log's batches; returns the slots of its rows.
    private func replay(
        _ replay: consuming LogReplay, _ contents: StoreContents, _ file: LevelZeroFile?, _ labels: LabelTable,
        _ plan: VectorStore.MemoryPlan
    ) throws(StoreError) -> (counts: StoreCounts, slots: [UInt32]) {
        var replay = replay
        try replay.run { (slots) throws(StoreError) in
            try contents.grow(to: slots, path: path) { (segment) throws(StorageError) in
                if let file {
                    try file.append(segment, isResident: plan == .resident, .none)
                } else {
                    try contents.memory.allocate(segment, path: path)
                }
            }
        }
        let outcome = try replay.outcome()
        try takingMemory(for: path, labels.prepare(outcome.labels.count))
        labels.commit(outcome.labels) {}
        return (replay.counts, outcome.slots)
    }
}
