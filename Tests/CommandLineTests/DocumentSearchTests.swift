import Foundation
import Testing

@Suite("cairn search --documents")
struct DocumentSearchTests {
    private struct Results: Decodable, Equatable {
        let documents: [[UInt64]]
        let labels: [[UInt64]]
        let distances: [[Float]]
        let names: [[String?]]?
        let document_labels: [[[UInt64]]]?
        let document_distances: [[[Float]]]?
    }

    private let workspace: Workspace
    private let vectors: TestVectors
    private let queries = TestVectors(count: 4, dimensions: 8, seed: 2)

    init() throws {
        workspace = try Workspace()
        vectors = try workspace.buildStore()
        try workspace.write("q.npy", bytes: queries.npy)
        try workspace.write("d.txt", labels: (0..<200).map { document($0) })
        try workspace.write("d.npy", bytes: Npy.file(shape: [200], (0..<200).map { Int32(document($0)) }))
        try workspace.write("pairs.txt", (0..<200).reversed().map { "\($0)\t\(document($0))\n" }.joined())
        try workspace.write(
            "pairs.npy", bytes: Npy.file(shape: [200, 2], (0..<200).flatMap { [Int32($0), Int32(document($0))] }))
    }

    private func document(_ label: Int) -> Int { 1000 + label % 40 }

    private func search(_ options: String...) throws -> Results {
        try workspace.json(Results.self, arguments: ["search", "@store", "@q.npy"] + options)
    }

    /// The documents of a query and all their labels, nearest first.
    private func expected(_ query: [Float]) -> [(document: UInt64, labels: [UInt64])] {
        var order: [UInt64] = [], labels: [UInt64: [UInt64]] = [:]
        for (row, _) in vectors.nearest(query, 200) {
            let document = UInt64(document(row))
            if labels[document] == nil { order.append(document) }
            labels[document, default: []].append(UInt64(row))
        }
        return order.map { ($0, labels[$0]!) }
    }

    @Test("finds the best documents, in JSON", arguments: ["d.txt", "d.npy", "pairs.txt", "pairs.npy"])
    func json(file: String) throws {
        for options in [[], ["--exact"], ["--ef", "12"]] {
            let results = try workspace.json(
                Results.self,
                arguments: ["search", "@store", "@q.npy", "-k", "7", "--documents", "@\(file)"] + options)
            for (row, query) in queries.rows.enumerated() {
                let best = expected(query).prefix(7)
                #expect(results.documents[row] == best.map(\.document))
                #expect(results.labels[row] == best.map { $0.labels[0] })
                #expect(results.distances[row].count == 7)
            }
            #expect(results.document_labels == nil && results.document_distances == nil)
        }
    }

    @Test("--per-document gives each document's nearest")
    func perDocument() throws {
        let results = try search("--documents", "@d.npy", "--per-document", "3")
        for (row, query) in queries.rows.enumerated() {
            let best = expected(query).prefix(10)
            #expect(results.document_labels?[row] == best.map { Array($0.labels.prefix(3)) })
            #expect(results.document_distances?[row].map(\.count) == Array(repeating: 3, count: 10))
            #expect(results.labels[row] == best.map { $0.labels[0] })
        }
    }

    @Test("prints a table with the document of each, and its further neighbours below")
    func text() throws {
        let best = expected(queries.rows[0])
        let lines = try workspace.cairn(
            "search", "@store", "@q.npy", "-k", "2", "--limit", "1", "--documents", "@d.txt"
        ).lines
        #expect(lines.count == 4 && lines[0] == "query 0")
        #expect(words(lines[1]) == ["rank", "document", "label", "distance"])
        #expect(words(lines[2]).prefix(3) == ["1", "\(best[0].document)", "\(best[0].labels[0])"])
        #expect(words(lines[3]).prefix(3) == ["2", "\(best[1].document)", "\(best[1].labels[0])"])

        try workspace.write("names.txt", (0..<200).map { "name\($0)\n" }.joined())
        let more = try workspace.cairn(
            "search", "@store", "@q.npy", "-k", "2", "--limit", "1", "--documents", "@d.txt", "--per-document", "2",
            "--names", "@names.txt"
        ).lines
        #expect(more.count == 6 && Set(more.dropFirst().map { $0.split(separator: "  ").last?.count ?? 0 }).count < 4)
        #expect(words(more[1]).last == "name")
        #expect(words(more[2]).prefix(3) == words(lines[2]).prefix(3))
        #expect(words(more[3]).first == "\(best[0].labels[1])" && words(more[3]).last == "name\(best[0].labels[1])")
        #expect(words(more[4]).prefix(3) == words(lines[3]).prefix(3))
    }

