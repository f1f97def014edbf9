import SystemPackage
import Testing
import VectorFiles

/// Each format read back from bytes put together here.
@Suite struct FormatTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func open(_ name: String, _ bytes: [UInt8]) throws -> VectorFile {
        try VectorFile(directory.file(name, bytes))
    }

    @Test func fvecs() throws {
        let file = try open(
            "a.fvecs", [[0.5, -2], [3, 1e30]].flatMap { row in bytes(Int32(2)) + row.flatMap { bytes($0 as Float) } })
        #expect(file.format == .fvecs && file.scalar == .float32 && file.shape == [2, 2])
        #expect(try file.floats() == [0.5, -2, 3, 1e30])
        #expect(try file.floats(1..<2) == [3, 1e30])
        #expect(try file.floats(1..<1).isEmpty)
    }

    @Test func bvecs() throws {
        // Rows of 7 bytes: no row but the first is aligned.
        let rows: [[UInt8]] = [[0, 1, 2], [253, 254, 255], [7, 8, 9]]
        let file = try open("a.bvecs", rows.flatMap { bytes(Int32(3)) + $0 })
        #expect(file.format == .bvecs && file.scalar == .uint8 && file.shape == [3, 3])
        #expect(try file.floats() == rows.joined().map { Float($0) })
        #expect(try file.readLabels(rows: 1..<3) == [253, 254, 255, 7, 8, 9])
    }

    @Test func ivecs() throws {
        let file = try open("a.ivecs", bytes(Int32(2)) + bytes(Int32(-1)) + bytes(Int32.max))
        #expect(file.format == .ivecs && file.scalar == .int32 && file.shape == [1, 2])
        #expect(try file.readIntegers(rows: 0..<1) == [-1, Int64(Int32.max)])
        #expect(try file.floats() == [-1, 2_147_483_648])
        // A row that is no label stays an error when good ones follow.
        let mixed = try open("b.ivecs", [7, -1, 8].flatMap { bytes(Int32(1)) + bytes($0 as Int32) })
        #expect(message { _ = try mixed.readLabels(rows: 0..<3) }.hasPrefix("row 1,"))
        #expect(try mixed.readLabels(rows: 2..<3) == [8])
    }

    @Test(
        arguments: [
            (VectorFileFormat.fbin, VectorFileScalar.float32, bytes(1.5 as Float) + bytes(-2 as Float), [1.5, -2]),
            (.u8bin, .uint8, [200, 3], [200, 3]), (.i8bin, .int8, [200, 3], [-56, 3]),
            (.ibin, .int32, bytes(Int32.min) + bytes(Int32(3)), [-2_147_483_648, 3]),
        ] as [(VectorFileFormat, VectorFileScalar, [UInt8], [Float])])
    func counted(format: VectorFileFormat, scalar: VectorFileScalar, data: [UInt8], floats: [Float]) throws {
        let tall = try open("tall.\(format)", bytes(UInt32(2)) + bytes(UInt32(1)) + data)
        #expect(tall.format == format && tall.scalar == scalar && tall.shape == [2, 1] && !tall.isOneDimensional)
        #expect(try tall.floats() == floats)
        #expect(try tall.floats(1..<2) == [floats[1]])
        let wide = try open("WIDE.\(format.rawValue.uppercased())", bytes(UInt32(1)) + bytes(UInt32(2)) + data)
        #expect(wide.shape == [1, 2])
        #expect(try wide.floats() == floats)
    }

    @Test func `a header may say that there are no rows`() throws {
        let file = try open("none.fbin", bytes(UInt32(0)) + bytes(UInt32(4)))
        #expect(file.shape == [0, 4])
        #expect(try file.floats().isEmpty)
    }

    @Test func `content comes before extension, and a given format before both`() throws {
        let array = npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2)}", data: [4, 5])
        #expect(try open("array.fvecs", array).format == .npy)
        #expect(try open("array", array).floats() == [4, 5])
        let path = try directory.file("rows.dat", bytes(Int32(1)) + [9])
        #expect(try VectorFile(path, format: .bvecs).floats() == [9])
        #expect(message { _ = try VectorFile(path, format: .npy) }.contains("not an .npy file"))
    }

    @Test func `rows come out whole where they need several reads`() throws {
        // 5,003 rows of 104 bytes, then the same with their dimension before each: both above the read size of 256 KiB.
        let values = (0..<5003 * 100).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        let plain = try open("a.u8bin", bytes(UInt32(5003)) + bytes(UInt32(100)) + values)
        #expect(try plain.floats() == values.map { Float($0) })
        #expect(try plain.floats(2600..<5003) == values[260_000...].map { Float($0) })
        #expect(try plain.readLabels(rows: 17..<4000) == values[1700..<400_000].map { UInt64($0) })
        let rows = (0..<5003).flatMap { row in bytes(Int32(100)) + values[row * 100..<row * 100 + 100] }
        let prefixed = try open("a.bvecs", rows)
        #expect(try prefixed.floats() == values.map { Float($0) })
        #expect(try prefixed.floats(2600..<5003) == values[260_000...].map { Float($0) })
    }

    @Test func `a row may have 65,536 dimensions`() throws {
        let values = (0..<65_536).map { Int32($0) }
        let file = try open("wide.ibin", bytes(UInt32(1)) + bytes(UInt32(65_536)) + values.flatMap { bytes($0) })
        #expect(try file.floats() == values.map { Float($0) })
    }

    @Test func `threads may read at once`() async throws {
        let file = try open("a.u8bin", bytes(UInt32(256)) + bytes(UInt32(2)) + (0...255).flatMap { [UInt8($0), 1] })
        try await withThrowingTaskGroup(of: [Float].self) { group in
            for row in 0..<256 { group.addTask { try file.floats(row..<row + 1) + [Float(row)] } }
            for try await result in group { #expect(result == [result[2], 1, result[2]]) }
        }
    }
}
