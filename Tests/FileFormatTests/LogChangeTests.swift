import FileFormat
import Testing

@Suite struct LogChangeTests {
    /// 3 dimensions of u8, M 4, norms.
    static let limits = LogFormatTests.limits

    /// What the payload holds, one line a change.
    private func read(_ payload: [UInt8], limits: LogLimits = limits) throws -> (lines: [String], highest: Int) {
        try unsafe payload.withUnsafeBytes { buffer in
            var reader = unsafe LogChangeReader(buffer, limits: limits)
            var lines: [String] = []
            while let change = try reader.next() {
                switch change {
                case .row(let row):
                    let bytes = unsafe Array(row.bytes)
                    lines.append("row \(row.slot) \(row.level) \(row.label) \(row.norm) \(bytes)")
                case .list(let list):
                    let ids = (list.kept..<list.count).map { list.id(at: $0) }
                    lines.append("list \(list.slot) \(list.level) \(list.count) \(list.kept) \(ids)")
                case .state(let slot, let state): lines.append("state \(slot) \(state)")
                }
            }
            return (lines, reader.highestSlot)
        }
    }

    /// The payload of the sample batch.
    private var sample: [UInt8] {
        let batch = LogFormatTests.sampleBatch()
        return unsafe Array(batch.sealedBytes[24..<80])
    }

    @Test func `changes are read as they were added`() throws {
        let (lines, highest) = try read(sample)
        #expect(lines == ["row 11 2 72623859790382856 1.5 [9, 8, 7]", "list 2 1 3 1 [3, 4]", "state 6 superseded"])
        #expect(highest == 11)
        #expect(try read([]).lines.isEmpty)
    }

    @Test func `a payload cut anywhere but between changes is corrupt`() throws {
        let bytes = sample
        for count in 0..<bytes.count {
            guard ![0, 28, 48].contains(count) else { continue }
            let error = #expect(throws: FormatError.self) { try read(Array(bytes[..<count])) }
            #expect(error?.kind == .corrupt)
        }
    }

    /// Offsets in the sample's payload, bytes that can't stand there, and a word of the message.
    static let impossible: [(Int, [UInt8], String)] = [
        (0, [0], "unknown kind"), (0, [4], "unknown kind"), (1, [64], "level"), (7, [0x80], "slot"),
        (4, [0xFF, 0xFF, 0xFF, 0x7F], "slot"), (20, [4], "length"), (20, [0xFF, 0xFF, 0xFF, 0xFF], "length"),
        (29, [64], "level"), (30, [5], "links"), (30, [0xFF, 0xFF], "links"), (36, [4], "links"),
        (30, [4], "cut short"), (40, [0xFF, 0xFF, 0xFF, 0x7F], "slot"), (43, [0x80], "slot"), (49, [0], "state"),
        (49, [5], "state"), (55, [0x80], "slot"),
    ]

    @Test(arguments: impossible)
    func `a change out of range is corrupt`(offset: Int, bytes: [UInt8], word: String) {
        var payload = sample
        payload.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
        let error = #expect(throws: FormatError.self) { try read(payload) }
        #expect(error?.kind == .corrupt)
        #expect(error?.message.contains(word) == true, "\(error?.message ?? "nothing")")
    }

    @Test func `the limits are the store's`() throws {
        var limits = Self.limits
        limits.hasNorms = false
        #expect(throws: FormatError.self) { try read(sample, limits: limits) }
        limits = Self.limits
        limits.rowLength = 4
        #expect(throws: FormatError.self) { try read(sample, limits: limits) }
        // 8 links are too many for level 1 and right for level 0.
        let ids = [UInt32](repeating: 1, count: 8)
        for (level, fits) in [(0, true), (1, false)] {
            let batch = LogBatch()
            unsafe ids.withUnsafeBufferPointer { unsafe batch.addList(slot: 0, level: level, kept: 0, added: $0) }
            let payload = unsafe Array(batch.sealedBytes[24..<(24 + 12 + 32)])
            if fits {
                #expect(try read(payload).lines.count == 1)
            } else {
                #expect(throws: FormatError.self) { try read(payload) }
            }
        }
    }

    @Test func `any bytes are read or refused`() {
        var generator = SystemRandomNumberGenerator()
        var refused = 0
        for _ in 0..<20_000 {
            var payload = sample
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                payload[Int.random(in: 0..<payload.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            do {
                let (lines, highest) = try read(payload)
                #expect(lines.count <= payload.count / 8 && highest < Geometry.maximumSlots)
            } catch {
                refused += 1
            }
        }
        #expect(refused > 1000)
    }
}
