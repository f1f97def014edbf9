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

    /// What is at the path, before anything is mapped.
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

        /// Whether the log has batches that the files do not have.
        var hasChanges: Bool { (log?.survey.batchCount ?? 0) > 0 }

        /// Whether there is a log that is read no further than to a place in it, or not at all.
        var hasDamagedLog: Bool { isHeaderOld || header.logSequence > 0 && log?.survey.isDamaged ?? true }
    }

    /// What was read, with what a journal and the log have beyond the files.
    private struct State {
        let file: LevelZeroFile
        let contents: StoreContents
        let labels: LabelTable
        let plan: VectorStore.MemoryPlan
        /// nil where the upper layers are lost, or where there are none.
        let upperFile: UpperFile?
        /// Changes of the columns are in memory of this process alone.
        let isOwnMemory: Bool
        /// The upper layers were not in their file, and were made again from the levels.
        let isUpperLost: Bool
        var counts: StoreCounts
        /// The slots of the rows that the log has.
        var replayedSlots: [UInt32] = []
    }

    func open(_ storeLock: StoreLock) throws(StoreError) -> VectorStore {
        let found: Found
        do {
            found = try find()
        } catch {
            throw StoreError(error)
        }
        let state = try read(found), contents = state.contents
        let kind = quantization(found.header, state.file.superblock)
        let codes = found.journal == nil && kind != .none ? openCodes(found, state) : nil
        if state.plan != .resident {
            let areListsOnDisk = state.plan == .paged && codes != nil
            contents.readTogether(
                reader(state, .vectors, readsKept: 64),
                lists: areListsOnDisk ? reader(state, .links, readsKept: 256) : nil)
        }
        if state.plan == .quantizedResident {
            // Without addresses for them they are read from the file.
            try? contents.graph.usePackedLists()
            contents.memory.lock(.slotTable, state.file.segments)
        }
        let counts = PublishedCounts(state.counts)
        let writer = isWriter ? try writer(found, state, storeLock, counts, kind, codes) : nil
        return VectorStore(
            directory, access: options.access, contents: contents, labels: state.labels, writer: writer,
            counts: counts, storeLock: storeLock, searchWidth: max(1, found.header.searchWidth), codes: kind,
            plan: state.plan, packing: state.plan == .quantizedResident ? ListPacking(contents) : nil)
    }

    /// What reads rows of a column past the page cache, where that can be.
    private func reader(_ state: State, _ column: Geometry.Column, readsKept: Int) -> RowReader? {
        // What a log has is in memory of this process, and not in the file.
        guard !state.isOwnMemory else { return nil }
        return RowReader(
            directory[StoreName.levelZero], mapped: state.file.file, state.contents.memory, state.file.segments,
            column, readsKept: readsKept)
    }

    // MARK: What is read

    /// Maps the files, and applies what a journal and the log have.
    private func read(_ found: Found) throws(StoreError) -> State {
        let isOwnMemory = !isWriter && (found.hasChanges || found.journal != nil)
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
        if isUpperLost && !found.hasChanges { try rebuildUpperLayers(of: contents) }
        var state = State(
            file: file, contents: contents, labels: try labels(found, contents.graph), plan: plan(found, file),
            upperFile: upper?.file, isOwnMemory: isOwnMemory, isUpperLost: isUpperLost,
            counts: StoreCounts(found.header))
        if let log = found.log, found.hasChanges {
            let target = isOwnMemory ? nil : file
            let replay = try LogReplay(log, into: contents, file: target, hasUpper: !isUpperLost, counts: state.counts)
            try self.replay(replay, into: &state, target)
            // Changes of lists that are lost are of no use; the levels are what counts.
            if isUpperLost { try rebuildUpperLayers(of: contents) }
        }
        return state
    }

    /// How the store uses memory, which the kernel is told.
    private func plan(_ found: Found, _ file: LevelZeroFile) -> VectorStore.MemoryPlan {
        let plan = VectorStore.memoryPlan(
            file.segments, budget: options.memoryBudget ?? MemoryBudget.system,
            quantizedBytes: quantizedBytes(found.header, file.superblock))
        for segment in file.segments {
            // What is not in the page cache is read by the row even if all of it would fit: read in large pages, or
            // with the kernel's usual look ahead, the first answers would wait for hundreds of megabytes.
            let isCached = plan == .resident && file.memory.isCached(segment)
            file.memory.advise(isCached ? .resident : .random, segment)
        }
        return plan
    }

    private func labels(_ found: Found, _ graph: Graph) throws(StoreError) -> LabelTable {
        let file = try translating { () throws(StorageError) -> LabelIndexFile? in
            guard found.journal == nil else { return nil }
            return try LabelIndexFile(
                directory[StoreName.labels], of: found.header, graph: graph, writable: isWriter)
        }
        return LabelTable(graph: graph, file: file, isInMemory: false)
    }

    /// The quantization that the header asks for. No program of ours writes one that the vectors cannot have.
    private func quantization(_ header: HeaderSlot, _ superblock: Superblock) -> VectorStore.Quantization {
        let kind = VectorStore.Quantization(stored: header.codes) ?? .none
        let isPossible = (try? kind.check(VectorStore.Configuration(superblock, ef: 1))) != nil
        return isPossible ? kind : .none
    }

    // MARK: Writing

    /// What changes the store. Whatever was found that may not be on the disk is brought there first.
    private func writer(
        _ found: Found, _ state: State, _ storeLock: StoreLock, _ counts: PublishedCounts,
        _ kind: VectorStore.Quantization, _ codes: StoreCodes?
    ) throws(StoreError) -> StoreWriter {
        var upperFile = state.upperFile
        let graph = state.contents.graph, isEntryPointRight = isEntryPointRight(graph, found.header)
        if state.isUpperLost && !found.hasChanges && isEntryPointRight {
            upperFile = try? UpperFile.writeBeside(
                directory, graph.upper, layout: found.header.layout, generation: found.header.graphGeneration)
        }
        upperFile?.takeName()
        let disk = StoreDisk(
            directory, storeLock, state.file, found.header, upperFile: upperFile,
            replayedFrame: found.log?.survey.end.frame ?? found.header.lastFrame, isResident: state.plan == .resident,
            isHeaderDurable: found.isRedone)
        disk.hasOtherEntryPoint = state.isUpperLost && !isEntryPointRight
        let writer = StoreWriter(
            state.contents, labels: state.labels, disk: disk, counts: counts, codeKind: kind, codes: codes,
            options: options)
        try writer.refreshCodes()
        if disk.hasChanges {
            // What was replayed may have been read from a cache that the disk never got.
            try writer.checkpoint()
        } else if found.hasDamagedLog {
            try leave(disk)
        } else if !found.prologue.isHeaderTwice {
            try keepHeader(disk)
        }
        return writer
    }

    /// The codes as of the last checkpoint with those of the rows since; nil if there are none that fit, or no memory
    /// for them: a store does without.
    private func openCodes(_ found: Found, _ state: State) -> StoreCodes? {
        let contents = state.contents
        func open(isOwned: Bool) -> StoreCodes? {
            try? StoreCodes.open(directory, found.header, contents, isWritable: isWriter, isOwned: isOwned)
        }
        let areOwned = state.plan == .quantizedResident || state.plan == .paged && areCodesSmall(found.header, state)
        let codes = areOwned ? open(isOwned: true) ?? open(isOwned: false) : open(isOwned: false)
        let slots = Set(state.replayedSlots).sorted()
        guard let codes, (try? codes.write(slots)) != nil else { return nil }
        // What insertions thought of them is not in the log: a writer measures if they are many.
        if isWriter { codes.note(doubted: slots.count) }
        contents.use(codes)
        return codes
    }

    /// Whether the memory budget has room for the quantized vectors, the heads of lists and the slot table.
    private func areCodesSmall(_ header: HeaderSlot, _ state: State) -> Bool {
        guard let kind = VectorStore.Quantization(stored: header.codes)?.kind else { return false }
        let rowBytes = CodeModel.rowBytes(kind, dimensions: state.file.superblock.dimensions)
        let budget = options.memoryBudget ?? MemoryBudget.system
        return header.slotCount * (rowBytes + SlotEntry.size + 4) <= budget / 10 * 9
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

    /// Applies the log's batches. `file`: nil if they go to memory of this handle's own.
    private func replay(
        _ replay: consuming LogReplay, into state: inout State, _ file: LevelZeroFile?
    ) throws(StoreError) {
        let contents = state.contents, plan = state.plan
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
        try takingMemory(for: path, state.labels.prepare(outcome.labels.count))
        state.labels.commit(outcome.labels) {}
        (state.counts, state.replayedSlots) = (replay.counts, outcome.slots)
    }
}
