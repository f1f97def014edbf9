import Foundation
import Testing

@Suite("cairn search --radius")
struct RadiusSearchTests {
    private struct Results: Decodable, Equatable {
        let labels: [[UInt64]]
        let distances: [[Float]]
        let truncated: [Bool]
        let names: [[String?]]?
    }

    private let workspace: Workspace
    private let vectors: TestVectors
    private let queries = TestVectors(count: 4, dimensions: 8, seed: 2)

    init() throws {
        workspace = try Workspace()
        vectors = try workspace.buildStore()
        try workspace.write("q.npy", bytes: queries.npy)
    }

    private func search(_ options: String...) throws -> Results {
        try workspace.json(Results.self, arguments: ["search", "@store", "@q.npy"] + options)
    }

    private func within(_ radius: Float, where isAllowed: (Int) -> Bool = { _ in true }) -> [[UInt64]] {
        queries.rows.map { query in
            vectors.nearest(query, 200).filter { $0.distance <= radius && isAllowed($0.row) }.map { UInt64($0.row) }
        }
    }

    @Test("finds all within it, in JSON", arguments: [[], ["--exact"], ["--ef", "10", "--threads", "1"]])
    func json(options: [String]) throws {
        let expected = within(2.5)
        #expect(Set(expected.map(\.count)).count > 1)
        let results = try workspace.json(
            Results.self, arguments: ["search", "@store", "@q.npy", "--radius", "2.5"] + options)
        #expect(results.labels == expected)
        #expect(results.distances.map(\.count) == expected.map(\.count))
        #expect(results.distances.joined().allSatisfy { $0 <= 2.5 })
        #expect(results.truncated == [false, false, false, false])
    }

    @Test("-k is the most that are found, and is said to be reached")
    func most() throws {
        let results = try search("--radius", "2.5", "-k", "3")
        #expect(results.labels == within(2.5).map { Array($0.prefix(3)) })
        #expect(results.truncated == within(2.5).map { $0.count > 3 })
        let lines = try workspace.cairn("search", "@store", "@q.npy", "--radius", "2.5", "-k", "3", "--limit", "1")
            .lines
        #expect(lines.count == 6 && lines[0] == "query 0")
        #expect(lines[1].split(separator: " ") == ["rank", "label", "distance"])
        #expect(lines[5] == "… and more within the radius: raise -k to find them")
    }

    @Test("nothing within it gives empty rows and no table")
    func nothing() throws {
        #expect(try search("--radius", "0").labels == [[], [], [], []])
        #expect(
            try workspace.cairn("search", "@store", "@q.npy", "--radius", "0", "--limit", "2").lines
                == ["query 0", "", "query 1"])
    }

    @Test("everything is within inf; a filter and names are as in other searches")
    func filter() throws {
        #expect(try search("--radius", "inf").labels.map(\.count) == [200, 200, 200, 200])
        try workspace.write("filter.txt", "3\n5\n199\n4000\n")
        try workspace.write("names.txt", (0..<200).map { "name \($0)\n" }.joined())
        let results = try search("--radius", "inf", "--filter", "@filter.txt", "--names", "@names.txt")
        #expect(results.labels == within(.infinity) { [3, 5, 199].contains($0) })
        #expect(results.names == results.labels.map { $0.map { "name \($0)" } })
    }

    @Test("saved results have k columns")
    func saved() throws {
        let outcome = try workspace.cairn(
            "search", "@store", "@q.npy", "--radius", "2.5", "-k", "50", "--save-labels", "@l.npy", "--quiet")
        #expect(outcome.code == 0 && outcome.output == "")
        let labels = try #require(Npy.values(workspace.bytes("l.npy"), type: "<u8", shape: [4, 50]))
        for (row, expected) in within(2.5).enumerated() {
            let expected = expected.prefix(50)
            #expect(Array(labels[row * 50..<row * 50 + expected.count]) == Array(expected))
            #expect(labels[row * 50 + expected.count..<row * 50 + 50].allSatisfy { $0 == .max })
        }
    }

    @Test("inner products are within negative radii")
    func negative() throws {
        let outcome = try workspace.cairn("build", "@ip", "@vectors.npy", "--metric", "ip", "--quiet")
        #expect(outcome.code == 0)
        let results = try workspace.json(Results.self, "search", "@ip", "@q.npy", "--radius", "-0.2")
        let expected = queries.rows.map { query in
            vectors.rows.count { vector in 1 - zip(query, vector).reduce(0) { $0 + $1.0 * $1.1 } <= -0.2 }
        }
        #expect(results.labels.map(\.count) == expected && expected.contains { $0 > 0 })
        #expect(results.distances.joined().allSatisfy { $0 <= -0.2 })
    }
}
