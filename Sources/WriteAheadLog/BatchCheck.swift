import FileFormat

/// Checks the frames of a log one after the other for what a single frame can't say: that batches are whole, numbered
/// upwards and refer to slots that are there.
struct BatchCheck {
    /// The end of a batch.
    struct End {
        /// The commit, or nil when the state that the log is read for includes the batch.
        let included: LogCommit?
    }

    private let start: LogPosition
    private let limits: LogLimits
    private var batch: BatchNumber
    private var slotCount: Int
    /// Frames of the current batch so far.
    private var frameCount = 0
    /// Rows of the current batch.
    private var rowCount = 0
    /// The highest slot that the current batch names; -1 for none.
    private var highestSlot = -1

    init(after position: LogPosition, limits: LogLimits) {
        start = position
        batch = position.batch
        slotCount = position.slotCount
        self.limits = limits
    }

    /// Takes the next frame; returns what it ends, if it does. Throws `.corrupt`.
    mutating func add(_ frame: LogFrame, _ payload: UnsafeRawBufferPointer) throws(FormatError) -> End? {
        frameCount += 1
        guard frame.kind == .commit else {
            guard frame.number > start.frame else { return nil }
            var changes = unsafe LogChangeReader(payload, limits: limits)
            while try changes.next() != nil {}
            rowCount += changes.rowCount
            highestSlot = max(highestSlot, changes.highestSlot)
            return nil
        }
        let commit = unsafe try LogCommit(decoding: Array(payload), number: frame.number)
        guard commit.frameCount == frameCount else {
            throw FormatError(.corrupt, "the commit counts \(commit.frameCount) frames of \(frameCount)")
        }
        defer { (frameCount, rowCount, highestSlot) = (0, 0, -1) }
        guard frame.number > start.frame else { return End(included: nil) }
        guard frame.number.rawValue - start.frame.rawValue >= UInt64(frameCount) else {
            throw FormatError(.corrupt, "the store's header includes a part of the batch")
        }
        guard commit.batch > batch else {
            throw FormatError(.corrupt, "the batch has number \(commit.batch), not above \(batch), the one before")
        }
        guard commit.slotCount >= slotCount, commit.slotCount - slotCount <= rowCount, highestSlot < commit.slotCount
        else {
            throw FormatError(.corrupt, "the commit's slot count does not fit the slots of its batch")
        }
        batch = commit.batch
        slotCount = commit.slotCount
        return End(included: commit)
    }
}
