import Foundation
import Testing

@Suite("cairn search")
struct SearchTests {
    private struct Results: Decodable, Equatable {
        let labels: [[UInt64]]
        let distances: [[Float]]
        let names: [[String?]]?
    }

    private let workspace: Workspace
    private let vectors: TestVectors
    private let queries = TestVectors(count: 4, dimensions: 8, seed: 2)

    init() throws {
        workspace = try Workspace()
        vectors = try workspace.buildStore()
        try workspace.write("q.npy", bytes: queries.npy)
        try workspace.write("one.npy", bytes: Npy.file(shape: [8], queries.rows[0]))
    }

    private func search(_ file: String, _ options: String...) throws -> Results {
        let arguments = ["search", "@store", file] + options + ["--output", "json"]
        let outcome = try workspace.cairn(arguments)
        try #require(outcome.code == 0, "\(outcome.errors)")
        return try JSONDecoder().decode(Results.self, from: Data(outcome.output.utf8))
    }

    private func nearestLabels(_ count: Int) -> [[UInt64]] {
        queries.rows.map { vectors.nearest($0, count).map { UInt64($0.row) } }
    }

    /// Files of a store, what the command reads, and another file of the same results.
    @Test(arguments: [
        ["--save-labels", "@store/level0"], ["--save-distances", "@store/new"], ["--save-labels", "@q.npy"],
        ["--save-labels", "@r.npy", "--save-distances", "@r.npy"], ["--save-labels", "@store"],
    ])
    func `results replace nothing that is needed`(options: [String]) throws {
        let before = try workspace.state(of: "store"), queries = try workspace.bytes("q.npy")
        let outcome = try workspace.cairn(["search", "@store", "@q.npy"] + options)
        #expect(outcome.code == 1 && outcome.output == "" && outcome.errors.hasPrefix("cairn: error: "))
        #expect(try workspace.state(of: "store") == before && workspace.bytes("q.npy") == queries)
        #expect(try !workspace.content.contains("r.npy"))
    }

    @Test(
        "finds what an exact search finds, in JSON",
        arguments: [[], ["--exact"], ["--ef", "200"], ["--memory", "1M"]])
    func json(options: [String]) throws {
        let outcome = try workspace.cairn(["search", "@store", "@q.npy", "-k", "5", "--output", "json"] + options)
        #expect(outcome.code == 0 && outcome.errors == "")
        #expect(outcome.output.hasPrefix(#"{"labels": [["#))
        let results = try JSONDecoder().decode(Results.self, from: Data(outcome.output.utf8))
        #expect(results.labels == nearestLabels(5))
        for (query, distances) in zip(queries.rows, results.distances) {
            for (found, expected) in zip(distances, vectors.nearest(query, 5)) {
                #expect(abs(found - expected.distance) < 1e-4)
            }
        }
        #expect(results.names == nil)
    }

    @Test("prints a table for each query")
    func text() throws {
        let lines = try workspace.cairn("search", "@store", "@q.npy", "-k", "2").lines
        #expect(lines.count == 4 * 4 + 3)
        #expect(lines[0] == "query 0")
        #expect(words(lines[1]) == ["rank", "label", "distance"])
        #expect(words(lines[2]).prefix(2) == ["1", "\(nearestLabels(1)[0][0])"])
        #expect(words(lines[3]).prefix(2) == ["2", "\(nearestLabels(2)[0][1])"])
        #expect(lines[4] == "" && lines[5] == "query 1")
    }

    @Test("an array of one axis is one query")
    func oneQuery() throws {
        #expect(try search("@one.npy", "-k", "3").labels == [nearestLabels(3)[0]])
    }

    @Test("--limit takes the first queries", arguments: [0, 1, 3, 4, 100])
    func limit(count: Int) throws {
        let labels = try search("@q.npy", "-k", "3", "--limit", "\(count)").labels
        #expect(labels == Array(nearestLabels(3).prefix(count)))
    }

    @Test(
        "k of more than there are gives all",
        arguments: [(200, 200), (201, 200), (1 << 40, 200)])
    func count(asked: Int, found: Int) throws {
        let results = try search("@q.npy", "-k", "\(asked)")
        #expect(results.labels.map(\.count) == Array(repeating: found, count: 4))
        #expect(results.distances.map(\.count) == Array(repeating: found, count: 4))
        #expect(results.labels.allSatisfy { Set($0).count == found })
    }

