import HnswlibFile
import SystemPackage
import TestSupport
import Testing

/// Pickles that Python's pickler wrote, those that Chroma's Rust client writes, and others. See Fixtures/make_fixtures.py.
@Suite struct ChromaMetadataTests {
    /// What most of them hold.
    static let few: [String: UInt64] = ["a": 1, "größe→": 3, String(repeating: "x", count: 300): 70000, "": 256]

    private func metadata(_ bytes: [UInt8]) throws(HnswlibFileError) -> ChromaMetadata {
        try ChromaMetadata(pickle: bytes, path: "index_metadata.pickle")
    }

    @Test(
        arguments: (2...5).flatMap { ["object-\($0)", "dictionary-\($0)"] } + ["legacy", "rust", "recursion-elsewhere"])
    func `forms of the same metadata`(name: String) throws {
        let metadata = try metadata(fixture(name))
        #expect(metadata.dimensionality == 3 && metadata.totalElementsAdded == 70_001)
        #expect(metadata.labels == Self.few)
        #expect(metadata.identifiers.count == 4 && metadata.identifiers[3] == "größe→")
    }

    @Test func `more entries than a pickler puts together, one, and none`() throws {
        for (name, total) in [("many", 1600), ("rust-many", 1 << 40)] {
            let metadata = try metadata(fixture(name))
            #expect(metadata.totalElementsAdded == total && metadata.dimensionality == 384)
            #expect(metadata.identifiers.count == 1500 && metadata.labels["id-1500"] == 1500)
        }
        #expect(try metadata(fixture("one")).labels == ["only": 1])
        for name in ["empty", "rust-empty"] {
            let metadata = try metadata(fixture(name))
            #expect(metadata.dimensionality == nil && metadata.totalElementsAdded == 0 && metadata.labels.isEmpty)
        }
    }

