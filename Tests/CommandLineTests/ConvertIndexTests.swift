import Foundation
import Testing

@Suite("cairn convert: indexes")
struct ConvertIndexTests {
    private let workspace: Workspace
    private static let vectors = TestVectors(count: 12, dimensions: 3, seed: 2)
    private static let labels: [UInt64] = (0..<12).map { 100 + 7 * $0 }

    init() throws { workspace = try Workspace() }

    private var index: TestIndex {
        var index = TestIndex(Self.vectors, labels: Self.labels)
        index.marked = [2, 5]
        index.capacity = 40
        return index
    }

    private func live(_ index: TestIndex) -> (rows: [Float], labels: [UInt64]) {
        let slots = index.labels.indices.filter { !index.marked.contains($0) }
        return (slots.flatMap { index.vectors.rows[$0] }, slots.map { index.labels[$0] })
    }

    @Test("an index becomes a store and comes back byte for byte", arguments: ["l2", "ip", "cosine"])
    func thereAndBack(metric: String) throws {
        try workspace.write("in.bin", bytes: index.file)
        let made = try workspace.convert("@in.bin", "@s.cairn", "--metric", metric, "--dim", "3")
        #expect(made.from == "hnswlib" && made.to == "cairn" && made.metric == metric && made.scalar == "f32")
        #expect(made.count == 10 && made.deleted == 2 && made.dimensions == 3)
        #expect(made.m == 4 && made.ef_construction == 200)
        #expect(try made.bytes_read == workspace.bytes("in.bin").count && made.bytes_written > 0)
        // What hnswlib has lost before is not lost here.
        #expect(made.lost == [])
        #expect(try workspace.cairn("labels", "@s.cairn", "--deleted").lines == ["114", "135"])
        let back = try workspace.convert("@s.cairn", "@out.bin")
        #expect(back.byte_identical == true && back.count == 10 && back.deleted == 2 && back.metric == metric)
        #expect(back.lost.count == 1 && back.lost[0].contains("the metric (\(metric))"))
        #expect(try workspace.bytes("out.bin") == workspace.bytes("in.bin"))
        // With another capacity it is another file.
        #expect(
            try workspace.convert("@s.cairn", "@out.bin", "--force", "--max-elements", "12").byte_identical == false)
        var smaller = index
        smaller.capacity = 12
        #expect(try workspace.bytes("out.bin") == smaller.file)
    }

    @Test("an index becomes an index, but for its capacity")
    func copy() throws {
        try workspace.write("in.bin", bytes: index.file)
        let same = try workspace.convert("@in.bin", "@a.hnsw")
        #expect(same.byte_identical == true && same.metric == nil && same.lost == [])
        #expect(try workspace.bytes("a.hnsw") == workspace.bytes("in.bin"))
        let larger = try workspace.convert("@in.bin", "@b.bin", "--max-elements", "99")
        #expect(larger.byte_identical == false && larger.bytes_written == same.bytes_written)
        var expected = index
        expected.capacity = 99
        #expect(try workspace.bytes("b.bin") == expected.file)
        let error = try workspace.failure(converting: "@in.bin", "@c.bin", "--max-elements", "11", code: 64)
        #expect(error.message.contains("12 vectors"))
    }

    @Test("an index gives its live vectors and their labels")
    func vectors() throws {
        try workspace.write("in.bin", bytes: index.file)
        let made = try workspace.convert("@in.bin", "@out.npy", "--save-labels", "@labels.npy", "--metric", "l2")
        #expect(made.count == 10 && made.deleted == 2 && made.lost.contains("2 vectors marked deleted"))
        #expect(try workspace.floats("out.npy", shape: [10, 3]) == live(index).rows)
        #expect(try workspace.labels("labels.npy", count: 10) == live(index).labels)
        let unknown = try workspace.convert("@in.bin", "@out.fvecs")
        #expect(unknown.warnings == [] && !unknown.lost.contains { $0.contains("lengths") })
        #expect(unknown.lost.contains { $0.contains("--save-labels") })
    }

    @Test("of vectors under one label the last is taken, whatever becomes of the index")
    func repeated() throws {
        var index = TestIndex(Self.vectors, labels: Self.labels)
        index.labels[0] = index.labels[7]
        try workspace.write("in.bin", bytes: index.file)
        let direct = try workspace.convert("@in.bin", "@a.npy", "--save-labels", "@a-labels.npy", "--metric", "l2")
        let store = try workspace.convert("@in.bin", "@s.cairn", "--metric", "l2")
        let stored = try workspace.convert("@s.cairn", "@b.npy", "--save-labels", "@b-labels.npy")
        #expect(direct.count == 11 && store.count == 11 && stored.count == 11)
        #expect(direct.warnings.count == 1 && direct.warnings == store.warnings)
        #expect(try workspace.convert("@in.bin", "@t.cairn", "--metric", "l2", "--dry-run").warnings == store.warnings)
        #expect(try workspace.bytes("a.npy") == workspace.bytes("b.npy"))
        #expect(try workspace.bytes("a-labels.npy") == workspace.bytes("b-labels.npy"))
        #expect(try workspace.labels("a-labels.npy", count: 11) == Array(Self.labels[1...]))
        #expect(try workspace.convert("@s.cairn", "@out.bin").byte_identical == true)
    }

    @Test("components of another type are named by --scalar")
    func scalars() throws {
        var index = TestIndex(TestVectors([[1, 2, 3], [250, 5, 6]]))
        index.encode = { [UInt8($0)] }
        try workspace.write("in.bin", bytes: index.file)
        let error = try workspace.failure(converting: "@in.bin", "@out.npy", code: 1)
        #expect(error.message.contains("3 bytes") && error.message.contains("--scalar"))
        #expect(try workspace.convert("@in.bin", "@out.npy", "--scalar", "u8").scalar == "u8")
        #expect(try Npy.values(workspace.bytes("out.npy"), type: "|u1", shape: [2, 3]) == [1, 2, 3, 250, 5, 6])
        #expect(try workspace.convert("@in.bin", "@s.cairn", "--scalar", "u8", "--metric", "l2").scalar == "u8")
        let back = try workspace.convert("@s.cairn", "@out.bin")
        #expect(back.scalar == "u8" && back.byte_identical == true)
        #expect(try workspace.bytes("out.bin") == workspace.bytes("in.bin"))
        let wrong = try workspace.failure(
            converting: "@in.bin", "@x.npy", "--scalar", "u8", "--dim", "4", code: 64)
        #expect(wrong.message.contains("3 of u8") && wrong.message.contains("--dim"))
    }

    @Test("Chroma's file and folder give back lengths for cosine", arguments: [false, true])
    func chroma(isFolder: Bool) throws {
        var index = index
        // Of length 1, as Chroma has them for cosine.
        index.vectors = TestVectors((0..<12).map { row in (0..<3).map { $0 == row % 3 ? 1 : 0 } })
        index.lengths = (0..<12).map { Float($0) + 0.5 }
        if isFolder {
            try index.writeFolder("in", in: workspace, ids: (0..<10).map { "id \($0)" })
        } else {
            try workspace.write("in", bytes: index.file)
        }
        let made = try workspace.convert("@in", "@out.npy", "--metric", "cosine", "--save-labels", "@labels.npy")
        #expect(made.from == (isFolder ? "chroma" : "hnswlib") && made.count == 10)
        #expect(
            made.warnings.count == (isFolder ? 1 : 0) && made.warnings.allSatisfy { $0.contains("last sync left it") })
        #expect(made.lost.contains { $0.contains("Chroma's own ids") } == isFolder)
        #expect(!made.lost.contains { $0.contains("length") })
        let slots = (0..<12).filter { !index.marked.contains($0) }
        let expected = slots.flatMap { slot in index.vectors.rows[slot].map { $0 * index.lengths![slot] } }
        #expect(try workspace.floats("out.npy", shape: [10, 3]) == expected)
        // Without the metric, as they stand in the file.
        #expect(try workspace.convert("@in", "@raw.npy").warnings.contains { $0.contains("--metric cosine") })
        #expect(try workspace.floats("raw.npy", shape: [10, 3]) == live(index).rows)
        // hnswlib's own file has all but the lengths.
        let plain = try workspace.convert("@in", "@out.bin", "--metric", "l2")
        #expect(plain.byte_identical == false && plain.lost.isEmpty == !isFolder)
        let cosine = try workspace.convert("@in", "@out.bin", "--metric", "cosine", "--force", "--dry-run")
        #expect(cosine.lost.contains { $0.contains("lengths of the vectors") })
        index.lengths = nil
        #expect(try workspace.bytes("out.bin") == index.file)
        #expect(try workspace.convert("@in", "@s.cairn", "--metric", "cosine").deleted == 2)
        #expect(try workspace.cairn("verify", "@s.cairn", "--depth", "checksums").code == 0)
    }

    @Test("Chroma's metadata must be of the index beside them")
    func metadata() throws {
        var index = index
        try index.writeFolder("in", in: workspace, ids: (0..<9).map { "id \($0)" })
        let made = try workspace.convert("@in", "@s.cairn", "--metric", "l2")
        #expect(made.warnings.count == 2 && made.warnings[1].contains("1 vector that Chroma's"))
        index.vectors = TestVectors(count: 12, dimensions: 5, seed: 1)
        try index.writeFolder("other", in: workspace, ids: ["a"])
        try workspace.write("in/index_metadata.pickle", bytes: workspace.bytes("other/index_metadata.pickle"))
        // The index is whole without them, unless the ids are wanted.
        func check(_ name: String, _ word: String, code: Int32) throws {
            let made = try workspace.convert("@in", "@\(name).cairn", "--metric", "l2")
            #expect(made.count == 10 && made.lost == [] && made.warnings.count == 2)
            #expect(made.warnings.contains { $0.contains("Chroma's ids are lost") && $0.contains(word) })
            let wrong = try workspace.failure(
                converting: "@in", "@t.cairn", "--metric", "l2", "--save-ids", "@t.txt", code: code)
            #expect(wrong.message.contains(word), "\(wrong.message)")
            #expect(wrong.path == workspace.path("in/index_metadata.pickle"))
        }
        try check("a", "5 dimensions", code: 1)
        try workspace.write("in/index_metadata.pickle", "cos\nsystem\n(S'true'\ntR.")
        try check("b", "damaged", code: 2)
        try FileManager.default.removeItem(atPath: workspace.path("in/index_metadata.pickle"))
        try check("c", "no such file", code: 1)
    }

    @Test("a folder of Chroma's without its database is as its last sync left it, which is always said")
    func synchronisation() throws {
        try index.writeFolder("in", in: workspace, ids: (0..<10).map { "id \($0)" })
        for destination in ["o.cairn", "o.bin", "o.npy"] {
            let arguments = ["convert", "@in", "@\(destination)", "--metric", "l2", "--dry-run"]
            let warnings = try workspace.json(Conversion.self, arguments: arguments).warnings
            #expect(warnings.count == 1 && warnings[0].contains("with 12 vectors added by then"), "\(warnings)")
            #expect(warnings[0].contains("hnsw:sync_threshold") && warnings[0].contains("chroma.sqlite3"))
            #expect(try workspace.cairn(arguments).lines.contains("warning: \(warnings[0])"))
        }
        #expect(try workspace.convert("@in", "@in.cairn", "--metric", "l2").warnings.count == 1)
    }

    @Test("Chroma's ids are saved for searches to print")
    func identifiers() throws {
        var index = index
        index.labels = [1, 2, 3, 5, 8, 9, 10, 11, 12, 13, 14, 20]
        index.marked = [2]
        let ids = (0..<11).map { "id ü \($0)" }
        try index.writeFolder("in", in: workspace, ids: ids)
        let made = try workspace.convert("@in", "@s.cairn", "--metric", "l2", "--save-ids", "@ids.txt")
        #expect(made.lost == [])
        var lines = [String](repeating: "", count: 21)
        for (id, label) in zip(ids, index.labels.filter { $0 != 3 }) { lines[Int(label)] = id }
        #expect(try workspace.bytes("ids.txt") == Array((lines.joined(separator: "\n") + "\n").utf8))
        try workspace.write("q.npy", bytes: TestVectors([index.vectors.rows[4]]).npy)
        let found = try workspace.cairn("search", "@s.cairn", "@q.npy", "-k", "1", "--names", "@ids.txt")
        #expect(found.output.contains("id ü 3"), "\(found.output)")
        // Nothing is replaced, or written by a dry run, or without an OUT.
        let again = try workspace.failure(converting: "@in", "@t.npy", "--save-ids", "@ids.txt", code: 1)
        #expect(again.code == "alreadyExists" && again.path == workspace.path("ids.txt"))
        let before = try workspace.content
        #expect(try workspace.convert("@in", "@t.npy", "--save-ids", "@t.txt", "--dry-run").lost.count == 3)
        #expect(try workspace.content == before)
        _ = try workspace.failure(converting: "@in", "@t.npy", "--save-ids", "@t.npy", code: 64)
        _ = try workspace.failure(converting: "@s.cairn", "@t.npy", "--save-ids", "@t.txt", code: 64)
    }

    @Test("lengths that Chroma's memory held by chance make no vectors")
    func wrongLengths() throws {
        var index = TestIndex(Self.vectors)
        index.vectors.rows[3] = [0, 0, 0]
        index.vectors.rows[4] = [0, 1, 0]
        index.lengths = (0..<12).map { $0 == 4 ? 3 : -1e13 }
        try index.writeFolder("in", in: workspace, ids: (0..<12).map { "id \($0)" })
        for options in [["--dry-run"], []] {
            let arguments = ["convert", "@in", "@out.npy", "--metric", "cosine"] + options
            let made = try workspace.json(Conversion.self, arguments: arguments)
            #expect(made.warnings.count == 2 && made.warnings[1].hasPrefix("10 vectors left as in IN"))
        }
        let rows = index.vectors.rows.enumerated().flatMap { $0.offset == 4 ? [0, 3, 0] : $0.element }
        #expect(try workspace.floats("out.npy", shape: [12, 3]) == rows)
    }

    @Test("ids that are no lines are refused", arguments: ["two\nlines", "an end\r"])
    func identifierWithLines(id: String) throws {
        try TestIndex(TestVectors([[1, 2]]), labels: [1]).writeFolder("in", in: workspace, ids: [id])
        let error = try workspace.failure(converting: "@in", "@o.npy", "--save-ids", "@ids.txt", code: 1)
        #expect(error.message.contains("label 1") && error.path == workspace.path("ids.txt"))
    }

    @Test("the lengths that a store for cosine has are lost in an index, and given back in vectors")
    func lengths() throws {
        let vectors = try workspace.buildStore(count: 20, dimensions: 4, "--metric", "cosine")
        #expect(try workspace.convert("@store", "@o.bin").lost.contains { $0.contains("lengths") })
        #expect(try workspace.convert("@store", "@o.npy").lost.contains { $0.contains("last bits") })
        #expect(vectors.rows.count == 20)
        // Those of an index are of length 1.
        _ = try workspace.convert("@o.bin", "@s.cairn", "--metric", "cosine")
        #expect(try !workspace.convert("@s.cairn", "@p.bin").lost.contains { $0.contains("lengths") })
        #expect(try !workspace.convert("@s.cairn", "@p.npy").lost.contains { $0.contains("last bits") })
        #expect(try workspace.convert("@s.cairn", "@t.cairn", "--metric", "l2").lost == [])
        // Whole numbers stay as they were given.
        try workspace.write("w.npy", bytes: TestVectors([[1, 2], [3, 4]]).npy)
        try #require(
            try workspace.cairn("build", "@w.cairn", "@w.npy", "--metric", "cosine", "--scalar", "u8").code == 0)
        #expect(try !workspace.convert("@w.cairn", "@w.bin", "--scalar", "u8").lost.contains { $0.contains("lengths") })
        #expect(try workspace.convert("@w.cairn", "@v.bin").lost.contains { $0.contains("lengths") })
    }

    @Test("BFIndex becomes vectors, a store and an index")
    func bruteForce() throws {
        try workspace.write("in.bin", bytes: bruteForceFile(Self.vectors, labels: Self.labels, capacity: 20))
        let made = try workspace.convert("@in.bin", "@out.npy", "--save-labels", "@labels.npy")
        #expect(made.from == "bfindex" && made.count == 12 && made.dimensions == 3 && made.lost == [])
        #expect(try workspace.floats("out.npy", shape: [12, 3]) == Self.vectors.rows.flatMap { $0 })
        #expect(try workspace.labels("labels.npy", count: 12) == Self.labels)
        #expect(try workspace.convert("@in.bin", "@s.cairn", "--metric", "ip", "-M", "3").m == 3)
        #expect(try workspace.cairn("labels", "@s.cairn").lines == Self.labels.map { "\($0)" })
        #expect(try workspace.convert("@in.bin", "@i.hnswlib", "--metric", "l2").to == "hnswlib")
        #expect(try workspace.convert("@i.hnswlib", "@back.npy").count == 12)
        #expect(try workspace.bytes("back.npy") == workspace.bytes("out.npy"))
        #expect(try workspace.content.filter { $0.hasPrefix(".") } == [])
    }

    @Test("of the rows of a BFIndex under one label the last one counts")
    func repeatedRows() throws {
        var labels = Self.labels
        labels[3] = labels[8]
        labels[4] = labels[11]
        try workspace.write("in.bin", bytes: bruteForceFile(Self.vectors, labels: labels, capacity: 12))
        let made = try workspace.convert("@in.bin", "@s.cairn", "--metric", "l2")
        #expect(made.count == 10 && made.warnings.count == 1 && made.warnings[0].hasPrefix("2 vectors left out"))
        #expect(try workspace.convert("@s.cairn", "@out.npy").count == 10)
        let kept = (0..<12).filter { $0 != 3 && $0 != 4 }
        #expect(try workspace.floats("out.npy", shape: [10, 3]) == kept.flatMap { Self.vectors.rows[$0] })
    }

    @Test("a store that was changed becomes an index without what was erased")
    func changed() throws {
        try workspace.write("in.bin", bytes: index.file)
        _ = try workspace.convert("@in.bin", "@s.cairn", "--metric", "l2")
        #expect(try workspace.cairn("delete", "@s.cairn", "100", "--erase").code == 0)
        let made = try workspace.convert("@s.cairn", "@out.bin")
        #expect(made.byte_identical == false && made.count == 9 && made.deleted == 2)
        #expect(try workspace.convert("@out.bin", "@t.cairn", "--metric", "l2").count == 9)
        #expect(try workspace.cairn("labels", "@t.cairn").lines == live(index).labels.dropFirst().map { "\($0)" })
    }

    @Test("a store becomes a store of another metric, with the same data")
    func metric() throws {
        let vectors = try workspace.buildStore(count: 60, dimensions: 4)
        #expect(try workspace.cairn("delete", "@store", "9").code == 0)
        let made = try workspace.convert("@store", "@ip.cairn", "--metric", "ip")
        #expect(made.metric == "ip" && made.count == 59 && made.deleted == 1 && made.lost == [])
        #expect(made.warnings.count == 1 && made.warnings[0].contains("the graph was built for l2"))
        #expect(try workspace.cairn("labels", "@ip.cairn", "--deleted").lines == ["9"])
        #expect(try workspace.convert("@ip.cairn", "@out.npy").count == 59)
        let kept = (0..<60).filter { $0 != 9 }
        #expect(try workspace.floats("out.npy", shape: [59, 4]) == kept.flatMap { vectors.rows[$0] })
        let cosine = try workspace.convert("@ip.cairn", "@cosine.cairn", "--metric", "cosine")
        #expect(cosine.metric == "cosine" && cosine.lost.count == 1)
        #expect(try workspace.cairn("verify", "@cosine.cairn", "--depth", "checksums").code == 0)
        let same = try workspace.convert("@ip.cairn", "@same.cairn")
        #expect(same.metric == "ip" && same.warnings == [])
    }
}
