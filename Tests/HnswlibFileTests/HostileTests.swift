import HnswlibFile
import MappedStorage
import Synchronization
import SystemPackage
import TestSupport
import Testing

/// Numbers that no file may have: each is refused with what is wrong, and where.
@Suite struct HostileTests {
    let directory: TemporaryDirectory
    let path: FilePath

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.appending("index.bin")
    }

    private func refusal(
        _ bytes: [UInt8], _ location: SourceLocation = #_sourceLocation
    ) throws -> (message: String, offset: Int?) {
        try writeBytes(bytes, to: path)
        let error = try #require(failure(location) { _ = try HnswlibIndex(path).validate() }, sourceLocation: location)
        #expect(error.path == path && error.errno == nil, sourceLocation: location)
        #expect(error.offset.map { error.message.contains("\($0)") } != false, sourceLocation: location)
        return (error.message, error.offset)
    }

    /// Fields of the header, their value, and what the message has.
    static let fields: [(Int, UInt64, String)] = [
        (0, 96, "level 0 begins at 96"), (8, 4, "a capacity of 4 for 5 elements"), (8, 0, "a capacity of 0"),
        (16, 1 << 31, "2147483648 elements, the most is 2147483647"), (16, .max, "18446744073709551615 elements"),
        (16, 6, "capacity"), (24, 0, "elements of 0 bytes, with labels at 28 it is 36"),
        (24, .max, "with labels at 28"),
        (32, 20, "labels at 20 and vectors at 20"), (32, 0, "labels at 0"), (32, .max - 4, "labels at"),
        (32, 20 + (1 << 24) + 1, "a vector has 1 to 2^24 bytes"), (40, 16, "vectors begin at 16"),
        (40, .max, "with M 2 it is 20"), (56, 3, "lists of 3 links, M is 2"), (64, 2, "lists of 2 links on level 0"),
        (64, 1 << 33, "on level 0"), (72, 1, "M is 1, not 2 to 10000"), (72, 0, "M is 0"), (72, 10_001, "M is 10001"),
        (72, .max, "M is 18446744073709551615"), (72, 1 << 62, "M is 4611686018427387904"),
    ]

    @Test(arguments: fields) func `fields of the header`(field: Int, value: UInt64, text: String) throws {
        var sample = SampleIndex.small
        if field == 16 && value == 6 { sample.fields[8] = 5 }
        sample.fields[field] = value
        let (message, offset) = try refusal(sample.file())
        #expect(message.contains(text) && message.contains("header"), "\(message)")
        #expect(offset == (message.contains("capacity") ? 8 : field))
    }

    @Test func `levels and the entry point`() throws {
        var sample = SampleIndex.small
        for (level, text) in [
            (0, "element 1 has level 2, but the header says that the highest is 0"), (1, "highest is 1"),
            (3, "the highest level is 3, but no element is above level 2"),
            (64, "the highest level is 64, not 0 to 63"),
            (.max, "the highest level is -1, not 0"), (1 << 31, "-2147483648"),
        ] as [(UInt32, String)] {
            sample.words[48] = level
            let (message, offset) = try refusal(sample.file())
            #expect(message.contains(text) && message.contains("byte offset \(offset ?? -1)"), "\(message)")
        }
        sample.words[48] = nil
        for (entry, text) in [
            (0, "entry point 0 has level 0, not the highest, 2"), (2, "entry point 2 has level 1"),
            (5, "entry point 5, but there are 5 elements"), (.max, "entry point 4294967295, but"),
        ] as [(UInt32, String)] {
            sample.words[52] = entry
            let (message, offset) = try refusal(sample.file())
            #expect(message.contains(text) && offset == 52, "\(message)")
        }
        var nothing = SampleIndex()
        nothing.words[48] = 0
        #expect(try refusal(nothing.file()).message.contains("the highest level of no elements is -1, not 0"))
        nothing.words = [52: 0]
        #expect(try refusal(nothing.file()).message.contains("entry point 0 without elements"))
        // A level has lists, in which there is a list too many, or none.
        sample.words[52] = nil
        for (slot, size, text) in [
            (1, 1, "have 1 bytes, which is no multiple of the 12 of one list"), (1, 36, "has level 3, but the header"),
            (2, 64 * 12, "element 2 has level 64, the highest is 63"), (2, .max, "have 4294967295 bytes"),
            (4, 12, "inside the link lists of element 4 of 5"), (1, 0, "element 2 have 2 bytes"),
        ] as [(Int, UInt32, String)] {
            sample.listSizes = [slot: size]
            let (message, offset) = try refusal(sample.file())
            #expect(message.contains(text) && offset! >= sample.elementsEnd, "\(message)")
        }
    }

    @Test func `counts and ids`() throws {
        var sample = SampleIndex.small
        sample.elements[2].count = 5
        var (message, offset) = try refusal(sample.file())
        #expect(message.contains("element 2 has 5 links, the most is 4") && offset == 96 + 2 * 36)
        sample.elements[2].count = .max
        #expect(try refusal(sample.file()).message.contains("element 2 has 65535 links"))
        sample = .small
        sample.elements[4].links = [0, 1, 5]
        (message, offset) = try refusal(sample.file())
        #expect(message.contains("element 4 has a link to element 5, but there are 5") && offset == 96 + 4 * 36 + 12)
        sample.elements[4].links = [.max]
        #expect(try refusal(sample.file()).message.contains("a link to element 4294967295"))
        sample = .small
        sample.elements[3].upper = [[1, 5]]
        (message, offset) = try refusal(sample.file())
        #expect(message.contains("element 3 has a link to element 5"))
        #expect(offset == sample.elementsEnd + 4 + 28 + 16 + 4 + 8)
        // Each element is there, and element 2 is on level 1 but not on level 2.
        sample.elements[3].upper = [[1]]
        sample.elements[1].upper = [[2], [2]]
        (message, offset) = try refusal(sample.file())
        #expect(message.contains("element 1 has a link on level 2 to element 2, which has level 1"))
        #expect(offset == sample.elementsEnd + 4 + 4 + 12 + 4)
        sample.elements[1].upper = [[0], []]
        #expect(try refusal(sample.file()).message.contains("a link on level 1 to element 0, which has level 0"))
    }

    @Test func `counts of upper lists`() throws {
        let sample = SampleIndex.small
        var bytes = sample.file()
        bytes[sample.elementsEnd + 8] = 3
        let (message, offset) = try refusal(bytes)
        #expect(message.contains("element 1 has 3 links on level 1, the most is 2") && offset == sample.elementsEnd + 8)
        bytes[sample.elementsEnd + 8] = 2
        bytes[sample.elementsEnd + 21] = 1
        #expect(try refusal(bytes).message.contains("element 1 has 256 links on level 2"))
    }

    @Test func `sizes beyond the file and beyond all files`() throws {
        var sample = SampleIndex.small
        (sample.fields[8], sample.fields[16]) = (.max, UInt64(Int32.max))
        var (message, offset) = try refusal(sample.file())
        #expect(message.contains("2147483647 elements of 36 bytes reach to 77309411388"))
        #expect(message.contains("ends at byte offset \(sample.file().count)") && offset == sample.file().count)
        // Elements as large as they may be, as many as there may be.
        (sample.fields[32], sample.fields[24]) = (20 + (1 << 24), 28 + (1 << 24))
        #expect(try refusal(sample.file()).message.contains("reach to 36028857"))
        (message, offset) = try refusal(Array(sample.file().prefix(95)))
        #expect(message.contains("it has 95 bytes, an hnswlib index has 96 and more") && offset == 95)
        #expect(try refusal([]).message.contains("it has 0 bytes"))
    }

    @Test func `what is not a file`() throws {
        let missing = failure { _ = try HnswlibIndex("/nowhere/at all.bin") }
        #expect(missing?.errno == .noSuchFileOrDirectory)
        #expect(missing.map { "\($0)" } == "/nowhere/at all.bin: there is no such file: check the path")
        #expect(failure { _ = try HnswlibIndex("/dev/null") }?.message.contains("not a regular one") == true)
    }

    /// Each read fails, in turn: the error has the system's number, and nothing traps.
    @Test func `a disk that does not read`() throws {
        try writeBytes(SampleIndex.small.file(), to: path)
        let left = Mutex(0)
        var calls = SystemCalls.system
        unsafe calls.pread = { (descriptor, buffer, offset) throws(Errno) in
            let fails = left.withLock { left in
                left -= 1
                return left == 0
            }
            if fails { throw .ioError }
            return try unsafe SystemCalls.system.pread(descriptor, buffer, offset)
        }
        for number in 1...10 {
            left.withLock { $0 = number }
            do throws(HnswlibFileError) {
                _ = try Contents(path, calls: calls)
                #expect(left.withLock { $0 } > 0 && number > 5)
            } catch {
                #expect(error.errno == .ioError && error.path == path && error.message.contains("could not read"))
            }
        }
    }
}
