import HnswlibFile
import SystemPackage
import TestSupport
import Testing

/// Small files with every bit of them changed, and of every length but their own.
@Suite struct DamageTests {
    let directory: TemporaryDirectory
    let path: FilePath

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.appending("index.bin")
    }

    /// Reads all of a file: whether it was accepted. What is, is sound; what is not, has a reason and a place.
    private func isAccepted(_ bytes: [UInt8], _ location: SourceLocation = #_sourceLocation) throws -> Bool {
        try writeBytes(bytes, to: path)
        do throws(HnswlibFileError) {
            if try !Contents(path).isSound { Issue.record("what was accepted is not sound", sourceLocation: location) }
            return true
        } catch {
            let offset = error.offset ?? -1
            if !(0...bytes.count).contains(offset) || error.path != path
                || !error.message.contains("offset") && bytes.count >= 96
            {
                Issue.record(error, sourceLocation: location)
            }
            return false
        }
    }

    /// Flips each bit of `range` and compares what is accepted with `isHarmless`, which gets the byte's offset and the file.
    private func flip(
        _ range: Range<Int>, of valid: [UInt8], isHarmless: (Int, [UInt8]) -> Bool
    ) throws {
        #expect(try isAccepted(valid))
        for offset in range {
            for bit in 0..<8 {
                var bytes = valid
                bytes[offset] ^= 1 << bit
                if try isAccepted(bytes) != isHarmless(offset, bytes) {
                    Issue.record("bit \(bit) of byte \(offset)")
                }
            }
        }
    }

    private func word(_ bytes: [UInt8], _ offset: Int) -> Int {
        (0..<4).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
    }

    @Test(arguments: [SampleIndex.small, .single(), SampleIndex()])
    func `each bit of the header`(sample: SampleIndex) throws {
        let levels = sample.elements.map(\.upper.count)
        try flip(0..<96, of: sample.file()) { offset, bytes in
            switch offset {
            // A capacity that is no less than the count; 1/ln M; ef_construction.
            case 8..<16: bytes[9..<16].contains { $0 > 0 } || Int(bytes[8]) >= levels.count
            case 80..<96: true
            // Another element of the same level.
            case 52..<56:
                word(bytes, 52) < levels.count && levels[word(bytes, 52)] == levels.max()
            default: false
            }
        }
    }

    /// Counts and live ids; the rest of an element may be anything.
    private func flipElement(_ slot: Int, of sample: SampleIndex, lengths: [Float] = []) throws {
        let start = 96 + slot * sample.stride, count = sample.elements.count
        try flip(start..<(start + sample.stride), of: sample.file(lengths: lengths)) { offset, bytes in
            let links = word(bytes, start) & 0xFFFF
            guard links <= 2 * sample.connectivity else { return false }
            return (0..<links).allSatisfy { word(bytes, start + 4 + 4 * $0) < count }
        }
    }

    @Test func `each bit of the first and the last element`() throws {
        for slot in [0, 4] {
            try flipElement(slot, of: .small)
            try flipElement(slot, of: .small, lengths: [1, 2, 3, 4, 5])
        }
        try flipElement(0, of: .single())
        // Words that stand at no multiple of four, and what is left over that would be out of range.
        var odd = SampleIndex.small
        (odd.vectorBytes, odd.stale) = (5, 77)
        for slot in [0, 4] { try flipElement(slot, of: odd) }
    }

    @Test func `each bit of the lists above level 0`() throws {
        let sample = SampleIndex.small, levels = [0, 2, 1, 1, 0], valid = sample.file()
        // Where lists begin, and their level.
        let first = sample.elementsEnd, lists = [first + 8: 1, first + 20: 2, first + 36: 1, first + 52: 1]
        try flip(first..<valid.count, of: valid) { offset, bytes in
            guard let (list, level) = lists.first(where: { $0.key <= offset && offset < $0.key + 12 }) else {
                return false
            }
            // The other half of the count's word is never looked at, as on level 0.
            let links = word(bytes, list) & 0xFFFF
            guard links <= 2 else { return false }
            return (1...2).prefix(links).allSatisfy {
                let id = word(bytes, list + 4 * $0)
                return id < 5 && levels[id] >= level
            }
        }
    }

    /// The header's own bits have been tested: here it is what they do to a file with lengths and to odd sizes.
    @Test func `each bit of other layouts is refused or harmless`() throws {
        var odd = SampleIndex.ring(count: 3, connectivity: 2, vectorBytes: 3)
        odd.stale = 5
        for valid in [
            SampleIndex.small.file(lengths: [1, 2, 3, 4, 5]), odd.file(), odd.file(lengths: [0, 0, 0]),
        ] {
            var refused = 0
            for position in valid.indices {
                for bit in 0..<8 {
                    var bytes = valid
                    bytes[position] ^= 1 << bit
                    if try !isAccepted(bytes) { refused += 1 }
                }
            }
            #expect(refused > 96 * 4)
        }
    }

    @Test(arguments: [SampleIndex.small, .single(), SampleIndex(), .ring(count: 6, connectivity: 2, vectorBytes: 4)])
    func `every length but its own`(sample: SampleIndex) throws {
        let lengths = sample.elements.indices.map { Float($0) + 0.5 }
        for valid in [sample.file(), sample.file(lengths: lengths)] {
            for length in 0..<valid.count { #expect(try !isAccepted(Array(valid[..<length])), "\(length) bytes") }
            for more in 1...40 {
                // Without lists above level 0, zeros make it Chroma's file: lengths of 0, or sizes of 0.
                let isChromas =
                    more == 4 * lengths.count && sample.elements.allSatisfy(\.upper.isEmpty) && valid == sample.file()
                #expect(
                    try isAccepted(valid + [UInt8](repeating: 0, count: more)) == isChromas, "\(more) more bytes")
                #expect(try !isAccepted(valid + [UInt8](repeating: 0xA5, count: more)), "\(more) more bytes")
            }
        }
    }
}
