import HnswlibFile
import SystemPackage
import TestSupport
import Testing

/// Files as they should be, of every layout, and some that are odd and yet right.
@Suite struct IndexTests {
    let directory: TemporaryDirectory
    let path: FilePath

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.appending("index.bin")
    }

    private func contents(_ bytes: [UInt8]) throws -> Contents {
        try writeBytes(bytes, to: path)
        return try Contents(path)
    }

    @Test func `everything is read as it is written`() throws {
        let sample = SampleIndex.small
        let contents = try contents(sample.file())
        let header = contents.header
        #expect(contents.layout == .hnswlib && contents.isSound && contents.lengths == nil)
        #expect(header.capacity == 8 && header.count == 5 && header.vectorBytes == 8 && header.connectivity == 2)
        #expect(header.maximumLevel == 2 && header.entryPoint == 1 && header.constructionWidth == 200)
        #expect(header.multiplier == 1.4426950408889634)
        #expect(header.vectorOffset == 20 && header.labelOffset == 28 && header.elementBytes == 36)
        #expect(contents.elements == sample.levelZero)
        #expect(contents.levels == [0, 2, 1, 1, 0] && contents.marked == [1])
        #expect(
            contents.nodes == [
                .init(slot: 1, level: 2, words: [2, 2, 3, 0, 4, 4]), .init(slot: 2, level: 1, words: [1, 1, 4]),
                .init(slot: 3, level: 1, words: [2, 2, 1]),
            ])
        let index = try HnswlibIndex(path)
        #expect(index.fileBytes == sample.file().count)
        #expect(try index.bytes(3..<4) == sample.bytes(of: sample.elements[3]))
        #expect(try index.bytes(2..<2).isEmpty)
    }

    /// Level by level, M from the smallest to the largest, vectors that keep words off their alignment.
    static let samples: [(String, SampleIndex)] = [
        ("small", .small), ("nothing", SampleIndex()), ("one", .single()),
        ("one on level 63", .single(level: 63)), ("M 64", .ring(count: 40, connectivity: 64, vectorBytes: 12)),
        ("M 3", .ring(count: 1000, connectivity: 3, vectorBytes: 1)),
        ("M 10,000", .single(connectivity: 10_000, vectorBytes: 7, level: 63)),
        ("M 2, vectors of 5 bytes", .ring(count: 300, connectivity: 2, vectorBytes: 5)),
        // Lists longer than a piece, which begin and end everywhere in one.
        ("many lists", .ring(count: 15_000, connectivity: 9, vectorBytes: 4)),
        ("long elements", .ring(count: 9, connectivity: 16, vectorBytes: 200_000)),
    ]

    @Test(arguments: samples) func `what was read is written as the same bytes`(name: String, sample: SampleIndex)
        throws
    {
        let bytes = sample.file()
        let contents = try contents(bytes)
        #expect(contents.isSound && contents.layout == .hnswlib)
        #expect(contents.levels == sample.elements.map { $0.upper.count })
        #expect(contents.labels == sample.elements.map { $0.label })
        #expect(contents.marked == sample.elements.indices.filter { sample.elements[$0].flags & 1 == 1 })
        let copy = directory.appending("copy.bin")
        try contents.write(copy)
        #expect(try readBytes(copy) == bytes)
    }

    @Test(arguments: samples) func `Chroma's own file has lengths`(name: String, sample: SampleIndex) throws {
        let lengths = sample.elements.indices.map { Float($0) + 1.5 }
        let contents = try contents(sample.file(lengths: lengths))
        // Without elements there is nothing to tell the two by, nor any difference.
        #expect(contents.layout == (lengths.isEmpty ? .hnswlib : .chromaFile))
        #expect(contents.lengths == (lengths.isEmpty ? nil : lengths))
        #expect(contents.elements == sample.levelZero && contents.isSound)
        let copy = directory.appending("copy.bin")
        try contents.write(copy)
        #expect(try readBytes(copy) == sample.file())
    }

    @Test func `lengths that look like sizes of lists`() throws {
        // Three elements with M = 2: a word for each is as many bytes as a list, so the size fits both layouts.
        var sample = SampleIndex.ring(count: 3, connectivity: 2, vectorBytes: 4)
        let zeros = [Float](repeating: 0, count: 3)
        #expect(try contents(sample.file(lengths: zeros)).layout == .chromaFile)
        #expect(try contents(sample.file(lengths: [1, 2, 3])).layout == .chromaFile)
        #expect(try contents(sample.file()).layout == .hnswlib)
        let list = Float(bitPattern: 12)
        #expect(try contents(sample.file(lengths: [list, 0, 0])).layout == .chromaFile)
        for slot in sample.elements.indices { sample.elements[slot].upper = [] }
        #expect(try contents(sample.file(lengths: zeros)).layout == .chromaFile)
        // What hnswlib can load is taken for its own: here the sizes are a list of no links.
        (sample.words[48], sample.words[52]) = (1, 2)
        #expect(try contents(sample.file(lengths: [0, 0, list])).layout == .hnswlib)
    }

    @Test func `progress reaches the whole`() throws {
        let sample = SampleIndex.ring(count: 15_000, connectivity: 9, vectorBytes: 4)
        try writeBytes(sample.file(), to: path)
        var seen: [Int] = [], totals: Set<Int> = []
        _ = try HnswlibIndex(path).validate { done, total in
            seen.append(done)
            totals.insert(total)
        }
        #expect(totals == [sample.file().count - 96] && seen.last == totals.first)
        #expect(seen.count > 2 && seen == seen.sorted())
    }

    @Test func `elements that changed since they were checked are refused when they are read`() throws {
        var sample = SampleIndex.small
        try writeBytes(sample.file(), to: path)
        let index = try HnswlibIndex(path)
        _ = try index.validate()
        sample.elements[3].links = [1, 5]
        sample.elements[2].upper = [[1, 9]]
        try writeBytes(sample.file(), to: path)
        #expect(try index.bytes(0..<3).count == 3 * 36)
        let error = failure { _ = try index.bytes(1..<5) }
        #expect(error?.offset == 96 + 3 * 36 + 8 && error?.path == path)
        #expect(error?.message.contains("element 3 has a link to element 5, but there are 5") == true)
        let upper = failure {
            try unsafe index.forEachUpperNode { (_, _, _) throws(HnswlibFileError) in }
        }
        #expect(upper?.message.contains("element 2 has a link to element 9, but there are 5") == true)
        try writeBytes(Array(sample.file().prefix(96 + 2 * 36)), to: path)
        #expect(failure { _ = try index.bytes(1..<3) }?.message.contains("was cut off at byte offset 168") == true)
        #expect(failure { _ = try index.validate() }?.message.contains("was cut off") == true)
    }
}
