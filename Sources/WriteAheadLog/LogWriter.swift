package import FileFormat
package import MappedStorage
import Synchronization
import SystemPackage

/// A log file that is appended to. One thread at a time appends (`reserve`, `append`); another may synchronize
/// meanwhile. After a write or a sync that failed, nothing more can be done with it: what is on the disk is not known
/// any more, and every later call throws.
package final class LogWriter: @unchecked Sendable {
    // Sendable because `checksum` and `allocatedEnd` belong to the one thread that appends, and all else is immutable
    // or atomic.

    /// The file grows by at least this much when it has to.
    private static let growth = 1 << 20

    package let entry: Directory.Entry
    package let sequence: LogNumber
    package let salt: Identifier
    private let file: File
    /// The checksum of the file's header.
    private let seed: UInt32
    /// Of the last frame. The appending thread's own, like `allocatedEnd`.
    private var checksum: UInt32
    /// How far there are blocks of the disk behind the file.
    private var allocatedEnd: Int
    private let used = Atomic<Int>(LogFileHeader.size)
    private let last: Atomic<UInt64>
    private let durable: Atomic<UInt64>
    /// Of the call that failed; 0 while none did.
    private let failure = Atomic<CInt>(0)

    /// The number of the last frame appended; one less than the file's first one while it has none.
    package var lastFrame: FrameNumber { FrameNumber(rawValue: last.load(ordering: .acquiring)) }
    /// The number of the last frame that a call of `synchronize` made durable; of the frames in earlier files it says
    /// nothing.
    package var durableFrame: FrameNumber { FrameNumber(rawValue: durable.load(ordering: .acquiring)) }
    /// Bytes of the file that are used, its header included.
    package var byteCount: Int { used.load(ordering: .acquiring) }
    /// Bytes that the file has room for. For whoever appends.
    package var allocatedBytes: Int { allocatedEnd }
    /// Whether a write or a sync failed.
    package var hasFailed: Bool { failure.load(ordering: .acquiring) != 0 }

    private init(file: File, entry: Directory.Entry, header: LogFileHeader, seed: UInt32, allocatedEnd: Int) {
        self.file = file
        self.entry = entry
        self.allocatedEnd = allocatedEnd
        self.seed = seed
        sequence = header.sequence
        salt = header.salt
        checksum = seed
        last = Atomic(header.firstFrame.previous.rawValue)
        durable = Atomic(header.firstFrame.previous.rawValue)
    }

    /// Makes a log file (of a sequence from 1 on), which is durable with its name when this returns: the header, whose
    /// salt is new, and blocks of the disk for `capacity` bytes. `recycling`: the number of a log file that is not needed any
    /// more and whose blocks are used again. It gets the new header and only then the new name, so that no name ever
    /// stands for another file's header. A file that has the new name already is an error, unless it is the recycled
    /// one. Whatever fails leaves a new file removed, or a recycled one that no reader takes for a log.
    package static func create(
        _ header: LogFileHeader, in directory: Directory, capacity: Int, recycling: LogNumber? = nil
    ) throws(StorageError) -> LogWriter {
        precondition(header.sequence > 0 && header.firstFrame > 0)
        let sector = header.encoded()
        let entry = directory[LogDirectory.name(of: header.sequence)]
        let file: File
        let end: Int
        let old = recycling.map { directory[LogDirectory.name(of: $0)] }
        if let old, let recycled = try File.toWrite(old) {
            guard try entry.status() == nil else { throw StorageError(entry.path, "create the file", .fileExists) }
            file = recycled
            end = try prepare(file, sector, capacity)
            try old.rename(to: entry.name, "give the log file its name")
            do throws(StorageError) {
                try directory.synchronize()
            } catch {
                // So that the name is free when it is tried again.
                try? entry.unlink()
                throw error
            }
        } else {
            try? old?.unlink()
            file = try File(entry, .create)
            do throws(StorageError) {
                end = try prepare(file, sector, capacity)
                try directory.synchronize()
            } catch {
                try? entry.unlink()
                throw error
            }
        }
        return LogWriter(
            file: file, entry: entry, header: header, seed: LogFileHeader.checksum(of: sector), allocatedEnd: end)
    }

    /// Makes room, writes the header and syncs. Returns where the room ends.
    private static func prepare(_ file: File, _ sector: [UInt8], _ capacity: Int) throws(StorageError) -> Int {
        let end = max(try file.size(), capacity, LogFileHeader.size)
        try file.allocate(from: 0, to: end)
        try file.write(sector, at: 0)
        try file.synchronize()
        return end
    }

    /// Makes sure that `bytes` more can be appended without asking the disk for space. Throws with nothing changed, and
    /// can be tried again.
    package func reserve(_ bytes: Int) throws(StorageError) {
        try checkUsable()
        let needed = byteCount + bytes
        guard needed > allocatedEnd else { return }
        let end = roundUp(needed, to: Self.growth)
        try file.allocate(from: allocatedEnd, to: end)
        allocatedEnd = end
    }

    /// Appends a batch with one write: its changes, then `commit`, whose frame count is filled in. Not durable before
    /// `synchronize`. Returns the number of the commit's frame. No space, and no memory for the batch, throws with
    /// nothing changed; a write that fails is the end of this writer.
    @discardableResult
    package func append(_ batch: LogBatch, commit: LogCommit) throws(StorageError) -> FrameNumber {
        if let shortage = batch.shortage { throw StorageError(entry.path, shortage) }
        try reserve(batch.byteCount)
        let sealed = batch.seal(commit, after: lastFrame, previous: checksum, seed: seed)
        let offset = byteCount
        do {
            try unsafe file.write(batch.sealedBytes, at: offset)
        } catch {
            failure.store(error.errno.rawValue, ordering: .releasing)
            throw error
        }
        checksum = sealed.checksum
        used.store(offset + batch.byteCount, ordering: .releasing)
        last.store(sealed.number.rawValue, ordering: .releasing)
        return sealed.number
    }

    /// Everything that was appended before this was called is durable when it returns. It may run on one thread while
    /// another appends; what is appended meanwhile may or may not be covered. Returns the number of the last frame that
    /// is. A failure is the end of this writer.
    @discardableResult
    package func synchronize() throws(StorageError) -> FrameNumber {
        try checkUsable()
        let covered = lastFrame
        do {
            try file.synchronize()
        } catch {
            failure.store(error.errno.rawValue, ordering: .releasing)
            throw error
        }
        durable.max(covered.rawValue, ordering: .releasing)
        return covered
    }

    /// Throws if somebody has removed the file or put another one in its place.
    package func checkIsInPlace() throws(StorageError) { try entry.checkLeads(to: file.descriptor) }

    private func checkUsable() throws(StorageError) {
        let code = failure.load(ordering: .acquiring)
        guard code == 0 else {
            throw StorageError(file.path, "go on with the log after it failed", Errno(rawValue: code))
        }
    }
}
