package import FileFormat
package import MappedStorage
package import SystemPackage

/// Where a state is in the log: what has been applied to it, and how far it reaches.
package struct LogPosition: Sendable, Hashable {
    /// The last frame that the state includes.
    package var frame: FrameNumber
    /// The last batch that the state includes.
    package var batch: BatchNumber
    package var slotCount: Int

    package init(frame: FrameNumber, batch: BatchNumber, slotCount: Int) {
        self.frame = frame
        self.batch = batch
        self.slotCount = slotCount
    }

    /// That of the state in `header`.
    package init(_ header: HeaderSlot) {
        self.init(frame: header.lastFrame, batch: header.lastBatch, slotCount: header.slotCount)
    }
}

/// What a log file holds beyond a state.
package struct LogSurvey: Sendable, Hashable {
    /// The state that the survey was made for.
    package let start: LogPosition
    /// That state with all committed batches applied.
    package internal(set) var end: LogPosition
    /// The last committed batch's; nil when there is none beyond the state.
    package internal(set) var lastCommit: LogCommit?
    package internal(set) var batchCount = 0
    /// Where the last committed batch ends in the file.
    package internal(set) var byteCount = LogFileHeader.size
    /// Whether batches after the last one delivered were lost that had been promised to be kept. Only when salvaging:
    /// otherwise that is an error.
    package internal(set) var isDamaged = false

    init(start: LogPosition, end: LogPosition) {
        self.start = start
        self.end = end
    }

    /// That of a log without batches after `position`.
    package init(nothingAfter position: LogPosition) { self.init(start: position, end: position) }
}

