import Foundation
import Testing

@Suite("cairn add")
struct AddTests {
    private struct Summary: Decodable {
        let added, count: Int
        let seconds, rate: Double
    }

    private let workspace: Workspace
    private let old: TestVectors
    private let new = TestVectors(count: 50, dimensions: 8, seed: 7)

    /// A store of the labels 0 to 99, and `new.npy`: 50 vectors, for which `new.txt` has the labels 1000 to 1049.
    init() throws {
        workspace = try Workspace()
        old = try workspace.buildStore(count: 100)
        try workspace.write("new.npy", bytes: new.npy)
        try workspace.write("new.txt", labels: 1000..<1050)
    }

    /// The vector that the store has for a label.
    private func vector(_ label: Int) throws -> [Float] {
        struct Vectors: Decodable { let vectors: [[Float]] }
        return try workspace.json(Vectors.self, "get", "@store", "\(label)").vectors[0]
    }

    /// The labels nearest to each of some vectors.
    private func nearest(_ vectors: [[Float]]) throws -> [Int] {
        struct Answers: Decodable { let labels: [[Int]] }
        try workspace.write("q.npy", bytes: TestVectors(vectors).npy)
        return try workspace.json(Answers.self, "search", "@store", "@q.npy", "-k", "1").labels.flatMap(\.self)
    }

    @Test func `vectors are added in batches, and found`() throws {
        let outcome = try workspace.cairn("add", "@store", "@new.npy", "--labels", "@new.txt", "--batch", "7")
        #expect(outcome.code == 0 && outcome.errors == "" && outcome.lines.count == 1)
        #expect(outcome.lines.first?.hasPrefix("\(workspace.path("store")): 50 vectors added in ") == true)
        #expect(outcome.lines.first?.hasSuffix(", 150 in all") == true)
        #expect(try workspace.counts() == Counts(150))
        #expect(try workspace.cairn("labels", "@store").lines == (Array(0..<100) + Array(1000..<1050)).map { "\($0)" })
        #expect(try vector(1049) == new.rows[49] && vector(99) == old.rows[99])
        #expect(try nearest(new.rows) == Array(1000..<1050))
        #expect(try workspace.cairn("verify", "@store").code == 0)
    }

    @Test func `JSON tells how many were added, and how fast`() throws {
        let summary = try workspace.json(Summary.self, "add", "@store", "@new.npy", "--labels", "@new.txt")
        #expect(summary.added == 50 && summary.count == 150 && summary.seconds >= 0 && summary.rate > 0)
    }

    @Test func `nothing is printed with --quiet`() throws {
        let outcome = try workspace.cairn("add", "@store", "@new.npy", "--labels", "@new.txt", "--quiet")
        #expect(outcome.code == 0 && outcome.output == "" && outcome.errors == "")
        #expect(try workspace.counts() == Counts(150))
    }

    @Test func `a file of no vectors adds none`() throws {
        try workspace.write("none.npy", bytes: TestVectors(count: 0, dimensions: 8, seed: 1).npyOfShape(0, 8))
        let outcome = try workspace.cairn("add", "@store", "@none.npy", "--output", "json")
        let summary = try JSONDecoder().decode(Summary.self, from: Data(outcome.output.utf8))
        #expect(summary.added == 0 && summary.count == 100 && summary.rate == 0)
        #expect(outcome.errors.hasSuffix("none.npy: it has no rows, so nothing is added\n"))
    }

    @Test(
        "vectors are kept at every durability",
        arguments: [["full"], ["interval"], ["interval", "--interval", "1"], ["none"]])
    func durability(level: [String]) throws {
        let outcome = try workspace.cairn(
            ["add", "@store", "@new.npy", "--labels", "@new.txt", "--batch", "9", "--quiet", "--durability"] + level)
        #expect(outcome.code == 0 && outcome.errors == "")
        #expect(try workspace.counts() == Counts(150))
        #expect(try workspace.cairn("verify", "@store").code == 0)
    }

    @Test func `each batch is acknowledged with the rows so far`() throws {
        let arguments = ["add", "@store", "@new.npy", "--labels", "@new.txt", "--batch", "20", "--print-acknowledged"]
        let outcome = try workspace.cairn(arguments)
        #expect(outcome.code == 0 && outcome.errors == "")
        #expect(outcome.lines == ["20", "40", "50"])

        try workspace.write("new.txt", labels: 2000..<2050)
        let json = try workspace.cairn(arguments + ["--output", "json"])
        #expect(json.code == 0 && json.lines.count == 4)
        #expect(json.lines.prefix(3) == ["20", "40", "50"])
        let summary = try JSONDecoder().decode(Summary.self, from: Data(json.lines[3].utf8))
        #expect(summary.added == 50 && summary.count == 200)
    }

