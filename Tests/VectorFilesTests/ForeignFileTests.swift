import SystemPackage
import Testing
import VectorFiles

/// Files of other kinds are named, with what to do about them, whatever they are called.
@Suite struct ForeignFileTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// Beginnings as the libraries themselves write them.
    private static let beginnings: [(ForeignFile, [UInt8])] = [
        (.hdf5, [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 0, 0, 8, 8, 0]),
        (.parquet, Array("PAR1".utf8) + [0x15, 4, 0x15, 0xC0, 0x25]),
        (.arrow, Array("ARROW1".utf8) + [0, 0, 0xFF, 0xFF]),
        (.numpyArchive, archive("arr_0.npy")), (.torch, archive("model/data.pkl")), (.zip, archive("vectors.csv")),
        (.gzip, [0x1F, 0x8B, 8, 8, 0xEF]), (.xz, [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0, 0, 4]),
        (.bzip2, Array("BZh91AY&SY".utf8)), (.zstandard, [0x28, 0xB5, 0x2F, 0xFD, 0x24]),
        (.faiss, faiss("IxF2")), (.faiss, faiss("IHNf")), (.faiss, faiss("IwFl")), (.faiss, faiss("IxMp")),
        (.faissBinary, Array("IBxF".utf8) + bytes(UInt32(128)) + bytes(UInt32(16)) + bytes(UInt64(5))),
        (
            .usearch,
            bytes(UInt32(3)) + bytes(UInt32(8)) + [UInt8](repeating: 0x3F, count: 24) + Array("usearch".utf8) + [2, 0]
        ),
        (.usearch, Array("usearch".utf8) + [2, 0, 1]),
        (.voyager, Array("VOYA".utf8) + bytes(UInt32(1)) + bytes(UInt32(16))),
        (.hnswlib32, hnswlib32),
        (.safetensors, bytes(UInt64(9)) + Array("{\"v\":{}}  ".utf8)),
        (.pickle, [0x80, 4, 0x95, 0x8F, 0x4B, 0, 0, 0, 0, 0, 0, 0x8C]),
        (.sqlite, Array("SQLite format 3".utf8) + [0, 0x10, 0]),
        (.json, Array("[[0.33, -1.5], [2, 3]]".utf8)), (.json, Array("\n{\"id\": 1}".utf8)),
        (.csv, Array("id,vector\n1,0.5\n".utf8)),
        (.csv, Array("größe,0.5\n".utf8) + [UInt8](repeating: 0x31, count: 80)),
        (.text, Array("0.5 0.25\n1 2\n".utf8)),
    ]

    private static func archive(_ name: String) -> [UInt8] {
        [0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 22) + bytes(UInt16(name.utf8.count)) + [0, 0]
            + Array(name.utf8)
    }

    private static func faiss(_ kind: String) -> [UInt8] {
        Array(kind.utf8) + bytes(UInt32(16)) + bytes(UInt64(300)) + bytes(UInt64(1 << 20)) + bytes(UInt64(1 << 20)) + [
            1
        ]
    }

    private static var hnswlib32: [UInt8] {
        let fields: [UInt32] = [0, 1000, 3, 4 + 64 + 24 + 4, 4 + 64 + 24, 4 + 64, 1, 0, 8, 16, 8, 0, 0, 200, 9, 9]
        return fields.flatMap { bytes($0) }
    }

    @Test(arguments: beginnings)
    func `they are recognised by content`(kind: ForeignFile, head: [UInt8]) throws {
        for name in ["file", "file.dat"] {
            let path = try directory.file(name, head)
            #expect(ForeignFile.recognise(path) == kind)
            #expect(message { _ = try VectorFile(path) }.hasPrefix("it is \(kind.name): "))
        }
        // A name that promises something else does not make it damaged.
        guard !kind.isText else { return }
        for name in ["file.npy", "file.fbin"] {
            let path = try directory.file(name, head)
            #expect(message { _ = try VectorFile(path) }.hasPrefix("it is \(kind.name): "), "\(name)")
        }
        let path = try directory.file("file", head)
        for read in [{ _ = try LabelFile.read(path) }, { _ = try DocumentFile.read(path) }] as [() throws -> Void] {
            #expect(message { try read() }.hasPrefix("it is \(kind.name): "))
        }
    }

    @Test(arguments: [("a.ann", ForeignFile.annoy), ("a.annoy", .annoy), ("a.pkl", .pickle), ("a.npz", .numpyArchive)])
    func `some only by name`(name: String, kind: ForeignFile) throws {
        let path = try directory.file(name, [1, 0, 0, 0, 0x20, 0xA1])
        #expect(ForeignFile.recognise(path) == kind)
        #expect(message { _ = try VectorFile(path) }.hasPrefix("it is \(kind.name): "))
    }

    @Test func `what to do about it names the file, unless its name is no plain word`() throws {
        let head = Self.beginnings[1].1
        let plain = message { _ = try VectorFile(directory.file("my data.parquet", head)) }
        #expect(plain.contains("make an .npy array of it with Python: import pyarrow.parquet as pq"))
        #expect(plain.contains("read_table('my data.parquet')"))
        for name in ["it's.parquet", "a\"b", "a\\b", "$(x)", "é.parquet"] {
            let found = message { _ = try VectorFile(directory.file(name, head)) }
            #expect(found.contains("read_table(FILE)") && !found.contains("\n"))
        }
        let packed = message { _ = try VectorFile(directory.file("sift.fvecs.gz", [0x1F, 0x8B, 8])) }
        #expect(packed == "it is compressed with gzip: unpack it first: gunzip 'sift.fvecs.gz'")
        for kind in ForeignFile.allCases { #expect(!kind.message(for: "f").contains("\n")) }
    }

    @Test func `vector files are no others, and neither is nothing`() throws {
        for (name, bytes) in DamageTests.samples {
            #expect(ForeignFile.recognise(try directory.file(name, bytes)) == nil, "\(name)")
        }
        // 640 dimensions, whose bytes are those of a pickle's first opcode; vectors of letters; numbers without end.
        for head in [bytes(Int32(640)) + [0, 0, 0x80, 0x3F], [UInt8](repeating: 0xFF, count: 40), [], [0x41]] {
            #expect(ForeignFile.recognise(try directory.file("a.bin", head)) == nil)
        }
        #expect(ForeignFile.recognise(directory.path) == nil && ForeignFile.recognise("/nowhere/at all") == nil)
    }
}
