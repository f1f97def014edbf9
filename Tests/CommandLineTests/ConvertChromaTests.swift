import ChromaFixtures
import Foundation
import Testing

@Suite("cairn convert, from Chroma's data")
struct ConvertChromaTests {
    private let workspace: Workspace
    private static let vectors = TestVectors(count: 12, dimensions: 3, seed: 1)
    private let rows = ConvertChromaTests.vectors.rows

    init() throws { workspace = try Workspace() }

    private func lines(_ name: String) throws -> [String] {
        String(decoding: try workspace.bytes(name), as: UTF8.self).components(separatedBy: "\n")
    }

    /// A collection that Chroma has not written to its folder yet.
    private func small(_ data: ChromaData) throws {
        try data.addCollection("small", id: "c-1", segment: "s-1", space: "cosine")
        try FileManager.default.createDirectory(
            atPath: workspace.path("\(data.name)/s-1"), withIntermediateDirectories: false)
        for row in 0..<5 { try data.queue(0, "doc \(row)", rows[row], of: "c-1") }
        // Of another collection, whose number is the end of ours.
        try data.queue(0, "foreign", rows[0], of: "xc-1")
        try data.queue(0, "doc 1", rows[9], of: "c-1")
        try data.queue(1, "doc 2", rows[10], of: "c-1")
        try data.queue(1, "nobody", rows[10], of: "c-1")
        try data.queue(2, "new", rows[11], of: "c-1")
        try data.queue(2, "doc 3", rows[8], of: "c-1")
        try data.queue(3, "doc 4", of: "c-1")
        try data.queue(3, "nobody", of: "c-1")
        try data.queue(1, "doc 0", of: "c-1")
    }

    @Test(
        "a collection without a folder of vectors comes out of the queue, whole", arguments: ChromaData.Version.allCases
    )
    func queueAlone(version: ChromaData.Version) throws {
        try small(ChromaData(workspace, version: version))
        let made = try workspace.convert("@chroma", "@s.cairn", "--save-ids", "@ids.txt")
        #expect(made.from == "chroma" && made.count == 5 && made.metric == "cosine" && made.warnings == [])
        // As Chroma numbers them: from 1 on, those that are gone too.
        #expect(try lines("ids.txt") == ["", "doc 0", "doc 1", "doc 2", "doc 3", "", "new", ""])
        _ = try workspace.convert("@chroma", "@v.npy", "--save-labels", "@l.npy", "--collection", "small")
        #expect(try workspace.labels("l.npy", count: 5) == [1, 2, 3, 4, 6])
        let expected = [rows[0], rows[1], rows[10], rows[8], rows[11]]
        #expect(try workspace.floats("v.npy", shape: [5, 3]) == expected.flatMap { $0 })
        try workspace.write("q.npy", bytes: TestVectors([rows[10]]).npy)
        let found = try workspace.cairn("search", "@s.cairn", "@q.npy", "-k", "1", "--names", "@ids.txt")
        #expect(found.output.contains("doc 2"), "\(found.output)\(found.errors)")
        #expect(try workspace.convert("@chroma", "@o.bin").count == 5)
        #expect(try workspace.cairn("verify", "@s.cairn").code == 0)
    }

    @Test("the folder of the index will do too, and a database that is not beside it is missed")
    func folderOfIndex() throws {
        try small(ChromaData(workspace))
        try TestIndex(TestVectors([])).writeFolder("elsewhere", in: workspace)
        let made = try workspace.convert("@chroma/s-1", "@s.cairn", "--from", "chroma")
        #expect(made.count == 5 && made.metric == "cosine")
        for destination in ["o.cairn", "o.bin", "o.npy"] {
            let error = try workspace.failure(converting: "@elsewhere", "@\(destination)", "--metric", "l2", code: 1)
            #expect(error.message.contains("chroma.sqlite3") && error.message.contains("--collection"))
        }
    }

    /// An index in a folder, and changes that came after it.
    private func partly(_ data: ChromaData, changes: Bool = true) throws {
        var index = TestIndex(TestVectors(Array(rows[..<6])), labels: [1, 2, 3, 4, 5, 6])
        index.marked = [5]
        index.lengths = rows[..<6].map { row in row.reduce(Float(0)) { $0 + $1 * $1 }.squareRoot() }
        index.vectors.rows = zip(rows[..<6], index.lengths ?? []).map { row, length in row.map { $0 / length } }
        try data.addCollection("large", id: "c-2", segment: "s-2", space: "cosine")
        try index.writeFolder("\(data.name)/s-2", in: workspace, ids: (1...5).map { "doc \($0)" })
        try data.run("INSERT INTO embeddings_queue VALUES (500, 3, 'persistent://x/c-2', 'doc 1', NULL, NULL, NULL);")
        try data.synchronize("s-2", through: 500)
        guard changes else { return }
        try data.queue(3, "doc 2", of: "c-2")
        try data.queue(2, "doc 3", rows[7], of: "c-2")
        try data.queue(0, "late", rows[8], of: "c-2")
        try data.queue(0, "doc 2", rows[9], of: "c-2")
    }