    @Test func `rows at the beginning can be left out`() throws {
        let arguments = ["add", "@store", "@new.npy", "--labels", "@new.txt", "--skip", "15"]
        let outcome = try workspace.cairn(arguments + ["--batch", "20", "--print-acknowledged"])
        #expect(outcome.code == 0 && outcome.errors == "")
        #expect(outcome.lines == ["35", "50"])
        #expect(try workspace.cairn("labels", "@store").lines == (Array(0..<100) + Array(1015..<1050)).map { "\($0)" })
        #expect(try vector(1015) == new.rows[15] && vector(1049) == new.rows[49])
        let summary = try workspace.json(Summary.self, "add", "@store", "@new.npy", "--upsert", "--skip", "48")
        #expect(summary.added == 2 && summary.count == 135)
        #expect(try vector(48) == new.rows[48] && vector(47) == old.rows[47])
        #expect(try workspace.json(Summary.self, "add", "@store", "@new.npy", "--skip", "50").added == 0)
    }

    @Test func `one vector is not many, and an upsert may have replaced them`() throws {
        try workspace.write("one.npy", bytes: TestVectors([new.rows[0]]).npy)
        try workspace.write("one.txt", labels: [1000])
        let name = workspace.path("store")
        let added = try workspace.cairn("add", "@store", "@one.npy", "--labels", "@one.txt")
        #expect(added.output.hasPrefix("\(name): 1 vector added in "))
        let replaced = try workspace.cairn("add", "@store", "@new.npy", "--upsert")
        #expect(replaced.output.hasPrefix("\(name): 50 vectors added or replaced in "))
        #expect(
            try workspace.cairn("delete", "@store", "1").lines == ["\(name): 1 vector marked deleted, 100 in all"])
        #expect(try workspace.cairn("build", "@other", "@one.npy").output.contains(": 1 vector of 8 dimensions in "))
        #expect(
            try workspace.cairn("verify", "@other").output.contains(
                ": ok, 1 vector, 0 marked deleted, 0 free slots:"))
    }

    @Test func `all is added though nobody reads the acknowledgements`() throws {
        let errors = workspace.directory.appendingPathComponent("errors")
        let arguments = ["add", "@store", "@new.npy", "--labels", "@new.txt", "--batch", "1", "--print-acknowledged"]
        let code = try workspace.withClosedPipe {
            try Program.run(workspace.located(arguments), output: .descriptor($0), errors: .file(errors))
        }
        #expect(code == 0)
        #expect(try workspace.bytes("errors") == [])
        #expect(try workspace.counts() == Counts(150))
    }

    @Test func `an upsert replaces the vectors of labels that are there, marked ones too`() throws {
        try workspace.write("some.txt", labels: Array(90..<100) + Array(1000..<1040))
        #expect(try workspace.cairn("delete", "@store", "95", "--quiet").code == 0)
        #expect(try workspace.counts() == Counts(99, deleted: 1))
        let summary = try workspace.json(
            Summary.self, "add", "@store", "@new.npy", "--labels", "@some.txt", "--upsert", "--batch", "8")
        #expect(summary.added == 50 && summary.count == 140)
        #expect(try workspace.counts().count == 140)
        for label in [90, 95, 99] { #expect(try vector(label) == new.rows[label - 90]) }
        #expect(try vector(89) == old.rows[89] && vector(1039) == new.rows[49])
        #expect(try nearest(new.rows) == Array(90..<100) + Array(1000..<1040))
        let printed = try workspace.cairn("labels", "@store").lines.compactMap { Int($0) }
        #expect(printed.sorted() == Array(0..<100) + Array(1000..<1040))
        #expect(try workspace.cairn("verify", "@store").code == 0)
    }

    @Test func `the last vector of a label counts that stands twice in an upsert`() throws {
        try workspace.write("twice.txt", labels: (0..<50).map { $0 == 49 ? 3 : $0 })
        #expect(try workspace.cairn("add", "@store", "@new.npy", "--labels", "@twice.txt", "--upsert").code == 0)
        #expect(try vector(3) == new.rows[49])
        #expect(try workspace.counts().count == 100)
    }

    @Test func `marked vectors give their places to new ones with --replace-deleted`() throws {
        try workspace.write("gone.txt", labels: 10..<40)
        #expect(try workspace.cairn("delete", "@store", "--labels", "@gone.txt", "--quiet").code == 0)
        #expect(try workspace.counts() == Counts(70, deleted: 30))
        #expect(
            try workspace.cairn("add", "@store", "@new.npy", "--labels", "@new.txt", "--replace-deleted").code == 0)
        let counts = try workspace.counts()
        #expect(counts.count == 120 && counts.deleted == 0)
        #expect(try workspace.cairn("get", "@store", "10").code == 1, "it was erased")
        #expect(try nearest(new.rows) == Array(1000..<1050))
        #expect(try workspace.cairn("verify", "@store").code == 0)
    }

    @Test func `space of erased and replaced vectors is used again`() throws {
        var sizes: [Int] = []
        for round in 0..<6 {
            try workspace.write("round.txt", labels: (0..<50).map { 50 * (round % 2) + $0 })
            #expect(
                try workspace.cairn("add", "@store", "@new.npy", "--labels", "@round.txt", "--upsert", "--quiet").code
                    == 0)
            let counts = try workspace.counts()
            #expect(counts.count == 100 && counts.free > 0 && counts.free <= 100)
            sizes.append(try workspace.bytes("store/level0").count)
        }
        #expect(Set(sizes).count == 1)
    }
}
