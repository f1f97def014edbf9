import FileFormat
import MappedStorage
import SystemPackage
import WriteAheadLog

/// What a crash left of a store: a journal that was not brought into the files to its end, and a log.
enum Recovery {
    /// Superblock and header of the store in `directory`. When neither header is valid, which a crash can leave (one
    /// torn, the other lost by a sync that failed), the journal says the state: then the header is one generation older
    /// than the journal, so that that is redone.
    static func readPrologue(
        _ directory: Directory, writable: Bool
    ) throws(StoreFileError) -> LevelZeroFile.Prologue {
        try LevelZeroFile.readPrologue(directory[StoreName.levelZero], writable: writable) { superblock in
            let journal = try? JournalReader.open(directory[StoreName.journal], superblock: superblock)
            guard var header = journal?.header else { return nil }
            header.generation = header.generation.previous
            return header
        }
    }

    /// Redoes a checkpoint whose journal is whole and whose header is not there; returns the header it led to. May be
    /// broken off and begun again anywhere.
    ///
    /// The journal is copied first: what is read from it need not be on the disk, if syncing it failed, and once the
    /// pages are being written nothing else can say what belongs there.
    static func redo(
        _ journal: JournalReader, in directory: Directory, _ prologue: LevelZeroFile.Prologue
    ) throws(StoreFileError) -> HeaderSlot {
        return try storage { () throws(StorageError) in
            try JournalWriter.replace(in: directory, journal.header) { (writer) throws(StorageError) in
                try unsafe each(journal) { (extent, bytes) throws(StorageError) in
                    try unsafe writer.append(to: extent.target, at: extent.offset, bytes)
                }
            }
            let labels = try? File(directory[StoreName.labels], .readWrite)
            let codes = try? File(directory[StoreName.codes], .readWrite)
            try unsafe each(journal) { (extent, bytes) throws(StorageError) in
                let file =
                    switch extent.target {
                    case .levelZero: prologue.file
                    case .labels: labels
                    case .codes: codes.flatMap { unsafe isOfSameCodes($0, bytes) ? $0 : nil }
                    }
                try unsafe file?.write(bytes, at: extent.offset)
            }
            try labels?.synchronize()
            try codes?.synchronize()
            try prologue.file.synchronize()
            // Not into the slot of the header that was found: it may be the only one.
            var next = journal.header
            if next.generation.headerSlot == prologue.header.generation.headerSlot {
                next.generation = next.generation.next
            }
            return try LevelZeroFile.writeBoth(next, to: prologue.file)
        }
    }

    /// Whether a file's rows are what the header in a journal says. A file that was made after the journal is not to
    /// get it; neither is one whose own header a crash has torn, which will be made again.
    private static func isOfSameCodes(_ file: File, _ bytes: UnsafeRawBufferPointer) -> Bool {
        let found = (try? file.read(count: CodeFileHeader.size, at: 0)).flatMap { CodeFileHeader(decoding: $0) }
        guard let found, let header = unsafe CodeFileHeader(decoding: Array(bytes)) else { return false }
        return found.hasSameRows(as: header)
    }

    /// Puts a journal's bytes into the memory of a store that must not be written.
    static func apply(_ journal: JournalReader, to contents: StoreContents) throws(StoreFileError) {
        let places = contents.places
        try storage { () throws(StorageError) in
            try unsafe each(journal) { (extent, bytes) throws(StorageError) in
                guard extent.target == .levelZero else { return }
                unsafe contents.memory.copy(bytes, fileOffset: extent.offset, places)
            }
        }
    }

    private static func each(
        _ journal: JournalReader,
        _ body: (JournalExtent, UnsafeRawBufferPointer) throws(StorageError) -> Void
    ) throws(StorageError) {
        do throws(StoreFileError) {
            try unsafe journal.forEachExtent { (extent, bytes) throws(StoreFileError) in
                do throws(StorageError) {
                    try unsafe body(extent, bytes)
                } catch {
                    throw .storage(error)
                }
            }
        } catch {
            switch error {
            case .storage(let error): throw error
            case .format(let path, _): throw StorageError(path, "read the journal, which changed meanwhile", .ioError)
            }
        }
    }

    // MARK: The log

    /// The directory of a store's logs; nil if it has none yet.
    private static func logDirectory(of directory: Directory) throws(StoreFileError) -> Directory? {
        do throws(StorageError) {
            return try Directory(directory[StoreName.log])
        } catch {
            if error.errno == .noSuchFileOrDirectory { return nil }
            throw .storage(error)
        }
    }

    /// Throws if there is a log that the header does not know and that has batches: no batch goes to a log before a
    /// header that names it is durable, so one that did is damaged, and the other one is older.
    static func checkNewerLogs(
        _ directory: Directory, _ superblock: Superblock, _ header: HeaderSlot
    ) throws(StoreFileError) {
        guard let logs = try logDirectory(of: directory) else { return }
        let sequences = try storage { () throws(StorageError) in try LogDirectory.sequences(in: logs) }
        for sequence in sequences where sequence > header.logSequence {
            guard let reader = try LogReader.open(in: logs, sequence: sequence, superblock: superblock) else {
                continue
            }
            let start = LogPosition(
                frame: reader.header.firstFrame.previous, batch: header.lastBatch, slotCount: header.slotCount)
            guard try reader.survey(from: start, salvaging: true) != LogSurvey(nothingAfter: start) else { continue }
            throw .format(
                directory[StoreName.levelZero].path,
                FormatError(
                    .corrupt,
                    "the newest header is damaged: \(LogDirectory.name(of: sequence)) has changes that the other one "
                        + "does not know",
                    remedy: "restore the store from a copy, or give those changes up (LogDamage.discardRest)",
                    isSalvageable: true))
        }
    }

    /// The batches of a log that the header names; nil if it names none.
    static func survey(
        _ directory: Directory, _ superblock: Superblock, _ header: HeaderSlot, _ options: VectorStore.OpenOptions
    ) throws(StoreFileError) -> (reader: LogReader, survey: LogSurvey)? {
        guard header.logSequence > 0 else { return nil }
        var reader: LogReader?
        if let logs = try logDirectory(of: directory) {
            reader = try LogReader.open(
                in: logs, sequence: header.logSequence, salt: header.logSalt, superblock: superblock)
        }
        guard let reader else {
            if options.logDamage == .discardRest { return nil }
            throw .format(
                directory[StoreName.log].path.appending(LogDirectory.name(of: header.logSequence)),
                FormatError(
                    .corrupt,
                    "the log that the store goes on from is missing or damaged",
                    remedy: "restore it, or open the store without the changes that it had (LogDamage.discardRest)",
                    isSalvageable: true))
        }
        let survey = try reader.survey(
            from: LogPosition(header), salvaging: options.logDamage == .discardRest)
        return (reader, survey)
    }
}
