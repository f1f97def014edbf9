import SystemPackage
import Testing
import VectorFiles

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Files that are damaged, hostile or not files at all: always an error, never a trap.
@Suite struct DamageTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func messageOfOpening(_ name: String, _ bytes: [UInt8]) throws -> String {
        let path = try directory.file(name, bytes)
        return message { _ = try VectorFile(path) }
    }

    @Test func `what is not a file`() throws {
        let missing = #expect(throws: VectorFileError.self) { try VectorFile("/nowhere/at all.npy") }
        #expect(missing?.errno == ENOENT && missing?.path == "/nowhere/at all.npy")
        #expect("\(try #require(missing))" == "/nowhere/at all.npy: there is no such file: check the path")
        let folder = directory.path
        #expect(message { _ = try VectorFile(folder) }.contains("it is a directory"))
        #expect(message { _ = try VectorFile("/dev/zero") }.contains("neither a file nor a pipe"))
    }

    @Test func `what is not a vector file`() throws {
        for format in VectorFileFormat.allCases {
            #expect(try messageOfOpening("a.\(format)", []).contains("it is empty"))
        }
        #expect(try messageOfOpening("a.dat", [1]).contains("unknown extension .dat: vector files are .npy .fvecs"))
        #expect(try messageOfOpening("a", [1]).contains("no extension"))
        #expect(try messageOfOpening("a.npy", [0x93, 0x4E]).contains("not an .npy file"))
    }

    @Test func `headers of counted files`() throws {
        func header(_ rows: UInt32, _ dimensions: UInt32, _ data: Int) -> [UInt8] {
            bytes(rows) + bytes(dimensions) + [UInt8](repeating: 0, count: data)
        }
        #expect(
            try messageOfOpening("a.fbin", [1, 0, 0, 0, 1, 0, 0]).contains("byte offset 7, inside its 8-byte header"))
        #expect(try messageOfOpening("a.fbin", header(1, 0, 4)).contains("dimension 0"))
        #expect(try messageOfOpening("a.fbin", header(1, 65_537, 4)).contains("65537, the most is 65536"))
        #expect(try messageOfOpening("a.fbin", header(.max, .max, 4)).contains("the most is 65536"))
        #expect(try messageOfOpening("a.fbin", header(.max, 65_536, 4)).contains("needs 1125899906580480 bytes"))
        #expect(try messageOfOpening("a.fbin", header(2, 1, 7)).contains("needs 8 bytes of data but the file has 7"))
        #expect(try messageOfOpening("a.fbin", header(2, 1, 7)).contains("truncated at byte offset 15"))
        #expect(try messageOfOpening("a.u8bin", header(2, 1, 3)).contains("appended at byte offset 10"))
        #expect(try messageOfOpening("a.ibin", header(3, 2, 48)).contains("truth file of big-ann-benchmarks"))
    }

    @Test func `dimensions before rows`() throws {
        func rows(_ dimensions: Int32...) -> [UInt8] {
            dimensions.flatMap { bytes($0) + [UInt8](repeating: 1, count: 8) }
        }
        #expect(try messageOfOpening("a.fvecs", [2, 0, 0]).contains("byte offset 3, inside row 0's dimension"))
        #expect(try messageOfOpening("a.fvecs", rows(-2)).contains("dimension -2"))
        #expect(try messageOfOpening("a.fvecs", rows(0)).contains("dimension 0"))
        #expect(try messageOfOpening("a.fvecs", rows(.max)).contains("the most is 65536"))
        #expect(try messageOfOpening("a.fvecs", rows(.min)).contains("dimension -2147483648"))
        let cut = try messageOfOpening("a.fvecs", rows(2, 2).dropLast())
        #expect(cut.contains("row 1 at byte offset 12 has 11 of the 12 bytes"))
        #expect(
            try messageOfOpening("a.ivecs", rows(2, 2, 3)).contains(
                "row 2 at byte offset 24 has dimension 3, row 0 2"))
        let shorter = try messageOfOpening("a.ivecs", rows(2, 2) + bytes(Int32(1)) + [1, 1, 1, 1])
        #expect(shorter.contains("row 2 at byte offset 24 has dimension 1, row 0 2"))
        // In the middle it shows when that row is read, and only then.
        let file = try VectorFile(directory.file("b.ivecs", rows(2, -1, 2)))
        #expect(try file.readIntegers(rows: 0..<1) == [0x0101_0101, 0x0101_0101])
        #expect(message { _ = try file.floats() }.contains("row 1 at byte offset 12 has dimension -1"))
        #expect(message { _ = try file.readLabels(rows: 1..<3) }.contains("row 1 at byte offset 12 has dimension -1"))
    }

    @Test(arguments: [1, 5, 398, 399], [1, 3, 7])
    func `a row of another dimension is the one that is named`(wrong: Int, dimension: Int) throws {
        let rows = (0..<400).flatMap { row in
            let count = row == wrong ? dimension : 4
            return bytes(Int32(count)) + (0..<count).flatMap { bytes(Float(row) + Float($0) / 8) }
        }
        let place = "row \(wrong) at byte offset \(wrong * 20) has dimension \(dimension), row 0 4"
        #expect(try messageOfOpening("mixed.fvecs", rows).contains(place))
    }

    @Test func `files cut off after they were opened`() throws {
        let path = try directory.file("a.u8bin", bytes(UInt32(3)) + bytes(UInt32(2)) + [1, 2, 3, 4, 5, 6])
        let file = try VectorFile(path)
        try directory.file("a.u8bin", bytes(UInt32(3)) + bytes(UInt32(2)) + [1, 2, 3])
        #expect(try file.floats(0..<1) == [1, 2])
        let message = message { _ = try file.floats() }
        #expect(message.contains("byte offset 11") && message.contains("14 bytes when it was opened"))
    }

    /// A small valid file of each format.
    static let samples: [(String, [UInt8])] = [
        ("a.fvecs", (0..<3).flatMap { bytes(Int32(2)) + bytes(Float($0)) + bytes(Float(-$0)) }),
        ("a.bvecs", (0..<3).flatMap { bytes(Int32(3)) + [UInt8($0), 1, 2] }),
        ("a.ivecs", (0..<3).flatMap { bytes(Int32(2)) + bytes(Int32($0)) + bytes(Int32(-$0)) }),
        ("a.fbin", bytes(UInt32(2)) + bytes(UInt32(1)) + bytes(1 as Float) + bytes(2 as Float)),
        ("a.u8bin", bytes(UInt32(2)) + bytes(UInt32(3)) + [1, 2, 3, 4, 5, 6]),
        ("a.i8bin", bytes(UInt32(2)) + bytes(UInt32(3)) + [1, 2, 3, 4, 5, 6]),
        ("a.ibin", bytes(UInt32(2)) + bytes(UInt32(1)) + bytes(Int32(1)) + bytes(Int32(-2))),
        ("v1.npy", npy("{'descr': '<f2', 'fortran_order': False, 'shape': (2, 3), }\n", data: Array(0..<12))),
        ("v2.npy", npy("{'shape': (3,), 'fortran_order': False, 'descr': \"<i4\"}", version: 2, data: Array(0..<12))),
        ("v3.npy", npy("{'descr': '|u1', 'fortran_order': False, 'shape': (3, 4)}", version: 3, data: Array(0..<12))),
        ("columns.npy", npy("{'descr': '>f2', 'fortran_order': True, 'shape': (2, 3), }\n", data: Array(0..<12))),
    ]

    /// Opens and reads everything every way: whether that gave no error. What is read must lie inside the file.
    private func canRead(_ path: FilePath, size: Int) throws -> Bool {
        let file: VectorFile
        do throws(VectorFileError) { file = try VectorFile(path) } catch { return false }
        #expect(file.rows * file.dimensions * file.scalar.size <= size)
        _ = try? file.readLabels(rows: 0..<file.rows)
        _ = try? file.readIntegers(rows: 0..<file.rows)
        do throws(VectorFileError) { return try file.floats().count == file.rows * file.dimensions } catch {
            return false
        }
    }

    @Test(arguments: samples) func `each bit flipped`(name: String, valid: [UInt8]) throws {
        #expect(try canRead(directory.file(name, valid), size: valid.count))
        var refused = 0
        for position in valid.indices {
            for bit in 0..<8 {
                var bytes = valid
                bytes[position] ^= 1 << bit
                let path = try directory.file(name, bytes)
                if try !canRead(path, size: bytes.count) { refused += 1 }
                _ = try? LabelFile.read(path)
            }
        }
        // Whatever the values are, they are values; but a flip in the first four bytes never leaves a valid file.
        #expect((32..<valid.count * 8).contains(refused))
    }

    @Test(arguments: samples) func `each length but its own`(name: String, valid: [UInt8]) throws {
        for length in 0..<valid.count {
            let isWhole = try canRead(directory.file(name, Array(valid[..<length])), size: length)
            // Files of rows with their dimension are whole after each row, for nothing says how many there are.
            let rowBytes = name.hasSuffix("vecs") ? valid.count / 3 : valid.count
            #expect(isWhole == (length > 0 && length % rowBytes == 0), "\(length) bytes")
        }
        #expect(try !canRead(directory.file(name, valid + [0]), size: valid.count + 1))
    }
}
