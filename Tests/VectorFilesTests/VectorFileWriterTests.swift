import MappedStorage
import SystemPackage
import Testing
import VectorFiles

/// Vector files written row by row: the bytes that numpy writes, and what each type takes.
@Suite struct VectorFileWriterTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private static let rows: [Float] = [0, 1, 2, 100, 126, 127]

    private func writer(
        _ name: String, _ format: VectorFileFormat, _ scalar: VectorFileScalar? = nil, dimensions: Int
    ) throws(VectorFileError) -> VectorFileWriter {
        try VectorFileWriter(directory.path.appending(name), format: format, scalar: scalar, dimensions: dimensions)
    }

    /// Writes the values in one go, and returns the file.
    @discardableResult
    private func write(
        _ values: [Float], _ format: VectorFileFormat, _ scalar: VectorFileScalar? = nil, dimensions: Int
    ) throws(VectorFileError) -> FilePath {
        let writer = try writer("a.\(format)", format, scalar, dimensions: dimensions)
        try writer.append(floats: values)
        try writer.finish()
        return writer.path
    }

    @Test(
        arguments: [
            (VectorFileScalar.float16, "float16"), (.float64, "float64"), (.uint8, "uint8"), (.int8, "int8"),
            (.int32, "int32"),
        ])
    func `arrays are those numpy writes, byte for byte`(scalar: VectorFileScalar, name: String) throws {
        let path = try write(Self.rows, .npy, scalar, dimensions: 3)
        #expect(try contents(path) == contents(fixture("converted-\(name)")))
        #expect(directory.names == ["a.npy"])
    }

    @Test(arguments: [VectorFileFormat.fvecs, .bvecs, .ivecs, .fbin, .u8bin, .i8bin, .ibin])
    func `other files are those made with numpy, byte for byte`(format: VectorFileFormat) throws {
        let expected = try contents(fixtures.appending("rows.\(format)"))
        let path = try write(Self.rows, format, dimensions: 3)
        #expect(try contents(path) == expected)
        // Row by row, the same.
        let writer = try writer("a.\(format)", format, dimensions: 3)
        try writer.append(floats: Array(Self.rows[..<3]))
        try writer.append(floats: [])
        try writer.append(floats: Array(Self.rows[3...]))
        #expect(writer.rows == 2 && writer.byteCount == expected.count)
        try writer.finish()
        #expect(try contents(path) == expected)
        #expect(try VectorFile(path).floats() == Self.rows)
    }

    @Test func `halves are the nearest, as numpy's`() throws {
        let path = try write([0.1, -0x1p-25, 65519.996, 1 / 3], .npy, .float16, dimensions: 2)
        #expect(try contents(path) == contents(fixture("converted-halves")))
    }

    @Test(arguments: VectorFileFormat.allCases)
    func `what needs several writes comes out whole`(format: VectorFileFormat) throws {
        // More than 256 KiB in every format, and rows that do not divide it.
        let values = (0..<500_300).map { (index: Int) in Float((index * 31 + index >> 8) % 128) }
        let writer = try writer("a.\(format)", format, .uint8.or(format.fixedScalar), dimensions: 100)
        try writer.append(floats: Array(values[..<100]))
        try writer.append(floats: Array(values[100...]))
        try writer.finish()
        let file = try VectorFile(writer.path)
        #expect(try file.shape == [5003, 100] && file.floats() == values)
    }

    @Test func `integers stay exact beyond 24 bits`() throws {
        let writer = try writer("a.ivecs", .ivecs, dimensions: 2)
        try writer.append([16_777_217, -16_777_219, Int64(Int32.max), Int64(Int32.min)] as [Int64])
        #expect(
            message { try writer.append([0, 1 << 31] as [Int64]) }
                == "row 2 has 2147483648 at component 1, both counted from 0: int32 takes whole numbers from -2147483648 to "
                + "2147483647; scale the data, or write float32")
        try writer.finish()
        let file = try VectorFile(writer.path)
        #expect(try file.readIntegers(rows: 0..<2) == [16_777_217, -16_777_219, Int64(Int32.max), Int64(Int32.min)])
    }

    @Test(
        arguments: [
            (VectorFileScalar.uint8, [256, -1, 0.5, .nan, .infinity, 1e30], [0, 255, -0.0]),
            (.int8, [128, -129, -0.5, .nan, -.infinity], [-128, 127]),
            (.int32, [0x1p31, -2_147_483_904, 1.5, .nan], [2_147_483_520, -0x1p31]),
            (.uint64, [0x1p64, -1], [0x1p63]),
            (.float16, [65_520, -65_520, 1e30], [65_519.996, .infinity, -.infinity, 1e-30]),
            (.float32, [], [.nan, 1e38, -.infinity]),
        ] as [(VectorFileScalar, [Float], [Float])])
    func `a value that does not fit is named`(scalar: VectorFileScalar, wrong: [Float], right: [Float]) throws {
        for value in right { try write([1, value], .npy, scalar, dimensions: 2) }
        for value in wrong {
            let writer = try writer("b.npy", .npy, scalar, dimensions: 2)
            try writer.append(floats: [1, 2])
            let message = message { try writer.append(floats: [3, 4, 5, value, 6, 7]) }
            #expect(message.hasPrefix("row 2 has \(value) at component 1, both counted from 0: "))
            #expect(message.contains("float32"))
        }
        #expect(directory.names == ["a.npy"])
    }

    @Test func `a count is named in the whole file, not in a piece of it`() throws {
        let writer = try writer("a.u8bin", .u8bin, dimensions: 1000)
        var values = [Float](repeating: 1, count: 1_000_000)
        values[777_123] = 1.5
        #expect(message { try writer.append(floats: values) }.hasPrefix("row 777 has 1.5 at component 123,"))
    }

    @Test func `rows that a count of 32 bits cannot say are refused`() throws {
        let writer = try writer("a.u8bin", .u8bin, dimensions: 1)
        try writer.append(floats: [7])
        // Nothing of it is read: it is too much.
        let rows = unsafe UnsafeBufferPointer<Float>(start: UnsafePointer(bitPattern: 4096), count: 1 << 32 - 1)
        #expect(message { unsafe try writer.append(rows) }.contains("at most 4294967295 rows"))
        try writer.finish()
        #expect(try contents(writer.path) == bytes(UInt32(1)) + bytes(UInt32(1)) + [7])
    }

    @Test func `no rows`() throws {
        for format in [VectorFileFormat.npy, .fbin, .u8bin, .i8bin, .ibin] {
            let path = try write([], format, .float32.or(format.fixedScalar), dimensions: 3)
            #expect(try VectorFile(path).shape == [0, 3])
        }
        for format in [VectorFileFormat.fvecs, .bvecs, .ivecs] {
            #expect(message { try write([], format, dimensions: 3) }.contains("cannot say: write .npy"))
            #expect(!directory.names.contains("a.\(format)"))
        }
    }

    @Test func `dimensions and types that no file has`() throws {
        for dimensions in [0, -1, 65_537] {
            #expect(message { _ = try writer("a.fbin", .fbin, dimensions: dimensions) }.contains("1 to 65536 can"))
        }
        #expect(try writer("a.fbin", .fbin, dimensions: 65_536).dimensions == 65_536)
        #expect(message { _ = try writer("a.npy", .npy, dimensions: 1) }.contains("name one"))
        #expect(message { _ = try writer("a.fbin", .fbin, .uint8, dimensions: 1) }.contains("holds float32"))
        #expect(directory.names.isEmpty)
    }

    @Test func `an unfinished file leaves nothing, and what stands at its name stays`() throws {
        let path = try directory.file("a.fvecs", [1, 2, 3])
        do {
            let writer = try writer("a.fvecs", .fvecs, dimensions: 2)
            try writer.append(floats: [1, 2])
            #expect(directory.names.count == 2)
        }
        #expect(directory.names == ["a.fvecs"])
        #expect(try contents(path) == [1, 2, 3])
    }

    @Test func `a disk that fails gives an error and leaves nothing`() throws {
        var calls = SystemCalls.system
        unsafe calls.pwrite = { (_, _, _) throws(Errno) in throw .noSpace }
        let full = directory.path.appending("a.fbin")
        let writer = try VectorFileWriter(full, format: .fbin, dimensions: 1, calls: calls)
        let error = #expect(throws: VectorFileError.self) { try writer.append(floats: [1]) }
        #expect(error?.errno == Errno.noSpace.rawValue && error?.path == full)
        var unsynchronized = SystemCalls.system
        unsynchronized.synchronize = { (_) throws(Errno) in throw .ioError }
        let other = directory.path.appending("b.fbin")
        do {
            let writer = try VectorFileWriter(other, format: .fbin, dimensions: 1, calls: unsynchronized)
            try writer.append(floats: [1])
            #expect(throws: VectorFileError.self) { try writer.finish() }
        }
        #expect(!directory.names.contains("a.fbin") && !directory.names.contains("b.fbin"))
    }
}

extension VectorFileScalar {
    /// The type that a format has, where it has one.
    fileprivate func or(_ fixed: VectorFileScalar?) -> VectorFileScalar { fixed ?? self }
}

extension VectorFileWriter {
    fileprivate func append(floats: [Float]) throws(VectorFileError) {
        var failure: VectorFileError?
        unsafe floats.withUnsafeBufferPointer { buffer in
            do throws(VectorFileError) { try unsafe append(buffer) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}