    @Test("an ef below k counts as k")
    func narrow() throws {
        #expect(try search("@q.npy", "-k", "60", "--ef", "1").labels == nearestLabels(60))
    }

    @Test("--filter allows the labels of a file", arguments: ["filter.txt", "filter.npy"])
    func filter(name: String) throws {
        try workspace.write("filter.txt", "3\n5\n199\n4000\n")
        try workspace.write("filter.npy", bytes: Npy.file(shape: [4], [3, 5, 199, 4000] as [Int32]))
        let labels = try search("@q.npy", "-k", "10", "--filter", "@\(name)").labels
        #expect(labels.map { Set($0) } == Array(repeating: [3, 5, 199], count: 4))
        try workspace.write("none.txt", "")
        #expect(try search("@q.npy", "--filter", "@none.txt").labels == [[], [], [], []])
    }

    @Test("--names gives the name of each label; none past the end of the file")
    func names() throws {
        let names = (0..<150).map { #"name "\#($0)" \ é"# }
        try workspace.write("names.txt", names.joined(separator: "\r\n"))
        let results = try search("@q.npy", "-k", "200", "--names", "@names.txt")
        let expected = results.labels.map { $0.map { $0 < 150 ? names[Int($0)] : nil } }
        #expect(results.names == expected)
        #expect(results.names?.joined().contains(nil) == true)

        let lines = try workspace.cairn("search", "@store", "@one.npy", "-k", "200", "--names", "@names.txt").lines
        #expect(words(lines[1]) == ["rank", "label", "distance", "name"])
        for (line, name) in zip(lines.dropFirst(2), expected[0]) {
            #expect(line.hasSuffix(name ?? "") && words(line).count == (name == nil ? 3 : 7))
        }
    }

    @Test("threads change nothing")
    func threads() throws {
        let one = try search("@q.npy", "--threads", "1")
        #expect(try search("@q.npy", "--threads", "3") == one)
    }

    @Test("saved results are padded to k, and with --quiet not printed")
    func saved() throws {
        let outcome = try workspace.cairn(
            "search", "@store", "@q.npy", "-k", "203", "--save-labels", "@l.npy", "--save-distances", "@d.npy",
            "--quiet")
        #expect(outcome.code == 0 && outcome.output == "" && outcome.errors == "")
        let labels = try #require(Npy.values(workspace.bytes("l.npy"), type: "<u8", shape: [4, 203]))
        let distances = try #require(Npy.values(workspace.bytes("d.npy"), type: "<f4", shape: [4, 203]))
        for (row, expected) in nearestLabels(200).enumerated() {
            #expect(Array(labels[row * 203..<row * 203 + 200]) == expected)
            #expect(labels[row * 203 + 200..<row * 203 + 203].allSatisfy { $0 == .max })
            let found = distances[row * 203..<row * 203 + 203].map { Float(bitPattern: UInt32($0)) }
            #expect(found.prefix(200).allSatisfy(\.isFinite) && found.prefix(200) == found.prefix(200).sorted()[...])
            #expect(found.suffix(3) == [.infinity, .infinity, .infinity])
        }
        #expect(
            try workspace.content.filter { !$0.hasPrefix("store") } == [
                "d.npy", "l.npy", "one.npy", "q.npy", "vectors.npy",
            ])
    }

    @Test("without --quiet, saved results are printed too")
    func savedAndPrinted() throws {
        let outcome = try workspace.cairn("search", "@store", "@one.npy", "-k", "1", "--save-labels", "@l.npy")
        #expect(outcome.lines.count == 3)
        #expect(try Npy.values(workspace.bytes("l.npy"), type: "<u8", shape: [1, 1]) == nearestLabels(1)[0])
    }

    @Test("searching changes nothing on the disk")
    func readOnly() throws {
        let before = try workspace.content, bytes = try workspace.bytes("store/level0")
        _ = try search("@q.npy")
        #expect(try workspace.content == before)
        #expect(try workspace.bytes("store/level0") == bytes)
    }

    private func words(_ line: String) -> [String] { line.split(separator: " ").map(String.init) }
}
