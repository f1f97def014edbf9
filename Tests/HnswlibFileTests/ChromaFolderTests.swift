import HnswlibFile
import SystemPackage
import TestSupport
import Testing

/// Chroma's folder, with what there may be in its files beyond what they must have.
@Suite struct ChromaFolderTests {
    let directory: TemporaryDirectory
    var folder: FilePath { directory.path }

    init() throws { directory = try TemporaryDirectory() }

    private func bytes(_ floats: [Float]) -> [UInt8] { floats.flatMap { SampleIndex().bytes($0.bitPattern) } }

    @Test func `a folder has what the file has`() throws {
        let sample = SampleIndex.small
        let file = directory.appending("index.bin")
        try writeBytes(sample.file(), to: file)
        try sample.write(folder: folder, lengths: bytes([1, 2, 3, -45.27, .nan]))
        var contents = try Contents(folder)
        #expect(contents.layout == .chromaFolder && contents.isSound)
        #expect(contents.lengths?.prefix(4) == [1, 2, 3, -45.27] && contents.lengths?.last?.isNaN == true)
        #expect(contents.header == (try HnswlibIndex(file).header) && contents.elements == sample.levelZero)
        contents.lengths = nil
        contents.layout = .hnswlib
        #expect(try Contents(file) == contents)
        let copy = directory.appending("copy.bin")
        try contents.write(copy)
        #expect(try readBytes(copy) == sample.file())
        let index = try HnswlibIndex(folder)
        #expect(index.path == folder && index.fileBytes == 4 + sample.file().count + 20)
    }

    @Test func `files are longer than what is in them`() throws {
        let sample = SampleIndex.small, garbage = [UInt8](repeating: 0xA5, count: 3 * 36 + 7)
        try sample.write(folder: folder, behindElements: garbage, lengths: bytes([1, 2, 3, 4, 5, 6, 7]))
        let contents = try Contents(folder)
        #expect(contents.elements == sample.levelZero && contents.lengths == [1, 2, 3, 4, 5])
        try writeBytes(sample.links + [1, 0, 0], to: directory.appending("link_lists.bin"))
        #expect(try Contents(folder) == contents)
    }

    @Test func `there may be no lengths`() throws {
        try SampleIndex.small.write(folder: folder)
        #expect(try Contents(folder).lengths == nil)
        try SampleIndex.small.write(folder: folder, lengths: bytes([1, 2, 3, 4]))
        #expect(try Contents(folder).lengths == nil)
    }

    @Test func `an index that was never stored`() throws {
        var nothing = SampleIndex()
        nothing.fields[8] = 1000
        // Written at full capacity, of which nothing means anything; no lists; no metadata.
        try nothing.write(
            folder: folder, behindElements: [UInt8](repeating: 0x5A, count: 36_000),
            lengths: [UInt8](repeating: 1, count: 4000))
        let contents = try Contents(folder)
        #expect(contents.header.count == 0 && contents.header.capacity == 1000 && contents.nodes.isEmpty)
        #expect(contents.elements.isEmpty && contents.isSound)
        #expect(try ChromaMetadata.read(folder: folder) == nil)
    }

    @Test func `files that are too short`() throws {
        let sample = SampleIndex.small
        try sample.write(folder: folder)
        for (name, whole) in [("data_level0.bin", sample.levelZero), ("link_lists.bin", sample.links)] {
            let file = directory.appending(name)
            for length in 0..<whole.count {
                try writeBytes(Array(whole[..<length]), to: file)
                let error = failure { _ = try Contents(folder) }
                #expect(error?.path == file && error?.offset == length)
                #expect(error?.message.contains("ends at byte offset \(length)") == true)
            }
            try writeBytes(whole, to: file)
        }
        #expect(try Contents(folder).isSound)
        let head = directory.appending("header.bin"), bytes = try readBytes(head)
        for length in [0, 4, 96, 99, 101] {
            try writeBytes(Array((bytes + [0]).prefix(length)), to: head)
            #expect(
                failure { _ = try HnswlibIndex(folder) }?.message.contains("it has \(length) bytes, not 100") == true)
        }
    }

    @Test func `versions, and where errors are`() throws {
        try SampleIndex.small.write(folder: folder, version: 2)
        let head = directory.appending("header.bin")
        var error = failure { _ = try HnswlibIndex(folder) }
        #expect(error?.message.contains("its version is not 1") == true && error?.offset == 0 && error?.path == head)
        var sample = SampleIndex.small
        sample.fields[72] = 7
        try sample.write(folder: folder)
        error = failure { _ = try HnswlibIndex(folder) }
        #expect(error?.path == head && error?.offset == 60 && error?.message.contains("M is 7") == true)
        sample = .small
        sample.words[52] = 2
        try sample.write(folder: folder)
        error = failure { _ = try HnswlibIndex(folder).validate() }
        #expect(error?.path == head && error?.offset == 56 && error?.message.contains("entry point 2") == true)
        sample = .small
        sample.elements[0].links = [5]
        sample.elements[2].upper = []
        try sample.write(folder: folder)
        error = failure { _ = try HnswlibIndex(folder).validate() }
        #expect(error?.path == directory.appending("link_lists.bin") && error?.offset == 12)
        sample.elements[2].upper = [[1]]
        try sample.write(folder: folder)
        error = failure { _ = try HnswlibIndex(folder).validate() }
        #expect(error?.path == directory.appending("data_level0.bin") && error?.offset == 4)
    }

    @Test func `a file that is missing is named`() throws {
        for name in ["header.bin", "data_level0.bin", "link_lists.bin"] {
            try SampleIndex.small.write(folder: folder)
            removeTree(directory.appending(name))
            let error = failure { _ = try HnswlibIndex(folder) }
            #expect(error?.path == directory.appending(name) && error?.errno == .noSuchFileOrDirectory)
        }
    }
}
