import FileFormat
import MappedStorage
import SystemPackage
import TestSupport

@testable import WriteAheadLog

/// A store's log directory, batches for it that are told apart by their number, and what reading them gives.
struct LogFixture {
    static let superblock = Superblock(
        store: Identifier(bytes: Array(0x20..<0x30)), layout: Identifier(bytes: Array(0x40..<0x50)), dimensions: 3,
        metric: .l2, scalar: .uint8, connectivity: 4, constructionWidth: 10, seed: 1)
    static let nothing = LogPosition(frame: 0, batch: 0, slotCount: 0)

    let temporary: TemporaryDirectory
    var directory: FilePath { temporary.path }

    init() throws { temporary = try TemporaryDirectory() }

    func path(_ sequence: LogNumber = 1) -> FilePath { directory.appending(LogDirectory.name(of: sequence)) }

    func writer(
        _ sequence: LogNumber = 1, firstFrame: FrameNumber = 1, capacity: Int = 4096, recycling: LogNumber? = nil,
        calls: SystemCalls = .system
    ) throws(StorageError) -> LogWriter {
        try LogWriter.create(
            LogFileHeader(
                store: Self.superblock.store, layout: Self.superblock.layout, sequence: sequence,
                firstFrame: firstFrame, salt: .random()),
            in: Directory(directory, calls: calls), capacity: capacity, recycling: recycling)
    }

    /// Batch `number`, from 1 on: a row for slot `number - 1`, a list and a state.
    static func batch(_ number: Int) -> LogBatch {
        let batch = LogBatch()
        let vector = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 3)
        unsafe vector.withUnsafeBytes {
            unsafe batch.addRow(slot: UInt32(number - 1), label: UInt64(number) << 33, level: 1, norm: 0, bytes: $0)
        }
        let ids = [UInt32](repeating: UInt32(number - 1), count: 2)
        unsafe ids.withUnsafeBufferPointer { unsafe batch.addList(slot: 0, level: 0, kept: 1, added: $0) }
        batch.addState(slot: UInt32(number - 1), .marked)
        return batch
    }

    static func commit(_ number: Int, durable: FrameNumber) -> LogCommit {
        LogCommit(
            batch: BatchNumber(rawValue: UInt64(number)), durableFrame: durable, entryPoint: 0, maximumLevel: 1,
            searchWidth: 50, slotCount: number, liveCount: 0, markedCount: number, freeCount: 0, levelState: 77)
    }

    /// What batch `number` gives when it is read. A batch has two frames.
    static func lines(_ number: Int) -> [String] {
        [
            "row \(number - 1) 1 \(UInt64(number) << 33) \([UInt8](repeating: UInt8(number), count: 3))",
            "list 0 0 3 1 \([number - 1, number - 1])", "state \(number - 1) marked", "commit \(number) \(2 * number)",
        ]
    }

    /// Writes batches `numbers`, each of which is durable when the next is written.
    @discardableResult
    func write(_ numbers: ClosedRange<Int>, to writer: LogWriter, durable: Bool = true) throws -> LogWriter {
        for number in numbers {
            let last = durable ? writer.lastFrame : 0
            try writer.append(Self.batch(number), commit: Self.commit(number, durable: last))
        }
        return writer
    }

    /// What the log file holds: nil if it is none.
    func read(
        _ sequence: LogNumber = 1, from position: LogPosition = nothing, salvaging: Bool = false,
        calls: SystemCalls = .system
    ) throws -> (survey: LogSurvey, lines: [String])? {
        let logs = try storage { () throws(StorageError) in try Directory(directory, calls: calls) }
        guard let reader = try LogReader.open(in: logs, sequence: sequence, superblock: Self.superblock) else {
            return nil
        }
        let survey = try reader.survey(from: position, salvaging: salvaging)
        return (survey, try lines(of: survey, in: reader))
    }

    func lines(of survey: LogSurvey, in reader: LogReader) throws -> [String] {
        var lines: [String] = []
        try reader.replay(survey) { (change) throws(StoreFileError) in
            switch change {
            case .row(let row): lines.append("row \(row.slot) \(row.level) \(row.label) \(unsafe Array(row.bytes))")
            case .list(let list):
                let ids = (list.kept..<list.count).map { list.id(at: $0) }
                lines.append("list \(list.slot) \(list.level) \(list.count) \(list.kept) \(ids)")
            case .state(let slot, let state): lines.append("state \(slot) \(state)")
            }
        } commit: { (commit, frame) throws(StoreFileError) in
            lines.append("commit \(commit.batch) \(frame)")
        }
        return lines
    }
}

extension StoreFileError {
    /// What is said of a file's contents; nil for a system call that failed.
    var formatMessage: String? {
        guard case .format(_, let error) = self, error.kind == .corrupt else { return nil }
        return error.message
    }
}