    @Test("more documents than there are gives all")
    func count() throws {
        #expect(try search("-k", "41", "--documents", "@d.txt").documents.map { Set($0).count } == [40, 40, 40, 40])
    }

    @Test("labels without a document are not found; a filter is as in other searches")
    func missing() throws {
        try workspace.write("few.txt", "3 1\n7 2\n11 1\n4000 9\n3 1\n")
        let results = try search("--documents", "@few.txt", "--per-document", "5")
        #expect(results.documents.map { Set($0) } == Array(repeating: [1, 2], count: 4))
        #expect(results.document_labels?.joined().joined().count == 12)
        try workspace.write("none.txt", "")
        #expect(try search("--documents", "@none.txt").documents == [[], [], [], []])
        try workspace.write("filter.txt", "3\n43\n5\n")
        let filtered = try search("--documents", "@d.txt", "--filter", "@filter.txt", "--per-document", "5")
        #expect(filtered.documents.map { Set($0) } == Array(repeating: [1003, 1005], count: 4))
    }

    @Test("--save-documents, --save-labels and --save-distances have the same shape")
    func saved() throws {
        let outcome = try workspace.cairn(
            "search", "@store", "@q.npy", "-k", "42", "--documents", "@d.txt", "--save-documents", "@s.npy",
            "--save-labels", "@l.npy", "--save-distances", "@x.npy", "--quiet")
        #expect(outcome.code == 0 && outcome.output == "" && outcome.errors == "")
        let documents = try #require(Npy.values(workspace.bytes("s.npy"), type: "<u8", shape: [4, 42]))
        let labels = try #require(Npy.values(workspace.bytes("l.npy"), type: "<u8", shape: [4, 42]))
        #expect(try Npy.values(workspace.bytes("x.npy"), type: "<f4", shape: [4, 42]) != nil)
        for (row, query) in queries.rows.enumerated() {
            let best = expected(query)
            #expect(Array(documents[row * 42..<row * 42 + 40]) == best.map(\.document))
            #expect(Array(labels[row * 42..<row * 42 + 40]) == best.map { $0.labels[0] })
            #expect(documents[row * 42 + 40..<row * 42 + 42].allSatisfy { $0 == .max })
        }
    }

    @Test(
        "files that are not documents are refused",
        arguments: [
            ("1 2\n3\n", "line 2 has one number, the first line has 2"),
            ("1\n2 3\n", "line 2 has more than one number"),
            ("1 2 3\n", "line 1 has more than 2 numbers"), ("1 2\n1 3\n", "label 1 is of document 2 and of 3"),
            ("1,2\n", "line 1 has ','"), ("1\n\n2\n", "line 2 is blank"), ("-1 2\n", "line 1 is negative"),
        ])
    func refused(text: String, message: String) throws {
        try workspace.write("bad.txt", text)
        let outcome = try workspace.cairn("search", "@store", "@q.npy", "--documents", "@bad.txt", "--output", "json")
        #expect(outcome.code == 1 && outcome.output == "")
        let error = try ErrorDocument(outcome.errors).error
        #expect(error.code == "invalidArgument" && error.path == workspace.path("bad.txt"))
        #expect(error.message.contains(message), "\(error.message)")
    }

    private func words(_ line: String) -> [String] { line.split(separator: " ").map(String.init) }
}
