import FileFormat
import MappedStorage
import SystemPackage
import TestSupport
import Testing

@testable import WriteAheadLog

@Suite struct LogDamageTests {
    let fixture: LogFixture
    /// A log of three batches, each of which was durable when the next was written, without the room behind.
    let log: [UInt8]
    /// Where the batches end.
    let ends: [Int]

    init() throws {
        fixture = try LogFixture()
        let writer = try fixture.writer()
        var ends = [writer.byteCount]
        for number in 1...3 {
            try fixture.write(number...number, to: writer)
            ends.append(writer.byteCount)
        }
        self.ends = ends
        log = Array(try readBytes(fixture.path())[..<ends[3]])
    }

    private func lines(_ batches: Int) -> [String] { (1...3).prefix(batches).flatMap(LogFixture.lines) }

    // Found by fuzzing: the reader trapped behind the end of such a file.
    @Test func `a log may end in the zeros that fill a frame up`() throws {
        let writer = try fixture.writer(2), batch = LogBatch()
        try fixture.write(1...1, to: writer)
        let end = writer.byteCount
        unsafe [UInt8](repeating: 2, count: 3).withUnsafeBytes {
            unsafe batch.addRow(slot: 1, label: 2, level: 0, norm: 0, bytes: $0)
        }
        try writer.append(batch, commit: LogFixture.commit(2, durable: 0))
        // A row takes 28 bytes, and with the frame's header four less than the frame.
        let bytes = try readBytes(fixture.path(2)), cut = end + LogFrame.headerSize + 28
        for count in cut...cut + 4 {
            try writeBytes(Array(bytes[..<count]), to: fixture.path(2))
            #expect(try fixture.read(2)?.lines == LogFixture.lines(1), "\(count - cut)")
        }
    }

    @Test func `a log cut short anywhere has the batches before the cut`() throws {
        for count in 512...log.count {
            for tail in [0, 256] {
                try writeBytes(Array(log[..<count]) + [UInt8](repeating: 0, count: tail), to: fixture.path())
                // A commit ends with zeros: those behind a cut log may stand in for them.
                let whole = ends.lastIndex { $0 <= count || tail > 0 && log[count..<$0].allSatisfy { $0 == 0 } }!
                #expect(try fixture.read()?.lines == lines(whole), "\(count)")
            }
        }
    }

    @Test func `a log cut short is followed by anything and stays the same`() throws {
        var generator = SystemRandomNumberGenerator()
        for count in stride(from: 512, through: log.count, by: 4) {
            let garbage = (0..<300).map { _ in UInt8.random(in: 0...255, using: &generator) }
            try writeBytes(Array(log[..<count]) + garbage, to: fixture.path())
            let whole = ends.lastIndex { $0 <= count }!
            #expect(try fixture.read()?.lines == lines(whole), "\(count)")
        }
    }

    @Test func `every flipped bit is found or harmless`() throws {
        var found = 0, ended = 0, harmless = 0
        for bit in 0..<(log.count * 8) {
            var bytes = log
            bytes[bit / 8] ^= 1 << (bit % 8)
            try writeBytes(bytes, to: fixture.path())
            if bit / 8 < 512 {
                #expect(try fixture.read() == nil)
                continue
            }
            let batch = ends.lastIndex { $0 <= bit / 8 }!
            do {
                let lines = try #require(try fixture.read()).lines
                // Only the end of the log may go unsaid: there it looks as if a crash had cut it.
                if lines == self.lines(3) {
                    harmless += 1
                } else {
                    ended += 1
                    #expect(lines == self.lines(2) && batch == 2, "bit \(bit)")
                }
            } catch let error as StoreFileError {
                found += 1
                #expect(error.formatMessage?.contains("damaged at byte") == true && batch < 2, "bit \(bit)")
                let (survey, lines) = try #require(try fixture.read(salvaging: true))
                #expect(lines == self.lines(batch) && survey.isDamaged, "bit \(bit)")
            }
        }
        // The fill of the three changes' frames is all that may be anything.
        let fill = (ends[1] - ends[0] - LogBatch.commitByteCount) - 24 - 56
        #expect(harmless == 3 * 8 * fill && found > 0 && ended > 0)
    }