    @Test("an index and the changes since come together", arguments: ChromaData.Version.allCases)
    func indexAndQueue(version: ChromaData.Version) throws {
        try partly(ChromaData(workspace, version: version))
        let made = try workspace.convert("@chroma", "@s.cairn", "--save-ids", "@ids.txt")
        #expect(made.count == 6 && made.metric == "cosine")
        #expect(made.warnings.contains { $0.contains("graph is built again") && $0.contains("4 changes") })
        #expect(try lines("ids.txt") == ["", "doc 1", "", "doc 3", "doc 4", "doc 5", "", "late", "doc 2", ""])
        _ = try workspace.convert("@chroma", "@v.npy", "--save-labels", "@l.npy")
        #expect(try workspace.labels("l.npy", count: 6) == [1, 4, 5, 3, 7, 8])
        let expected = [rows[0], rows[3], rows[4], rows[7], rows[8], rows[9]].flatMap { $0 }
        let found = try workspace.floats("v.npy", shape: [6, 3])
        #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-6 })
    }

    @Test("an index that has every change keeps its graph, and needs no metric")
    func indexAlone() throws {
        try partly(ChromaData(workspace), changes: false)
        let made = try workspace.convert("@chroma", "@s.cairn", "--collection", "large")
        #expect(made.count == 5 && made.deleted == 1 && made.metric == "cosine" && made.warnings == [])
        let other = try workspace.convert("@chroma", "@t.cairn", "--metric", "l2")
        #expect(other.metric == "l2" && other.warnings.count == 1 && other.warnings[0].contains("is cosine, not l2"))
        // The same from its folder.
        #expect(try workspace.convert("@chroma/s-2", "@u.cairn").warnings == [])
    }

    @Test(
        "the metric is the configuration's, or that of the metadata where that has the default",
        arguments: [(nil, false, "l2"), ("ip", false, "ip"), ("cosine", true, "cosine"), ("l2", true, "l2")]
            as [(String?, Bool, String)])
    func metric(space: String?, isConfigured: Bool, expected: String) throws {
        for version in ChromaData.Version.allCases where version != .v04 || !isConfigured {
            let data = try ChromaData(workspace, "\(version)", version: version)
            try data.addCollection("one", id: "c", segment: "s", space: space, isConfigured: isConfigured)
            try data.queue(0, "a", [1, 2, 3], of: "c")
            #expect(try workspace.convert("@\(version)", "@\(version).cairn").metric == expected)
        }
    }

    @Test("which collection must be clear")
    func choice() throws {
        let data = try ChromaData(workspace)
        let none = try workspace.failure(converting: "@chroma", "@o.npy", code: 1)
        #expect(none.message.contains("no collections"))
        try small(data)
        try data.addCollection("other", id: "c-3", segment: "s-3")
        let several = try workspace.failure(converting: "@chroma", "@o.npy", code: 64)
        #expect(several.message.contains("--collection: other, small"))
        let wrong = try workspace.failure(converting: "@chroma", "@o.npy", "--collection", "smal", code: 1)
        #expect(wrong.code == "notFound" && wrong.message.contains("it has: other, small"))
        let empty = try workspace.failure(converting: "@chroma", "@o.npy", "--collection", "other", code: 1)
        #expect(empty.message.contains("collection other has no vectors"))
        // Two of one name, in two of Chroma's databases.
        try data.addCollection("small", id: "c-4", segment: "s-4")
        let same = try workspace.failure(converting: "@chroma", "@o.npy", "--collection", "small", code: 64)
        #expect(same.message.contains("c-1, c-4"))
        #expect(try workspace.convert("@chroma", "@o.npy", "--collection", "c-1").count == 5)
        try workspace.write("v.npy", bytes: Self.vectors.npy)
        for source in ["@v.npy", "@chroma/s-1"] {
            let refused = try workspace.cairn(
                "convert", source, "@p.npy", "--from", source == "@v.npy" ? "npy" : "chroma",
                "--collection", "small")
            #expect(refused.code == 64 && refused.errors.contains("--collection"))
        }
    }

