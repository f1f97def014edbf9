import CrashStates
import MappedStorage
import SystemPackage

/// A small program that keeps a promise about a disk, or breaks it in one way: a log of records and, every eight
/// records, a fresh log file that begins with the number of records in all. It may have lost no record that it
/// acknowledged.
struct ToyLog {
    /// Ways to break the promise.
    enum Defect: CaseIterable {
        case noSyncAfterAppend
        case noSyncBeforeRename
        case noSyncOfDirectory
        case noChecksum
    }

    /// What the log says is not what a crash may leave.
    struct Violation: Error { let reason: String }

    let directory: FilePath
    let calls: SystemCalls
    let defect: Defect?
    private var file: File
    private var end: Int
    private var lifetime: UInt64
    private(set) var count: Int

    private static let recordsPerFile = 8, headerBytes = 32, frameBytes = 24

    /// Makes a log without records.
    init(creating directory: FilePath, calls: SystemCalls, defect: Defect? = nil) throws {
        self.directory = directory
        self.calls = calls
        self.defect = defect
        (count, end, lifetime) = (0, Self.headerBytes, 1)
        file = try Self.publish(directory, calls, defect, lifetime: 1, count: 0)
    }

    /// Opens a log after whatever happened, and leaves it fit for appending.
    init(recovering directory: FilePath, calls: SystemCalls, defect: Defect? = nil) throws {
        self.directory = directory
        self.calls = calls
        self.defect = defect
        file = try File(directory.appending("log"), .readWrite, calls: calls)
        let bytes = try file.read(count: file.size(), at: 0)
        guard bytes.count >= Self.headerBytes, Self.word(bytes, 0) == Self.hash(bytes[8..<Self.headerBytes]) else {
            throw Violation(reason: "the header is not valid")
        }
        lifetime = Self.word(bytes, 8)
        count = Int(Self.word(bytes, 16))
        end = Self.headerBytes
        while end + Self.frameBytes <= bytes.count {
            let length = Int(truncatingIfNeeded: Self.word(bytes, end + 8))
            guard 0..<4096 ~= length, end + Self.frameBytes + length <= bytes.count,
                Self.word(bytes, end + 16) == UInt64(count) &+ lifetime << 32
            else { break }
            let covered = bytes[end + 8..<end + Self.frameBytes + length]
            if defect != .noChecksum { guard Self.word(bytes, end) == Self.hash(covered) else { break } }
            guard Array(covered.dropFirst(16)) == Self.payload(count) else {
                throw Violation(reason: "record \(count) has other bytes")
            }
            count += 1
            end += Self.frameBytes + length
        }
        // What a crash left behind the end must not become the continuation of what is appended.
        if bytes[end...].contains(where: { $0 != 0 }) { try rotate() }
    }

    /// Appends record number `count`; it is there to stay when this returns.
    mutating func append() throws {
        if (end > 8 * 1024 || count % Self.recordsPerFile == 0) && end > Self.headerBytes { try rotate() }
        let payload = Self.payload(count)
        var frame = Self.bytes(UInt64(payload.count)) + Self.bytes(UInt64(count) &+ lifetime << 32) + payload
        frame = Self.bytes(Self.hash(frame[...])) + frame
        try file.write(frame, at: end)
        if defect != .noSyncAfterAppend { try file.synchronize() }
        end += frame.count
        count += 1
    }

    private mutating func rotate() throws {
        lifetime += 1
        file = try Self.publish(directory, calls, defect, lifetime: lifetime, count: count)
        end = Self.headerBytes
    }

    private static func publish(
        _ directory: FilePath, _ calls: SystemCalls, _ defect: Defect?, lifetime: UInt64, count: Int
    ) throws -> File {
        let draft = directory.appending("log.new")
        if Directory.kind(of: draft) != .missing { try calls.unlink(SystemCalls.workingDirectory, draft) }
        let file = try File(draft, .create, calls: calls)
        if lifetime % 2 == 0 { try file.allocate(from: 0, to: 8192) }
        let body = bytes(lifetime) + bytes(UInt64(count)) + bytes(0)
        try file.write(bytes(hash(body[...])) + body, at: 0)
        if defect != .noSyncBeforeRename { try file.synchronize() }
        try calls.rename(SystemCalls.workingDirectory, draft, directory.appending("log"))
        if defect != .noSyncOfDirectory { try Directory(directory, calls: calls).synchronize() }
        return file
    }

    /// The bytes of a record: up to three sectors of them.
    private static func payload(_ number: Int) -> [UInt8] { payloads[number % payloads.count] }

    private static let payloads = (0..<64).map { number in
        var generator = CrashGenerator(seed: UInt64(number))
        return (0..<generator.below(1600) + 1).map { _ in UInt8(truncatingIfNeeded: generator.next() | 1) }
    }

    private static func word(_ bytes: [UInt8], _ offset: Int) -> UInt64 {
        bytes[offset..<offset + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func bytes(_ word: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
    }

    private static func hash(_ bytes: ArraySlice<UInt8>) -> UInt64 { FileImage(Array(bytes)).digest }
}
