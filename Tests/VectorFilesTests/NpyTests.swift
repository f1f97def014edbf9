import SystemPackage
import Testing
import VectorFiles

/// .npy files that numpy wrote, and dictionaries that it did not.
@Suite struct NpyTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private static let tiny = 5.9604645e-08 as Float

    @Test(
        arguments: [
            ("float32-v1", VectorFileScalar.float32, [0.5, -1.25, 3, 65504, tiny, -0.0]),
            ("float32-v2", .float32, [0.5, -1.25, 3, 65504, tiny, -0.0]),
            ("float32-v3", .float32, [0.5, -1.25, 3, 65504, tiny, -0.0]),
            ("float16", .float16, [0.5, -1.25, 3, 65504, tiny, -0.0]),
            ("float64", .float64, [0.5, -1.25, 3, 65504, tiny, -0.0]),
            ("uint8", .uint8, [0, 1, 2, 127, 128, 255]),
            ("int8", .int8, [0, 1, -1, 127, -127, -128]),
            ("int32", .int32, [0, 1, -1, 7, 2_147_483_648, -2_147_483_648]),
            ("uint32", .uint32, [0, 1, 2, 7, 8, 4_294_967_296]),
        ] as [(String, VectorFileScalar, [Float])])
    func `numpy's arrays`(name: String, scalar: VectorFileScalar, values: [Float]) throws {
        let file = try VectorFile(fixture(name))
        #expect(file.format == .npy && file.scalar == scalar && file.shape == [2, 3] && !file.isOneDimensional)
        #expect(try file.floats().map(\.bitPattern) == values.map(\.bitPattern))
        #expect(try file.floats(1..<2).map(\.bitPattern) == values[3...].map(\.bitPattern))
    }

    @Test func `integers and labels`() throws {
        let signed = try VectorFile(fixture("int64"))
        #expect(signed.shape == [3] && signed.isOneDimensional && signed.dimensions == 1)
        #expect(try signed.readLabels(rows: 0..<3) == [5, UInt64(Int64.max), 0])
        #expect(try signed.readIntegers(rows: 1..<2) == [Int64.max])
        #expect(try signed.floats() == [5, 9_223_372_036_854_775_808, 0])
        let unsigned = try VectorFile(fixture("uint64"))
        #expect(unsigned.shape == [3, 1])
        #expect(try unsigned.readLabels(rows: 0..<3) == [5, UInt64.max, 0])
        #expect(try unsigned.floats() == [5, 18_446_744_073_709_551_616, 0])
        #expect(message { _ = try unsigned.readIntegers(rows: 0..<3) }.hasPrefix("row 1,"))
        #expect(message { _ = try VectorFile(fixture("int8")).readLabels(rows: 0..<2) }.hasPrefix("row 0,"))
        #expect(message { _ = try VectorFile(fixture("int32")).readLabels(rows: 1..<2) }.hasPrefix("row 1,"))
        #expect(message { _ = try VectorFile(fixture("float16")).readLabels(rows: 0..<2) }.contains("float16"))
        #expect(try VectorFile(fixture("uint32")).readIntegers(rows: 0..<2) == [0, 1, 2, 7, 8, Int64(UInt32.max)])
    }

    @Test(arguments: [
        ("big-endian-f4", VectorFileScalar.float32), ("big-endian-f2", .float16), ("big-endian-f8", .float64),
        ("big-endian-i4", .int32), ("big-endian-u4", .uint32), ("fortran-f4", .float32), ("fortran-f2", .float16),
        ("fortran-f8", .float64), ("fortran-u1", .uint8), ("fortran-u8", .uint64),
    ])
    func `arrays of other byte orders, and of columns`(name: String, scalar: VectorFileScalar) throws {
        let file = try VectorFile(fixture(name))
        #expect(file.scalar == scalar && file.shape == [2, 3])
        #expect(try file.floats() == [0, 1, 2, 100, 126, 127])
        #expect(try file.floats(1..<2) == [100, 126, 127])
        if scalar.isInteger { #expect(try file.readLabels(rows: 0..<2) == [0, 1, 2, 100, 126, 127]) }
    }

    @Test func `labels of another byte order, and one row of columns`() throws {
        #expect(try LabelFile.read(fixture("big-endian-labels")) == [5, UInt64(Int64.max), 0])
        #expect(try VectorFile(fixture("fortran-one-row")).floats() == [0, 1, 2])
    }

    @Test func `columns come together where they need several reads`() throws {
        // More than the 4 MiB that are read at once.
        let rows = 70_000, dimensions = 65
        func value(_ row: Int, _ column: Int) -> UInt8 { UInt8(truncatingIfNeeded: row &* 5 &+ row >> 8 &+ column) }
        let data = unsafe [UInt8](unsafeUninitializedCapacity: rows * dimensions) { buffer, count in
            count = rows * dimensions
            for column in 0..<dimensions {
                for row in 0..<rows { unsafe buffer[column * rows + row] = value(row, column) }
            }
        }
        let dictionary = "{'descr': '|u1', 'fortran_order': True, 'shape': (\(rows), \(dimensions))}"
        let file = try VectorFile(directory.file("a.npy", npy(dictionary, data: data)))
        for range in [0..<rows, 64_000..<65_000] {
            let found = try file.floats(range)
            for row in stride(from: 0, to: range.count, by: 997) {
                for column in [0, 1, 64] {
                    #expect(found[row * dimensions + column] == Float(value(range.lowerBound + row, column)))
                }
            }
        }
    }

    @Test func `one axis is rows of one, or one row`() throws {
        let file = try VectorFile(fixture("one-dimensional"))
        #expect(file.isOneDimensional && file.rows == 4 && file.shape == [4])
        #expect(try file.floats() == [0, 1, 2, 3])
        #expect(try VectorFile(fixture("no-rows")).shape == [0, 3])
    }

    private func doubles(_ values: [Double], rows: Int) throws -> VectorFile {
        let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (\(rows), \(values.count / rows)), }"
        return try VectorFile(
            directory.file("a.npy", npy(header, data: values.flatMap { bytes($0.bitPattern) })))
    }

    @Test func `double precision is rounded to the nearest float`() throws {
        let values = [0.1, -1.0 / 3, 1 + 0x1p-24, 1 + 0x1p-24 + 0x1p-50, 1e-50, 0x1.fffffefp127]
        #expect(try doubles(values, rows: 3).floats().map(\.bitPattern) == values.map { Float($0).bitPattern })
        // What is no number is the store's to refuse.
        let odd = try doubles([.infinity, -.infinity, .nan, 0], rows: 2).floats()
        #expect(odd[0] == .infinity && odd[1] == -.infinity && odd[2].isNaN && odd[3] == 0)
        #expect(message { _ = try VectorFile(fixture("float64")).readLabels(rows: 0..<2) }.contains("float64"))
    }

    @Test(arguments: [1e39, -1e39, 0x1.ffffffp127, Double.greatestFiniteMagnitude])
    func `double precision beyond the range of floats is an error that names the row`(value: Double) throws {
        let file = try doubles([0, 1, 2, 3, value, value], rows: 3)
        #expect(try file.floats(0..<2) == [0, 1, 2, 3])
        for rows in [0..<3, 1..<3, 2..<3] {
            #expect(
                message { _ = try file.floats(rows) }.hasPrefix(
                    "row 2 has a value at component 0, both counted from 0, that is beyond the range of float32"))
        }
    }

    @Test(arguments: [
        ("bad-int16", "astype(np.int64)"), ("bad-bool", "'|b1'"), ("bad-text", "'<U2'"),
        ("bad-structured", "structured dtype"), ("bad-structured-utf8", "structured dtype"),
        ("bad-object", "Python objects: convert it with astype(np.float32)"), ("bad-no-axes", "0 axes"),
        ("bad-three-axes", "3 axes"), ("bad-no-columns", "dimension 0"),
    ])
    func `arrays that cannot be read say what to do`(name: String, advice: String) {
        #expect(message { _ = try VectorFile(fixture(name)) }.contains(advice))
    }

    @Test(arguments: [
        #"{"shape": (1, 2), "fortran_order": False, "descr": "|u1"}"#,
        "{'shape':(1,2,),'descr':'|u1','fortran_order':False,}\n",
        "  {\t'fortran_order' : False ,\n 'descr' :\r'|u1' , 'shape' : ( 1 , 2 ) , }   \n",
        "{'descr': '<u1', 'fortran_order': False, 'shape': (1L, 2L), }",
    ])
    func `the dictionary may be spelled in these ways`(dictionary: String) throws {
        for version in 1...3 as ClosedRange<UInt8> {
            let file = try VectorFile(directory.file("a.npy", npy(dictionary, version: version, data: [6, 7])))
            #expect(try file.shape == [1, 2] && file.floats() == [6, 7])
        }
    }

    @Test(arguments: [
        ("", "expected '{'"), ("{", "a string"), ("{}", "'descr' is missing"),
        ("{'descr': '|u1', 'shape': (1, 2)}", "'fortran_order'"),
        ("{'descr': '|u1', 'fortran_order': False}", "'shape' is missing"),
        ("{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (1, 2)}", "'descr' comes twice"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2), 'x': 1}", "unknown key 'x'"),
        ("{'descr': '|u1', 'fortran_order': 0, 'shape': (1, 2)}", "True or False"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (2)}", "expected ','"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': [1, 2]}", "expected '('"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 2)}", "not negative"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2", "found its end"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999, 2)}", "larger than any file"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (9223372036854775807, 2)}", "larger than any file"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387905,)}", "larger than any file"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2)} x", "nothing more"),
        ("{'descr': '|u1' 'fortran_order': False, 'shape': (1, 2)}", "expected '}'"),
        ("{'descr': '|u\\'1', 'fortran_order': False, 'shape': (1, 2)}", "closing quote"),
        ("{'descr': '|u1, 'fortran_order': False, 'shape': (1, 2)}", "expected '}'"),
        ("{'descr': 'f4', 'fortran_order': False, 'shape': (1, 2)}", "does not say its byte order"),
        ("{'descr': '\u{1B}[31m', 'fortran_order': False, 'shape': (1, 2)}", "'\\x1b[31m'"),
        ("{'descr': ('<f4', (2,)), 'fortran_order': False, 'shape': (1,)}", "structured"),
        ("{'descr': '', 'fortran_order': False, 'shape': (1, 2)}", "dtype ''"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 65537)}", "the most is 65536"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 3)}", "needs 3 bytes of data but the file has 2"),
        ("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 1)}", "needs 1 bytes of data but the file has 2"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", "needs 4 bytes of data but the file has 2"),
    ])
    func `other dictionaries say where they go wrong`(dictionary: String, expected: String) throws {
        let path = try directory.file("a.npy", npy(dictionary, data: [6, 7]))
        let message = message { _ = try VectorFile(path) }
        #expect(message.contains(expected), "\(message)")
        #expect(!message.unicodeScalars.contains { $0.value < 0x20 })
    }

    @Test func `headers that lie about themselves`() throws {
        func message(_ bytes: [UInt8]) throws -> String {
            let path = try directory.file("a.npy", bytes)
            return VectorFilesTests.message { _ = try VectorFile(path) }
        }
        let good = try contents(fixture("float32-v2"))
        #expect(try message(Array(good[..<9])).contains("byte offset 9, inside its header of 10 bytes"))
        #expect(try message(Array(good[..<11])).contains("byte offset 11, inside its header of 12 bytes"))
        #expect(try message(Array(good[..<100])).contains("byte offset 100, inside its header of 128 bytes"))
        #expect(try message(Array(good[..<150])).contains("needs 24 bytes of data but the file has 22"))
        #expect(try message(Array(good[..<150])).contains("truncated at byte offset 150"))
        #expect(try message(good + [0]).contains("needs 24 bytes of data but the file has 25"))
        #expect(try message(good + [0]).contains("at byte offset 152"))
        #expect(try message(Array(good[..<8]) + bytes(UInt32(65_537)) + good[12...]).contains("claims 65537 bytes"))
        #expect(try message(Array(good[..<8]) + bytes(UInt32.max) + good[12...]).contains("claims 4294967295 bytes"))
        #expect(try message(Array(good[..<6]) + [4, 0] + good[8...]).contains("version is 4.0"))
        #expect(try message(Array(good[..<6]) + [1, 1] + good[8...]).contains("version is 1.1"))
    }
}