    @Test("what cannot be read is said, and nothing is written")
    func damage() throws {
        let data = try ChromaData(workspace)
        try small(data)
        try data.queue(2, "odd", [1, 2], of: "c-1")
        let odd = try workspace.failure(converting: "@chroma", "@o.npy", code: 1)
        #expect(odd.message.contains("the vector of odd has 2 dimensions, others have 3"))
        try data.run("UPDATE embeddings_queue SET encoding = 'FLOAT16' WHERE id = 'odd'")
        #expect(try workspace.failure(converting: "@chroma", "@o.npy", code: 1).message.contains("encoded as FLOAT16"))
        try data.run("DELETE FROM embeddings_queue WHERE id = 'odd'; UPDATE collections SET schema_str = '{\"space'")
        #expect(try workspace.convert("@chroma", "@o.npy").metric == "cosine")
        try data.synchronize("s-1", through: 3)
        #expect(try workspace.failure(converting: "@chroma", "@p.npy", code: 1).message.contains("is missing"))
        try workspace.write("chroma/chroma.sqlite3", "")
        #expect(
            try workspace.failure(converting: "@chroma", "@p.npy", code: 1).message.contains("no table collections"))
        try workspace.write("chroma/chroma.sqlite3", String(repeating: "no database", count: 100))
        #expect(try workspace.failure(converting: "@chroma", "@p.npy", code: 1).message.contains("damaged"))
    }

    @Test("changes of ids that nobody knows are not guessed")
    func unknownIdentifiers() throws {
        try partly(ChromaData(workspace))
        try FileManager.default.removeItem(atPath: workspace.path("chroma/s-2/index_metadata.pickle"))
        let error = try workspace.failure(converting: "@chroma", "@s.cairn", code: 1)
        #expect(error.path == workspace.path("chroma/s-2/index_metadata.pickle"))
    }

    @Test("a change gets a label that nothing has, whatever labels a damaged folder has")
    func labelsOfDamagedFolder() throws {
        let data = try ChromaData(workspace)
        try partly(data)
        // An identifier with a label beyond all that the index has: the next that a new vector would get.
        let known = ["doc 1": 1, "doc 2": 2, "doc 3": 3, "doc 4": 4, "doc 5": 6, "beyond": 7]
        func write(_ labels: [String: Int]) throws {
            let identifiers = labels.map { (identifier: $0.key, label: $0.value) }
            try workspace.write(
                "chroma/s-2/index_metadata.pickle",
                bytes: ChromaData.metadata(dimensions: 3, elements: 6, identifiers: identifiers))
        }
        try write(known)
        let made = try workspace.convert("@chroma", "@s.cairn", "--save-ids", "@ids.txt")
        #expect(made.count == 6 && made.warnings.contains { $0.contains("2 ids of") }, "\(made.warnings)")
        #expect(
            try lines("ids.txt") == ["", "doc 1", "", "doc 3", "doc 4", "", "doc 5", "beyond", "late", "doc 2", ""])
        // The highest label that there is: none is left.
        let path = "chroma/s-2/data_level0.bin"
        var elements = try workspace.bytes(path)
        elements.replaceSubrange(5 * 56 + 48..<6 * 56, with: bytes(UInt64.max))
        try workspace.write(path, bytes: elements)
        let error = try workspace.failure(converting: "@chroma", "@t.cairn", code: 1)
        #expect(error.message.contains("no label is left") && error.path?.hasSuffix("chroma/s-2") == true)
    }

    @Test("the ids of a version before 0.4 are in a pickle beside the index")
    func early() throws {
        try FileManager.default.createDirectory(atPath: workspace.path("index"), withIntermediateDirectories: false)
        try workspace.write("index/index_7a.bin", bytes: TestIndex(Self.vectors).file)
        // A dictionary of two UUIDs, as Python's pickler writes it in protocol 5.
        let first = String(repeating: "ab", count: 16), second = String(repeating: "0c", count: 16)
        let entries = [(first, UInt8(3)), (second, UInt8(7))].flatMap { name, label -> [UInt8] in
            [0x8C, 32] + Array(name.utf8) + [0x94, UInt8(ascii: "K"), label]
        }
        let body = Array("}".utf8) + [0x94] + Array("(".utf8) + entries + Array("u.".utf8)
        try workspace.write("index/uuid_to_id_7a.pkl", bytes: [0x80, 5, 0x95] + bytes(UInt64(body.count)) + body)
        let made = try workspace.convert("@index/index_7a.bin", "@s.cairn", "--metric", "l2", "--save-ids", "@ids.txt")
        #expect(
            made.count == 12 && made.lost == [] && made.warnings.contains { $0.contains("chroma-embeddings.parquet") })
        #expect(try lines("ids.txt") == ["", "", "", first, "", "", "", second, ""])
        #expect(try workspace.convert("@index/index_7a.bin", "@t.cairn", "--metric", "l2").lost.count == 1)
        try workspace.write("index/uuid_to_id_7a.pkl", "cos\nsystem\n(S'true'\ntR.")
        let wrong = try workspace.failure(
            converting: "@index/index_7a.bin", "@u.cairn", "--metric", "l2", "--save-ids", "@u.txt", code: 2)
        #expect(wrong.path == workspace.path("index/uuid_to_id_7a.pkl"))
        try workspace.write("chroma-collections.parquet", "PAR1")
        #expect(try workspace.failure(converting: "@.", "@../x.cairn", code: 1).message.contains("before 0.4"))
    }
}
