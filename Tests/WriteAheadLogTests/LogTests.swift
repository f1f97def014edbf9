import FileFormat
import MappedStorage
import SystemPackage
import TestSupport
import Testing

@testable import WriteAheadLog

@Suite struct LogTests {
    let fixture: LogFixture

    init() throws { fixture = try LogFixture() }

    @Test func `what was appended is read`() throws {
        let writer = try fixture.writer()
        #expect(writer.lastFrame == 0 && writer.byteCount == 512 && writer.durableFrame == 0)
        try fixture.write(1...3, to: writer)
        #expect(writer.lastFrame == 6)
        #expect(try writer.synchronize() == 6)
        #expect(writer.durableFrame == 6)
        let (survey, lines) = try #require(try fixture.read())
        #expect(lines == (1...3).flatMap(LogFixture.lines))
        #expect(survey.end == LogPosition(frame: 6, batch: 3, slotCount: 3))
        #expect(survey.batchCount == 3 && survey.byteCount == writer.byteCount && !survey.isDamaged)
        var last = LogFixture.commit(3, durable: 4)
        last.frameCount = 2
        #expect(survey.lastCommit == last)
    }

    @Test func `a log without batches is read as nothing`() throws {
        _ = try fixture.writer(firstFrame: 8)
        let position = LogPosition(frame: 7, batch: 3, slotCount: 4)
        let (survey, lines) = try #require(try fixture.read(from: position))
        #expect(survey.end == position && survey.lastCommit == nil && lines.isEmpty)
    }

    @Test func `batches that the state includes are not delivered`() throws {
        try fixture.write(1...4, to: fixture.writer())
        let (survey, lines) = try #require(
            try fixture.read(from: LogPosition(frame: 4, batch: 2, slotCount: 2)))
        #expect(lines == (3...4).flatMap(LogFixture.lines))
        #expect(survey.batchCount == 2)
        let error = #expect(throws: StoreFileError.self) {
            try fixture.read(from: LogPosition(frame: 3, batch: 2, slotCount: 2))
        }
        #expect(error?.formatMessage?.contains("part of the batch") == true)
    }

    @Test func `a batch of many frames and a large log stream through the buffer`() throws {
        let large = LogBatch()
        for _ in 0..<60_000 { large.addState(slot: 0, .live) }
        let writer = try fixture.writer()
        try fixture.write(1...1, to: writer)
        for number in 2...12 {
            var commit = LogFixture.commit(1, durable: 0)
            commit.batch = BatchNumber(rawValue: UInt64(number))
            try writer.append(large, commit: commit)
        }
        #expect(writer.byteCount > 2 * FileWindow.capacity)
        #expect(large.frameCount == 2)
        let (survey, lines) = try #require(try fixture.read())
        #expect(lines.count == 4 + 11 * 60_001)
        #expect(survey.lastCommit?.frameCount == 3 && survey.end.frame.rawValue == 2 + 11 * 3)
    }

    @Test func `log files continue each other`() throws {
        try fixture.write(1...2, to: fixture.writer())
        try fixture.write(3...4, to: fixture.writer(2, firstFrame: 5))
        let first = try #require(try fixture.read())
        let second = try #require(try fixture.read(2, from: first.survey.end))
        #expect(first.lines + second.lines == (1...4).flatMap(LogFixture.lines))
    }

    @Test func `a file whose predecessor lost its end counts only if that was durable`() throws {
        for (durable, isLost) in [(2, false), (3, true)] as [(FrameNumber, Bool)] {
            let fixture = try LogFixture()
            let writer = try fixture.writer(2, firstFrame: 5)
            try writer.append(LogFixture.batch(3), commit: LogFixture.commit(3, durable: durable))
            let position = LogPosition(frame: 2, batch: 1, slotCount: 1)
            if isLost {
                let error = #expect(throws: StoreFileError.self) { try fixture.read(2, from: position) }
                #expect(error?.formatMessage?.contains("frames 3 to 4") == true)
            }
            let (survey, lines) = try #require(try fixture.read(2, from: position, salvaging: true))
            #expect(lines.isEmpty && survey.end == position && survey.isDamaged == isLost)
        }
    }

    @Test func `a header that includes frames the file has not is damage`() throws {
        try fixture.write(1...2, to: fixture.writer())
        let position = LogPosition(frame: 6, batch: 3, slotCount: 3)
        let error = #expect(throws: StoreFileError.self) { try fixture.read(from: position) }
        #expect(error?.formatMessage?.contains("the store's header includes it") == true)
        #expect(try fixture.read(from: position, salvaging: true)?.survey.isDamaged == true)
    }

    @Test func `files that are not this log are no log`() throws {
        #expect(try fixture.read() == nil)
        let writer = try fixture.writer()
        func open(_ sequence: LogNumber, _ salt: Identifier?, _ superblock: Superblock) throws -> Bool {
            try LogReader.open(
                in: Directory(fixture.directory), sequence: sequence, salt: salt, superblock: superblock) != nil
        }
        #expect(try open(1, writer.salt, LogFixture.superblock))
        #expect(try !open(2, nil, LogFixture.superblock))
        #expect(try !open(1, .zeros, LogFixture.superblock))
        var other = LogFixture.superblock
        other.layout = .random()
        #expect(try !open(1, nil, other))
        other = LogFixture.superblock
        other.store = .random()
        #expect(try !open(1, nil, other))
        try writeBytes([], to: fixture.path())
        #expect(try !open(1, nil, LogFixture.superblock))
    }

    @Test func `space is reserved before it is needed`() throws {
        let writer = try fixture.writer(capacity: 4096)
        let size = try File(fixture.path(), .read).size()
        #expect(size == 4096)
        try writer.reserve(4096 - 512)
        #expect(try File(fixture.path(), .read).size() == 4096)
        try writer.reserve(4096 - 511)
        #expect(try File(fixture.path(), .read).size() == 1 << 20)
    }

    @Test func `names in the log directory are parsed`() throws {
        #expect(LogDirectory.name(of: 0x1F) == "000000000000001f.wal")
        #expect(LogDirectory.sequence(of: "ffffffffffffffff.wal") == LogNumber(rawValue: .max))
        for name in ["1f.wal", "000000000000001F.wal", "+00000000000001f.wal", "000000000000001f.wa", "x", ""] {
            #expect(FilePath.Component(name).flatMap { LogDirectory.sequence(of: $0) } == nil)
        }
        for name in ["000000000000000a.wal", "0000000000000002.wal", "other"] {
            try writeBytes([], to: fixture.directory.appending(name))
        }
        #expect(try LogDirectory.sequences(in: Directory(fixture.directory)) == [2, 10])
        #expect(try LogDirectory.sequences(in: nil).isEmpty)
    }

    @Test func `one thread synchronizes while another appends`() async throws {
        let writer = try fixture.writer()
        let syncing = Task.detached {
            var covered: FrameNumber = 0
            while covered < 100 { covered = try writer.synchronize() }
        }
        for number in 1...50 {
            try writer.append(LogFixture.batch(number), commit: LogFixture.commit(number, durable: writer.durableFrame))
        }
        try await syncing.value
        #expect(writer.durableFrame == 100)
        #expect(try fixture.read()?.lines == (1...50).flatMap(LogFixture.lines))
    }
}
