import HnswlibFile
import MappedStorage
import SystemPackage
import TestSupport
import Testing

/// What a path is, and what is written.
@Suite struct KindTests {
    let directory: TemporaryDirectory
    let path: FilePath

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.appending("data")
    }

    private func kind(_ bytes: [UInt8]) throws -> HnswlibFileKind? {
        try writeBytes(bytes, to: path)
        return try HnswlibFileKind.recognise(path)
    }

    @Test func `files are told by what is in them`() throws {
        let sample = SampleIndex.small
        #expect(try kind(sample.file()) == .index(.hnswlib))
        #expect(try kind(sample.file(lengths: [1, 2, 3, 4, 5])) == .index(.chromaFile))
        #expect(try kind(SampleIndex().file()) == .index(.hnswlib))
        for other in [
            [], [1], [UInt8](repeating: 0, count: 96), [UInt8](repeating: 0, count: 4096),
            [UInt8](repeating: 0xFF, count: 200), [0x93] + "NUMPY".utf8 + [UInt8](repeating: 0x20, count: 200),
            // .fbin and .fvecs of 2 × 2 floats.
            [2, 0, 0, 0, 2, 0, 0, 0] + [UInt8](repeating: 7, count: 16),
            [2, 0, 0, 0] + [UInt8](repeating: 9, count: 8) + [2, 0, 0, 0] + [UInt8](repeating: 9, count: 8),
        ] { #expect(try kind(other) == nil) }
    }

    @Test func `an index that is damaged is still one, and what is wrong is said`() throws {
        var sample = SampleIndex.small
        for (field, value) in [(8, 1), (16, 99), (24, 0), (32, 1), (40, 0), (56, 0), (72, 3), (64, 1)]
            as [(Int, UInt64)]
        {
            sample.fields = [field: value]
            try writeBytes(sample.file(), to: path)
            let error = failure { _ = try HnswlibFileKind.recognise(path) }
            #expect(error?.message.contains("header") == true)
        }
        sample.fields = [:]
        let cut = Array(sample.file().prefix(200))
        #expect(failure { _ = try kind(cut) }?.message.contains("it was cut off") == true)
    }

    @Test func `folders`() throws {
        #expect(try HnswlibFileKind.recognise(directory.path) == nil)
        try SampleIndex.small.write(folder: directory.path)
        #expect(try HnswlibFileKind.recognise(directory.path) == .index(.chromaFolder))
        removeTree(directory.appending("header.bin"))
        try writeBytes([], to: directory.appending("chroma.sqlite3"))
        let error = failure { _ = try HnswlibFileKind.recognise(directory.path) }
        #expect(error?.message.contains("name one of the folders in it, those that hold a header.bin") == true)
        let missing = failure { _ = try HnswlibFileKind.recognise("/nowhere/at/all") }
        #expect(missing?.message == "there is no such file: check the path")
    }

    @Test func `a file that is not finished leaves what was there`() throws {
        try writeBytes([1, 2], to: path)
        let sample = SampleIndex.small, bytes = sample.levelZero
        let source = directory.appending("source")
        try writeBytes(sample.file(), to: source)
        let header = try HnswlibIndex(source).header
        do {
            let writer = try HnswlibWriter(path, header: header)
            try append(bytes, to: writer)
            #expect(names(in: directory.path).count == 3)
        }
        #expect(try readBytes(path) == [1, 2] && names(in: directory.path) == ["data", "source"])
        #expect(failure { _ = try HnswlibWriter(directory.path, header: header) }?.errno == .isDirectory)
        var calls = SystemCalls.system
        unsafe calls.pwrite = { (_, _, _) throws(Errno) in throw .noSpace }
        let full = failure { _ = try HnswlibWriter(path, header: header, calls: calls) }
        #expect(full?.errno == .noSpace && full?.path == path)
        #expect(try readBytes(path) == [1, 2] && names(in: directory.path) == ["data", "source"])
    }

    @Test func `a sync that fails`() throws {
        var calls = SystemCalls.system
        calls.synchronize = { (_) throws(Errno) in throw .ioError }
        let source = directory.appending("source"), sample = SampleIndex.single()
        try writeBytes(sample.file(), to: source)
        let header = try HnswlibIndex(source).header
        do {
            let writer = try HnswlibWriter(path, header: header, calls: calls)
            try append(sample.levelZero, to: writer)
            let error = failure { try writer.finish() }
            #expect(error?.errno == .ioError && error?.path == path)
        }
        #expect(names(in: directory.path) == ["source"])
    }

    private func append(_ bytes: [UInt8], to writer: HnswlibWriter) throws(HnswlibFileError) {
        let result = unsafe bytes.withUnsafeBytes { bytes in
            Result { () throws(HnswlibFileError) in try unsafe writer.appendElements(bytes) }
        }
        try result.get()
    }
}
