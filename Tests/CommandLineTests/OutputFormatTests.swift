import Foundation
import Testing

@Suite("Output as TSV and JSON lines")
struct OutputFormatTests {
    private let workspace: Workspace
    private let vectors: TestVectors

    init() throws {
        workspace = try Workspace()
        vectors = try workspace.buildStore(count: 30, dimensions: 3)
        try workspace.write("q.npy", bytes: TestVectors(Array(vectors.rows.prefix(2))).npy)
    }

    /// The cells of each line.
    private func table(_ arguments: String...) throws -> [[String]] { try table(arguments) }

    private func table(_ arguments: [String]) throws -> [[String]] {
        let outcome = try workspace.cairn(arguments + ["--output", "tsv"])
        #expect(outcome.code == 0 && outcome.errors == "", "\(outcome.errors)")
        return outcome.lines.map { $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init) }
    }

    private func documents<Value: Decodable>(_ type: Value.Type, _ arguments: String...) throws -> [Value] {
        try documents(type, arguments)
    }

    private func documents<Value: Decodable>(_ type: Value.Type, _ arguments: [String]) throws -> [Value] {
        let outcome = try workspace.cairn(arguments + ["--output", "jsonl"])
        #expect(outcome.code == 0 && outcome.errors == "", "\(outcome.errors)")
        return try outcome.lines.map { try JSONDecoder().decode(type, from: Data($0.utf8)) }
    }

    @Test("search prints a line for each result, or a document for each query")
    func search() throws {
        let expected = (0..<2).map { row in vectors.nearest(vectors.rows[row], 3).map { "\($0.row)" } }
        let rows = try table("search", "@store", "@q.npy", "-k", "3")
        #expect(rows[0] == ["query", "rank", "label", "distance"] && rows.count == 7)
        #expect(rows.dropFirst().map { $0[0] } == ["0", "0", "0", "1", "1", "1"])
        #expect(rows.dropFirst().map { $0[1] } == ["1", "2", "3", "1", "2", "3"])
        #expect(rows.dropFirst().map { $0[2] } == Array(expected.joined()))

        struct Line: Decodable {
            let query: Int
            let labels: [Int], distances: [Float]
            let truncated: Bool?
        }
        let lines = try documents(Line.self, "search", "@store", "@q.npy", "-k", "3")
        #expect(lines.map(\.query) == [0, 1] && lines.map { $0.labels.map { "\($0)" } } == expected)
        #expect(lines[0].distances.map { "\($0)" } == rows[1...3].map { "\(Float($0[3])!)" })
        #expect(try documents(Line.self, "search", "@store", "@q.npy", "--radius", "9")[1].truncated == false)
        #expect(try table("search", "@store", "@q.npy", "--limit", "0") == [rows[0]])
    }

    @Test("names are a column whose tabs and backslashes are escaped")
    func names() throws {
        try workspace.write("names.txt", "a\tb\\c\nsecond\n")
        let rows = try table("search", "@store", "@q.npy", "-k", "1", "--names", "@names.txt")
        #expect(
            rows == [
                ["query", "rank", "label", "distance", "name"], ["0", "1", "0", "0", #"a\tb\\c"#],
                ["1", "1", "1", "0", "second"],
            ])
    }

    @Test("documents are a column that is filled in each line")
    func documents() throws {
        try workspace.write("d.txt", labels: (0..<30).map { $0 / 10 })
        let rows = try table(
            "search", "@store", "@q.npy", "-k", "2", "--documents", "@d.txt", "--per-document", "2", "--exact")
        #expect(rows[0] == ["query", "rank", "document", "label", "distance"] && rows.count == 9)
        for row in rows.dropFirst() { #expect(Int(row[3])! / 10 == Int(row[2])!) }
        #expect(rows.dropFirst().map { $0[1] } == ["1", "1", "2", "2", "1", "1", "2", "2"])
    }

    @Test("results that a radius cuts off are told of")
    func truncated() throws {
        let outcome = try workspace.cairn("search", "@store", "@q.npy", "--radius", "9", "-k", "2", "--output", "tsv")
        #expect(outcome.code == 0 && outcome.lines.count == 5)
        #expect(
            outcome.errors
                == "cairn: warning: 2 of the queries have more within the radius than is printed: raise -k to find it\n"
        )
    }

    @Test("get and labels print a row for each label")
    func rows() throws {
        struct Vector: Decodable {
            let label: Int
            let vector: [Float]
        }
        let got = try documents(Vector.self, "get", "@store", "7", "3")
        #expect(got.map(\.label) == [7, 3] && got.map(\.vector) == [vectors.rows[7], vectors.rows[3]])
        let cells = try table("get", "@store", "7", "3")
        #expect(cells[0] == ["label", "v0", "v1", "v2"])
        #expect(cells[1].map { Float($0) } == [7] + vectors.rows[7])
        struct Label: Decodable { let label: Int }
        #expect(try documents(Label.self, "labels", "@store").map(\.label) == Array(0..<30))
        #expect(try table("labels", "@store") == [["label"]] + (0..<30).map { ["\($0)"] })
    }

    @Test("recall prints a row for each width")
    func recall() throws {
        _ = try workspace.cairn("search", "@store", "@q.npy", "--exact", "--save-labels", "@t.npy", "--quiet")
        let rows = try table("recall", "@store", "@q.npy", "@t.npy", "--ef", "10,20")
        #expect(rows.map { $0[0] } == ["ef", "10", "20"] && rows[0].prefix(3) == ["ef", "recall", "qps"])
        struct Row: Decodable { let ef: Int, recall: Double }
        let lines = try documents(Row.self, "recall", "@store", "@q.npy", "@t.npy", "--ef", "10,20")
        #expect(lines.map(\.ef) == [10, 20] && lines.map { $0.recall } == [1, 1])
    }

    @Test("of several stores recall says in each row which one it is")
    func comparedRecall() throws {
        _ = try workspace.cairn("search", "@store", "@q.npy", "--exact", "--save-labels", "@t.npy", "--quiet")
        // Codes begin at 256 vectors.
        try workspace.write("more.npy", bytes: TestVectors(count: 256, dimensions: 3, seed: 7).npy)
        _ = try workspace.cairn("build", "@other", "@more.npy", "--quantization", "sq8", "--quiet")
        let arguments = ["@store", "@q.npy", "@t.npy", "--ef", "10,20", "--compare", "@other", "--by-vectors"]
        let expected = [("store", false), ("other", false), ("other", true)].flatMap {
            [(workspace.path($0.0), $0.1, "10"), (workspace.path($0.0), $0.1, "20")]
        }
        let rows = try table(["recall"] + arguments)
        #expect(rows.count == 7 && rows[0].prefix(3) == ["store", "by_vectors", "ef"])
        for (row, (store, byVectors, ef)) in zip(rows.dropFirst(), expected) {
            #expect(row.prefix(3) == [store, "\(byVectors)", ef] && row.count == rows[0].count)
        }
        struct Row: Decodable {
            let store: String, by_vectors: Bool
            let ef: Int
        }
        let lines = try documents(Row.self, ["recall"] + arguments)
        #expect(lines.map { "\($0.store) \($0.by_vectors) \($0.ef)" } == expected.map { "\($0) \($1) \($2)" })
    }

    @Test("facts are lines of name and value, and one document")
    func facts() throws {
        struct Kept: Decodable { let ef: Int }
        #expect(try documents(Kept.self, "set", "@store", "--ef", "60").map(\.ef) == [60])
        #expect(try table("set", "@store", "--ef", "70") == [["ef", "70"]])
        let info = try table("info", "@store")
        #expect(info.allSatisfy { $0.count == 2 } && info.prefix(2) == [["count", "30"], ["deleted", "0"]])
        let verified = try table("verify", "@store")
        #expect(
            verified.prefix(5) == [
                ["ok", "true"], ["depth", "graph"], ["problems", "[]"], ["warnings", "[]"], ["unreachable", "0"],
            ])
        #expect(try table("repair", "@store").prefix(2) == [["unreachable", "0"], ["missed", "0"]])
        #expect(try table("delete", "@store", "3").first == ["changed", "1"])
        #expect(try table("convert", "@q.npy", "@o.fbin").contains(["metric", ""]))
    }

    @Test("errors are JSON with json and jsonl, text with tsv")
    func errors() throws {
        for form in ["json", "jsonl"] {
            let missing = try workspace.cairn("get", "@store", "99", "--output", form)
            #expect(missing.code == 1 && missing.output == "")
            #expect(try ErrorDocument(missing.errors).error.code == "unknownLabel")
            #expect(try ErrorDocument(workspace.cairn("get", "--output", form).errors).error.code == "usage")
        }
        #expect(try workspace.cairn("get", "@store", "99", "--output", "tsv").errors.hasPrefix("cairn: error: "))
    }

    @Test("labels are strings where that is asked for", arguments: [UInt64(1) << 53 + 1, .max])
    func strings(label: UInt64) throws {
        try workspace.write("one.npy", bytes: TestVectors([[2, 2, 2]]).npy)
        try workspace.write("l.txt", "\(label)\n")
        #expect(try workspace.cairn("add", "@store", "@one.npy", "--labels", "@l.txt", "--quiet").code == 0)
        struct Strings: Decodable { let label: String }
        #expect(try documents(Strings.self, "labels", "@store", "--string-labels").map(\.label).last == "\(label)")
        #expect(
            try documents(Strings.self, "get", "@store", "\(label)", "--string-labels").map(\.label) == ["\(label)"])
        struct Found: Decodable { let labels: [[String]] }
        let found = try workspace.json(
            Found.self, "search", "@store", "@one.npy", "-k", "1", "--exact", "--string-labels")
        #expect(found.labels == [["\(label)"]])
        let number = try workspace.cairn("search", "@store", "@one.npy", "-k", "1", "--exact", "--output", "json")
        #expect(number.output.hasPrefix("{\"labels\": [[\(label)]]"))
    }
}