/// Reads one log file: first `survey` finds the committed batches and checks everything, then `replay` delivers them.
/// Takes memory for a buffer, whatever the file's length.
package final class LogReader {
    package let path: FilePath
    package let header: LogFileHeader
    private let seed: UInt32
    private let limits: LogLimits
    private let window: FileWindow

    private init(path: FilePath, header: LogFileHeader, seed: UInt32, limits: LogLimits, window: FileWindow) {
        self.path = path
        self.header = header
        self.seed = seed
        self.limits = limits
        self.window = window
    }

    /// Opens log file `sequence` of the store. Nil when there is no such file, or what is there is not this store's
    /// log of that number (and salt, if one is given): a file that was not finished, or is of another life. Throws
    /// `.incompatible` for a log of a newer version.
    package static func open(
        in directory: Directory, sequence: LogNumber, salt: Identifier? = nil, superblock: Superblock
    ) throws(StoreFileError) -> LogReader? {
        let entry = directory[LogDirectory.name(of: sequence)], path = entry.path
        let file: File
        do {
            file = try File(entry, .read)
        } catch {
            if error.errno == .noSuchFileOrDirectory { return nil }
            throw .storage(error)
        }
        let sector = try storage { () throws(StorageError) in try file.read(count: LogFileHeader.size, at: 0) }
        let header: LogFileHeader
        do {
            header = try LogFileHeader(decoding: sector)
        } catch {
            if error.kind == .incompatible { throw .format(path, error) }
            return nil
        }
        guard header.sequence == sequence, header.store == superblock.store, header.layout == superblock.layout,
            salt == nil || salt == header.salt
        else { return nil }
        let window = try storage { () throws(StorageError) in try FileWindow(file) }
        return LogReader(
            path: path, header: header, seed: LogFileHeader.checksum(of: sector), limits: LogLimits(superblock),
            window: window)
    }

    /// Finds what the file holds beyond `position`, and checks every byte of it: nothing that `replay` delivers is out
    /// of range, and slot counts grow by no more than there are rows. The log ends at the first frame that does not
    /// fit; a batch without its commit is no part of it. If a later commit says that the end was durable, then the file
    /// is damaged and acknowledged batches are lost: that throws `.corrupt`, and so do frames that are intact and
    /// wrong. `salvaging`: in both cases the log ends at the last good commit instead, and the survey says so.
    package func survey(from position: LogPosition, salvaging: Bool = false) throws(StoreFileError) -> LogSurvey {
        var survey = LogSurvey(start: position, end: position)
        guard header.firstFrame <= position.frame.next else {
            return try missing(survey, salvaging)
        }
        var cursor = LogCursor(header: header, seed: seed)
        var batch = BatchCheck(after: position, limits: limits)
        while true {
            let offset = cursor.offset
            guard let payload = unsafe try next(&cursor) else { break }
            do throws(FormatError) {
                guard let commit = unsafe try batch.add(cursor.frame, payload) else { continue }
                survey.byteCount = cursor.offset
                guard let commit = commit.included else { continue }
                survey.end = LogPosition(frame: cursor.number, batch: commit.batch, slotCount: commit.slotCount)
                survey.lastCommit = commit
                survey.batchCount += 1
            } catch {
                let problem = FormatError(
                    .corrupt, "in the frame at byte \(offset), \(error.message)", isSalvageable: true)
                guard salvaging else { throw .format(path, problem) }
                survey.isDamaged = true
                return survey
            }
        }
        let reason: String
        if try hasDurableCommit(after: cursor.number, from: cursor.offset) {
            reason = "a later commit says that it was durable"
        } else if cursor.number < position.frame {
            reason = "the store's header includes it"
        } else {
            return survey
        }
        guard salvaging else { throw .format(path, Self.damage(cursor, reason)) }
        survey.isDamaged = true
        return survey
    }

    /// Delivers what `survey` found, batch by batch: the changes of a batch in their order, then its commit with the
    /// number of its frame. Buffers in a change are good for the call that gets it. Throws what the closures throw, and
    /// `.corrupt` when the file is not what it was.
    package func replay(
        _ survey: LogSurvey, change: (LogChange) throws(StoreFileError) -> Void,
        commit: (LogCommit, _ frame: FrameNumber) throws(StoreFileError) -> Void
    ) throws(StoreFileError) {
        var cursor = LogCursor(header: header, seed: seed)
        while cursor.offset < survey.byteCount {
            guard let payload = unsafe try next(&cursor) else {
                throw .format(path, FormatError(.corrupt, "the file changed while it was read", isSalvageable: true))
            }
            guard cursor.number > survey.start.frame else { continue }
            if cursor.frame.kind == .commit {
                let number = cursor.number
                let bytes = unsafe Array(payload)
                let decoded = try format { () throws(FormatError) in try LogCommit(decoding: bytes, number: number) }
                try commit(decoded, number)
                continue
            }
            var changes = unsafe LogChangeReader(payload, limits: limits)
            while let decoded = try format({ () throws(FormatError) in try changes.next() }) {
                try change(decoded)
            }
        }
    }

    /// The payload of the next frame, or nil where none fits.
    private func next(_ cursor: inout LogCursor) throws(StoreFileError) -> UnsafeRawBufferPointer? {
        do {
            return unsafe try cursor.next(window)
        } catch {
            throw .storage(error)
        }
    }

    private func format<Result>(_ body: () throws(FormatError) -> Result) throws(StoreFileError) -> Result {
        do {
            return try body()
        } catch {
            throw .format(path, error)
        }
    }

    /// The survey of a file that begins after the position's next frame: the frames in between are lost. If they were
    /// never durable, this file has nothing that counts.
    private func missing(_ survey: LogSurvey, _ salvaging: Bool) throws(StoreFileError) -> LogSurvey {
        var survey = survey
        guard try hasDurableCommit(after: survey.start.frame, from: LogFileHeader.size) else { return survey }
        let range = "\(survey.start.frame.next) to \(header.firstFrame.previous)"
        let lost = "frames \(range), which were durable, are in no log file"
        guard salvaging else { throw .format(path, FormatError(.corrupt, lost, isSalvageable: true)) }
        survey.isDamaged = true
        return survey
    }

    private func hasDurableCommit(after number: FrameNumber, from offset: Int) throws(StoreFileError) -> Bool {
        try storage { () throws(StorageError) in
            try LostCommits(window: window, seed: seed).exist(after: number, from: offset)
        }
    }

    private static func damage(_ cursor: LogCursor, _ reason: String) -> FormatError {
        FormatError(
            .corrupt,
            "the log is damaged at byte \(cursor.offset): frame \(cursor.number.next) is not there, and \(reason)",
            remedy: "salvage what comes before, or restore the store from a copy", isSalvageable: true)
    }
}