    @Test func `lost batches that nobody was promised end the log`() throws {
        let fixture = try LogFixture()
        let writer = try fixture.writer()
        try fixture.write(1...3, to: writer, durable: false)
        var bytes = try readBytes(fixture.path())
        bytes[ends[1] + 30] ^= 1
        try writeBytes(bytes, to: fixture.path())
        let (survey, found) = try #require(try fixture.read())
        #expect(found == lines(1) && !survey.isDamaged)
    }

    @Test func `frames of another life of the file are never read`() throws {
        // Overwritten at every place where a batch ended: the old frames behind it have fitting numbers.
        for batches in 0...3 {
            let fixture = try LogFixture()
            try fixture.write(1...3, to: fixture.writer())
            let writer = try fixture.writer(2, recycling: 1)
            if batches > 0 { try fixture.write(1...batches, to: writer) }
            #expect(try fixture.read(1) == nil)
            let (survey, found) = try #require(try fixture.read(2))
            #expect(found == lines(batches) && !survey.isDamaged)
            #expect(names(in: fixture.directory) == [LogDirectory.name(of: 2).string])
        }
    }

    @Test func `a recycled file without its new name is no log`() throws {
        let system = LogFaults(call: "rename", number: 1)
        #expect(throws: StorageError.self) {
            try fixture.writer(2, recycling: 1, calls: system.calls)
        }
        #expect(try fixture.read(1) == nil && fixture.read(2) == nil)
    }

    /// A log of one batch with `payload` as its changes and a commit changed by `change`, checksums right.
    private func hostile(
        _ payload: [UInt8]? = nil, _ change: (inout LogCommit) -> Void = { _ in }
    ) throws -> (StoreFileError?, LogSurvey?) {
        let fixture = try LogFixture()
        let batch = LogFixture.batch(1)
        var commit = LogFixture.commit(1, durable: 0)
        change(&commit)
        let writer = try fixture.writer()
        try writer.append(batch, commit: commit)
        if let payload {
            var bytes = try readBytes(fixture.path())
            bytes.replaceSubrange(536..<(536 + payload.count), with: payload)
            let seed = LogFileHeader.checksum(of: Array(bytes[..<512]))
            func checksum(_ range: Range<Int>) -> UInt32 {
                unsafe bytes.withUnsafeBytes { unsafe Checksum.crc32c(.init(rebasing: $0[range]), seed: seed) }
            }
            let length = Int(bytes.integer(at: 512, as: UInt32.self))
            bytes.store(checksum(520..<(536 + length)), at: 516)
            let second = 512 + roundUp(24 + length, to: 8)
            bytes.store(bytes.integer(at: 516, as: UInt32.self), at: second + 16)
            bytes.store(checksum((second + 8)..<(second + 120)), at: second + 4)
            try writeBytes(bytes, to: fixture.path())
        }
        do {
            return (nil, try fixture.read()?.survey)
        } catch let error as StoreFileError {
            return (error, try fixture.read(salvaging: true)?.survey)
        }
    }

    @Test func `intact frames that say what can't be are corrupt`() throws {
        #expect(try hostile().1?.batchCount == 1)
        let row: [UInt8] = [1, 1, 0, 0]
        #expect(try hostile(row).1?.batchCount == 1)
        let cases: [([UInt8]?, String, (inout LogCommit) -> Void)] = [
            ([9], "unknown kind", { _ in }), ([1, 64], "level", { _ in }),
            (row + [1, 0, 0, 0], "slot count", { _ in }),
            (nil, "slot count", { ($0.slotCount, $0.markedCount) = (2, 2) }),
            (nil, "slot count", { ($0.slotCount, $0.markedCount) = (1 << 30, 1 << 30) }),
            (nil, "entry point", { $0.entryPoint = 1 }), (nil, "add up", { $0.liveCount = 1 }),
            (nil, "frame numbers", { $0.durableFrame = 2 }),
        ]
        for (payload, word, change) in cases {
            let (error, salvaged) = try hostile(payload, change)
            #expect(error?.formatMessage?.contains(word) == true, "\(word): \(String(describing: error))")
            #expect(salvaged?.isDamaged == true && salvaged?.batchCount == 0)
        }
    }

    @Test func `a file full of what looks like commits is read in time that grows with it`() throws {
        // Every eighth byte begins something that passes all but the checksum.
        var bytes = Array(log[..<512])
        let word: [UInt8] = [96, 0, 0, 0, 2, 0, 0, 0]
        for _ in 0..<100_000 { bytes += word }
        try writeBytes(bytes, to: fixture.path())
        #expect(try fixture.read()?.lines == [])
    }
}
