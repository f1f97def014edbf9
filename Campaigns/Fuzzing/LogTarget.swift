import FileFormat
import MappedStorage
import SystemPackage
import WriteAheadLog

/// The reader of log files. The first byte of the input says how the rest is used: as a file as it is, as a file whose checksums,
/// numbers and chain are put right first, as the payload of a frame, or of a commit.
struct LogTarget: FuzzTarget {
    private let file = MemoryFile()
    private let limits = LogLimits(FuzzStore.superblock)

    func run(_ input: UnsafeRawBufferPointer) {
        guard let mode = unsafe input.first else { return }
        let rest = unsafe UnsafeRawBufferPointer(rebasing: input[1...])
        switch mode % 8 {
        case 0: unsafe readChanges(rest)
        case 1: unsafe readCommit(rest)
        case 2: unsafe readFile(rest, mode >> 3)
        default:
            var bytes = unsafe Array(rest)
            Self.seal(&bytes)
            unsafe bytes.withUnsafeBytes { unsafe readFile($0, mode >> 3) }
        }
    }

    private func readChanges(_ payload: UnsafeRawBufferPointer) {
        var reader = unsafe LogChangeReader(payload, limits: limits), rows = 0
        while let change = try? reader.next() {
            if case .row = change { rows += 1 }
            check(change, below: reader.highestSlot + 1)
        }
        precondition(rows == reader.rowCount)
    }

    private func readCommit(_ payload: UnsafeRawBufferPointer) {
        guard let commit = unsafe try? LogCommit(decoding: Array(payload), number: 1000) else { return }
        let again = try? LogCommit(decoding: commit.encoded(), number: 1000)
        precondition(again == commit, "a commit is not what it is encoded as")
    }

    /// Looks at all of a change, and that it keeps to the limits.
    private func check(_ change: LogChange, below count: Int) {
        switch change {
        case .row(let row):
            precondition(Int(row.slot) < count && row.level <= Geometry.maximumLevel)
            precondition(unsafe row.bytes.count == limits.rowLength)
            _ = unsafe Checksum.crc32c(row.bytes)
        case .list(let list):
            precondition(Int(list.slot) < count && list.level <= Geometry.maximumLevel)
            precondition(list.kept <= list.count && list.count <= limits.links(atLevel: list.level))
            for index in list.kept..<list.count { precondition(Int(list.id(at: index)) < count) }
        case .state(let slot, let state): precondition(Int(slot) < count && state != .unused)
        }
    }

    private func readFile(_ bytes: UnsafeRawBufferPointer, _ variant: UInt8) {
        unsafe file.holding(bytes) { calls in
            let salt = variant & 1 == 0 ? FuzzStore.salt : nil
            let reader = try? LogReader.open(
                in: Directory("/", calls: calls), sequence: FuzzStore.sequence, salt: salt,
                superblock: FuzzStore.superblock)
            guard let reader = reader ?? nil else { return }
            let frame = UInt64(variant >> 1 & 7)
            let start = LogPosition(
                frame: FrameNumber(rawValue: frame), batch: variant & 16 == 0 ? 0 : 2, slotCount: Int(frame) * 2)
            if let survey = try? reader.survey(from: start) {
                precondition(!survey.isDamaged)
                replay(reader, survey)
            }
            // Nothing but a disk that fails keeps the rest from being salvaged.
            guard let survey = try? reader.survey(from: start, salvaging: true) else { fatalError("not salvaged") }
            replay(reader, survey)
        }
    }

    /// What a survey found is delivered, whole and in order.
    private func replay(_ reader: LogReader, _ survey: LogSurvey) {
        var commits = 0, frame = survey.start.frame, slots = survey.start.slotCount, highest = -1, rows = 0
        do throws(StoreFileError) {
            try reader.replay(survey) { (change) throws(StoreFileError) in
                check(change, below: Geometry.maximumSlots)
                switch change {
                case .row(let row):
                    highest = max(highest, Int(row.slot))
                    rows += 1
                case .list(let list):
                    highest = max(highest, Int(list.slot))
                    for index in list.kept..<list.count { highest = max(highest, Int(list.id(at: index))) }
                case .state(let slot, _): highest = max(highest, Int(slot))
                }
            } commit: { (commit, number) throws(StoreFileError) in
                precondition(number > frame && commit.slotCount >= slots && commit.slotCount - slots <= rows)
                precondition(highest < commit.slotCount, "a batch names slots past its slot count")
                (frame, slots, highest, rows) = (number, commit.slotCount, -1, 0)
                commits += 1
            }
        } catch {
            fatalError("what was surveyed cannot be replayed: \(error)")
        }
        precondition(commits == survey.batchCount && frame == survey.end.frame && slots == survey.end.slotCount)
    }

    /// Makes the header the store's, and frames follow one another with the right checksums, as far as their lengths allow.
    private static func seal(_ bytes: inout [UInt8]) {
        guard bytes.count >= LogFileHeader.size else { return }
        bytes.store(LogFileHeader.magic, at: 0)
        bytes.store(LogFileHeader.version, at: 8)
        bytes.store(FuzzStore.superblock.store.bytes, at: 16)
        bytes.store(FuzzStore.superblock.layout.bytes, at: 32)
        bytes.store(FuzzStore.sequence.rawValue, at: 48)
        bytes.store(FuzzStore.salt.bytes, at: 64)
        Fuzzing.seal(&bytes, from: 0, length: LogFileHeader.size)
        let seed = LogFileHeader.checksum(of: bytes)
        var number: UInt64 = bytes.integer(at: 56), previous = seed, offset = LogFileHeader.size
        while offset + LogFrame.headerSize < bytes.count {
            let length = Int(bytes.integer(at: offset, as: UInt32.self))
            let end = offset + LogFrame.headerSize + length
            // A frame whose top bit is set stays as it is: an end, or damage.
            guard length > 0, end <= bytes.count, bytes[offset + 15] & 0x80 == 0 else { return }
            bytes.store(number, at: offset + 8)
            bytes.store(previous, at: offset + 16)
            previous = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Checksum.crc32c(UnsafeRawBufferPointer(rebasing: buffer[(offset + 8)..<end]), seed: seed)
            }
            bytes.store(previous, at: offset + 4)
            number &+= 1
            offset = roundUp(end, to: 8)
        }
    }
}