    @Test func `the file in a folder`() throws {
        let directory = try TemporaryDirectory()
        #expect(try ChromaMetadata.read(folder: directory.path) == nil)
        let path = directory.appending(ChromaMetadata.fileName)
        try writeBytes(fixture("object-5"), to: path)
        #expect(try ChromaMetadata.read(folder: directory.path)?.labels == Self.few)
        // So large a file is not that of so few elements.
        try writeBytes([UInt8](repeating: 0, count: 1 << 20 + 3 << 10 + 1), to: path)
        #expect(
            failure { _ = try ChromaMetadata.read(folder: directory.path, elements: 3) }?.message
                .contains("the most is \(1 << 20 + 3 << 10)") == true)
        try writeBytes([0x80, 1], to: path)
        let error = failure { _ = try ChromaMetadata.read(folder: directory.path) }
        #expect(error?.path == path && error?.offset == 0)
        #expect(error?.message.contains("byte offset 0: protocol 1, not 2 to 5") == true)
        try writeBytes([], to: path)
        #expect(failure { _ = try ChromaMetadata.read(folder: directory.path) }?.offset == 0)
    }

    @Test(arguments: (2...5).flatMap { ["hostile-system-\($0)", "hostile-system-within-\($0)"] })
    func `what it names is never looked up`(name: String) throws {
        let bytes = try fixture(name)
        let error = failure { _ = try metadata(bytes) }
        #expect(error?.message.contains("it names posix.system, which is not Chroma's PersistentData") == true)
    }

    @Test(arguments: ["object-2", "object-5", "rust", "one"]) func `cut off anywhere`(name: String) throws {
        let bytes = try fixture(name)
        for length in 0..<bytes.count {
            let error = failure { _ = try metadata(Array(bytes[..<length])) }
            // Or it knows before that there cannot be so much.
            let isLong = error?.message.contains("bytes, more than there are") == true
            #expect(isLong || error?.offset == length && error?.message.contains("it ends inside") == true)
        }
        #expect(failure { _ = try metadata(bytes + [0x4E]) }?.message.contains("it goes on behind its end") == true)
    }

    @Test(arguments: ["object-2", "object-5", "rust", "one"]) func `each bit`(name: String) throws {
        let bytes = try fixture(name), whole = try metadata(bytes)
        var refused = 0, same = 0
        for position in bytes.indices {
            for bit in 0..<8 {
                var damaged = bytes
                damaged[position] ^= 1 << bit
                do throws(HnswlibFileError) {
                    let metadata = try metadata(damaged)
                    if metadata.labels.count != metadata.identifiers.count { Issue.record("an id comes twice") }
                    if metadata == whole { same += 1 }
                } catch {
                    refused += 1
                    if !(0...bytes.count).contains(error.offset ?? -1) { Issue.record(error) }
                }
            }
        }
        #expect(refused > bytes.count && same > 0)
    }

    /// A pickle of pieces: opcodes as characters and numbers as bytes.
    private func pickle(_ pieces: Any...) -> [UInt8] {
        [0x80, 2]
            + pieces.flatMap { piece -> [UInt8] in
                switch piece {
                case let text as String: Array(text.utf8)
                case let byte as Int: [UInt8(byte)]
                default: piece as! [UInt8]
                }
            }
    }

    @Test func `what is no such pickle`() throws {
        let cases: [([UInt8], String)] = [
            (pickle("."), "it leaves 0 values"), (pickle("N."), "neither a dictionary nor"),
            (pickle("NN."), "leaves 2"),
            (pickle("}(."), "leaves 1 values, not one"), (pickle("}."), "field dimensionality is missing"),
            (pickle(")."), "neither a dictionary nor"),
            (pickle("0"), "opcode 0x30, which Chroma's metadata has no use for"),
            (pickle("i"), "opcode 0x69"), (pickle(0x92), "opcode 0x92"), (pickle("P"), "opcode 0x50"),
            (pickle("u"), "no mark before these entries"), (pickle("}(Nu."), "a key without its value"),
            (pickle("(NNu"), "no dictionary to put them in"), (pickle("N(NNu"), "no dictionary to put them in"),
            (pickle("s"), "nothing to take"), (pickle("NNs"), "no dictionary to put"),
            (pickle("}(NNs"), "no dictionary"),
            (pickle("}(s"), "nothing to take"), (pickle("R"), "nothing to take"),
            (pickle("N)R"), "an object that is not"),
            (pickle(")R"), "nothing to take"), (pickle(0x93), "nothing to take"),
            (pickle("NN", 0x93), "without a name"),
            (pickle("b"), "nothing to take"), (pickle("}}b"), "fields that are no dictionary, or have no object"),
            (pickle("}", "Nb"), "fields that are no"), (pickle(0x94), "nothing to remember"),
            (pickle("q", 0), "nothing to"),
            (pickle("Nq", 1), "it remembers number 1 when 0 came before"),
            (pickle("h", 0), "number 0 of 0 that it remembers"),
            (pickle("Nr", [255, 255, 255, 255] as [UInt8]), "it remembers number 4294967295"),
            (pickle("Nq", 0, "j", [1, 0, 0, 0] as [UInt8]), "number 1 of 1"),
            (pickle("X", [255, 255, 255, 255] as [UInt8]), "a string of 4294967295 bytes, more than there are"),
            (pickle(0x8D, [UInt8](repeating: 255, count: 8)), "a string of 18446744073709551615 bytes"),
            (pickle(0x8D, [0, 0, 0, 0, 0, 0, 0, 128] as [UInt8]), "a string of 9223372036854775808 bytes"),
            (pickle("cos\nsystem\n"), "it names os.system"), (pickle("cos\nsys"), "it ends inside this"),
            (pickle("c\u{1b}[2J\nx\n"), "it names \\x1b[2J.x"), (pickle(0x95), "it ends inside this"),
            (pickle("c" + String(repeating: "A", count: 999) + "\n\n"), String(repeating: "A", count: 60) + "…."),
        ]
        for (bytes, text) in cases {
            let error = failure { _ = try metadata(bytes) }
            #expect(error?.message.contains(text) == true, "\(error?.message ?? "")")
        }
    }

    private static let module = "cchromadb.segment.impl.vector.local_persistent_hnsw\nPersistentData\n"

    @Test func `objects that are not as they should be`() throws {
        #expect(failure { _ = try metadata(pickle(Self.module, ".")) }?.message.contains("neither") == true)
        #expect(failure { _ = try metadata(pickle(Self.module, ")R.")) }?.message.contains("neither") == true)
        #expect(failure { _ = try metadata(pickle(Self.module, ")", 0x81, ".")) }?.message.contains("neither") == true)
        // Fields twice; an object that is made with arguments; one within itself.
        #expect(failure { _ = try metadata(pickle(Self.module, ")R}b}b.")) }?.message.contains("fields that") == true)
        #expect(failure { _ = try metadata(pickle(Self.module, "}R")) }?.message.contains("no arguments") == true)
        #expect(failure { _ = try metadata(pickle(Self.module, ")Rq", 0, "}h", 0, "h", 0, "sb.")) } != nil)
    }

    /// The fields, with one of them in place of its own.
    private func fields(_ name: String, _ value: [UInt8]) -> [UInt8] {
        let one: [UInt8] = [UInt8(ascii: "K"), 1], id = Array("X\u{1}\0\0\0a".utf8)
        let own: [(String, [UInt8])] = [
            ("dimensionality", [UInt8(ascii: "K"), 3]), ("total_elements_added", [UInt8(ascii: "K"), 1]),
            ("id_to_label", Array("}".utf8) + id + one + Array("s".utf8)),
            ("label_to_id", Array("}".utf8) + one + id + Array("s".utf8)),
        ]
        let items = own.flatMap { key, bytes in
            [UInt8(ascii: "X"), UInt8(key.utf8.count), 0, 0, 0] + Array(key.utf8) + (key == name ? value : bytes)
        }
        return pickle("}(", items, "u.")
    }

    @Test func `fields that are not as they should be`() throws {
        let good = try metadata(fields("", []))
        #expect(good.labels == ["a": 1] && good.identifiers == [1: "a"] && good.dimensionality == 3)
        #expect(try metadata(fields("dimensionality", Array("N".utf8))).dimensionality == nil)
        let cases: [(String, [UInt8], String)] = [
            ("dimensionality", [0x88], "dimensionality is no whole number"),
            ("dimensionality", Array("J".utf8) + [255, 255, 255, 255], "dimensionality is no whole number"),
            ("total_elements_added", Array("N".utf8), "total_elements_added is no whole number"),
            ("total_elements_added", [0x8A, 9] + [UInt8](repeating: 1, count: 9), "total_elements_added is no whole"),
            ("id_to_label", Array("N".utf8), "id_to_label is no dictionary"),
            ("id_to_label", Array("}".utf8), "0 ids have a label, but 1 labels an id"),
            ("label_to_id", Array("}".utf8), "1 ids have a label, but 0 labels an id"),
            ("id_to_label", Array("}X\u{1}\0\0\0bK\u{1}s".utf8), "label 1 is not that of the id that has it"),
            ("id_to_label", Array("}X\u{1}\0\0\0aK\u{2}s".utf8), "label 2 is not that of the id that has it"),
            ("id_to_label", Array("}K\u{1}K\u{1}s".utf8), "a number where an id must be"),
            ("label_to_id", Array("}(K\u{1}X\u{1}\0\0\0aK\u{1}X\u{1}\0\0\0au".utf8), "label 1 comes twice"),
            ("label_to_id", Array("}K\u{1}K\u{1}s".utf8), "a number where an id must be"),
            ("label_to_id", Array("}NX\u{1}\0\0\0as".utf8), "a label that is no whole number"),
            ("label_to_id", Array("}K\u{1}X\u{1}\0\0\0".utf8) + [0xFF] + Array("s".utf8), "a string that is not UTF-8"),
        ]
        for (name, value, text) in cases {
            let error = failure { _ = try metadata(fields(name, value)) }
            #expect(error?.message.contains(text) == true, "\(error?.message ?? "")")
        }
        #expect(failure { _ = try metadata(pickle("}NNs.")) }?.message.contains("whose name is no string") == true)
    }

    /// What would become of it is more than anything that Chroma writes has room for.
    @Test func `bombs`() throws {
        let size = 1 << 16, more = "more values than metadata of this size has"
        let marks = pickle(String(repeating: "(", count: size), ".")
        #expect(failure { _ = try metadata(marks) }?.message.contains("leaves 0 values") == true)
        for text in ["N", "}", ")"] {
            let error = failure { _ = try metadata(pickle(String(repeating: text, count: size))) }
            #expect(error?.message.contains(more) == true)
        }
        let remembered = failure { _ = try metadata(pickle("N", [UInt8](repeating: 0x94, count: size))) }
        #expect(remembered?.message.contains("it remembers number") == true)
        // A dictionary in a dictionary in a dictionary, by the thousand: nothing goes down into it.
        let one = Array("K\u{1}".utf8)
        let deep = [UInt8](repeating: 0, count: 20_000).flatMap { _ in Array("}K\u{1}".utf8) }
        let nested = pickle(deep, one, String(repeating: "s", count: 20_000), ".")
        #expect(failure { _ = try metadata(nested) }?.message.contains("whose name is no string") == true)
        // The same string a thousand times, each of them a field.
        let repeated = pickle("}(X\u{4}\0\0\0abcdq", 0, String(repeating: "h\0", count: 1999), "u.")
        #expect(failure { _ = try metadata(repeated) }?.message.contains("field dimensionality is missing") == true)
    }
}

extension ChromaMetadata {
    /// Ids and their labels.
    fileprivate var labels: [String: UInt64] {
        Dictionary(identifiers.map { ($0.value, $0.key) }, uniquingKeysWith: { first, _ in first })
    }
}
