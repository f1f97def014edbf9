import Foundation
import Testing

@Suite("cairn search --like")
struct LikeSearchTests {
    private struct Results: Decodable, Equatable {
        let like: [UInt64]?
        let labels: [[UInt64]]
        let distances: [[Float]]
        let documents: [[UInt64]]?
        let document_labels: [[[UInt64]]]?
        let truncated: [Bool]?
    }

    private let workspace: Workspace
    private let vectors: TestVectors

    init() throws {
        workspace = try Workspace()
        vectors = try workspace.buildStore(count: 60, dimensions: 4)
    }

    private func search(_ options: String...) throws -> Results {
        try workspace.json(Results.self, arguments: ["search", "@store", "--ef", "60"] + options)
    }

    /// The nearest rows to one of them, without it.
    private func others(_ row: Int, _ count: Int) -> [UInt64] {
        vectors.nearest(vectors.rows[row], 60).map { UInt64($0.row) }.filter { $0 != UInt64(row) }.prefix(count).map {
            $0
        }
    }

    @Test("finds the nearest to a label's vector, and not the label", arguments: [1, 5, 59, 60, 100])
    func nearest(count: Int) throws {
        let found = try search("--like", "17", "-k", "\(count)")
        #expect(found.like == [17] && found.labels == [others(17, count)])
        #expect(found.distances[0] == found.distances[0].sorted())
    }

    @Test("several labels are several queries, and --limit takes the first")
    func several() throws {
        let found = try search("--like", "3", "--like", "44", "-k", "2")
        #expect(found.like == [3, 44] && found.labels == [others(3, 2), others(44, 2)])
        #expect(try search("--like", "3", "--like", "44", "-k", "2", "--limit", "1").labels == [others(3, 2)])
    }

    @Test("a vector that equals it is found")
    func equal() throws {
        try workspace.write("same.npy", bytes: TestVectors([vectors.rows[17]]).npy)
        try workspace.write("l.txt", "5\n")
        try #require(try workspace.cairn("add", "@store", "@same.npy", "--labels", "@l.txt", "--upsert").code == 0)
        #expect(try search("--like", "17", "-k", "1").labels == [[5]])
        #expect(try search("--like", "5", "-k", "1").labels == [[17]])
    }

    @Test("with --radius and --filter", arguments: [3, 100])
    func radius(count: Int) throws {
        let within = others(17, 60).filter { label in
            zip(vectors.rows[17], vectors.rows[Int(label)]).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } <= 1.5
        }
        try #require(within.count > 3 && within.count < 60)
        let found = try search("--like", "17", "--radius", "1.5", "-k", "\(count)")
        #expect(found.labels == [Array(within.prefix(count))] && found.truncated == [count == 3])
        try workspace.write("f.txt", "17\n1\n2\n")
        #expect(try Set(search("--like", "17", "--filter", "@f.txt").labels[0]) == [1, 2])
    }

    @Test("with --documents: its own document is there by another of its vectors, if it has one", arguments: [1, 2])
    func documents(perDocument: Int) throws {
        try workspace.write("d.txt", labels: (0..<60).map { $0 == 59 ? 99 : $0 / 4 })
        for label in [17, 59] {
            let found = try search(
                "--like", "\(label)", "--documents", "@d.txt", "-k", "100", "--per-document", "\(perDocument)",
                "--exact")
            let all = try #require(found.documents?.first), labels = try #require(found.document_labels?.first)
            #expect(Set(all) == Set((0..<15).map { UInt64($0) } + (label == 59 ? [] : [99])))
            #expect(labels.allSatisfy { (1...perDocument).contains($0.count) && !$0.contains(UInt64(label)) })
            #expect(found.distances[0] == found.distances[0].sorted())
            let best = try search("--like", "\(label)", "--documents", "@d.txt", "-k", "3", "--exact")
            #expect(best.documents == [Array(all.prefix(3))] && best.document_labels == nil)
        }
    }

    @Test("text, TSV and JSON lines name the label")
    func formats() throws {
        let text = try workspace.cairn("search", "@store", "--like", "17", "-k", "1")
        #expect(text.lines[0] == "like 17" && text.lines.count == 3)
        let table = try workspace.cairn("search", "@store", "--like", "17", "-k", "1", "--output", "tsv").lines
        #expect(table[0] == "like\trank\tlabel\tdistance" && table[1].hasPrefix("17\t1\t\(others(17, 1)[0])\t"))
        let line = try workspace.cairn(
            "search", "@store", "--like", "17", "-k", "1", "--output", "jsonl", "--string-labels")
        #expect(line.output.hasPrefix(#"{"like": "17", "labels": ["\#(others(17, 1)[0])"]"#))
    }

    @Test("a label that is not there, or deleted, is an error that says so")
    func missing() throws {
        _ = try workspace.cairn("delete", "@store", "17")
        let deleted = try workspace.cairn("search", "@store", "--like", "17")
        #expect(deleted.code == 1 && deleted.output == "")
        #expect(
            deleted.errors
                == "cairn: error: \(workspace.path("store")): label 17 is marked deleted; bring it back with: "
                + "cairn delete \(workspace.path("store")) 17 --undo\n")
        #expect(try workspace.cairn("get", "@store", "17").errors == deleted.errors)
        let unknown = try workspace.cairn("search", "@store", "--like", "3", "--like", "60")
        #expect(unknown.code == 1 && unknown.errors.hasSuffix("there is no label 60 in the store\n"))
    }

    @Test(
        "either queries or labels are given",
        arguments: [["a"], ["a", "b", "--like", "1"], ["a", "--like", "-1"], ["a", "--like", "x"]])
    func usage(arguments: [String]) throws {
        let outcome = try workspace.cairn(["search"] + arguments)
        #expect(outcome.code == 64 && outcome.errors.contains("\nUsage: cairn search "))
    }
}
