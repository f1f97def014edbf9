import Foundation
import Testing

@Suite("--skip-invalid")
struct SkipInvalidTests {
    private struct Summary: Decodable {
        struct Row: Decodable {
            let row: Int
            let label: UInt64
            let problem: String
        }
        let count: Int
        let added: Int?
        let skipped: Int
        let skipped_rows: [Row]
    }

    private let workspace: Workspace
    /// Rows 0, 5, 6 and 29 are not valid for cosine.
    private var vectors = TestVectors(count: 30, dimensions: 4, seed: 3)
    private let left: [UInt64] = [0, 5, 6, 29]

    init() throws {
        workspace = try Workspace()
        for row in [0, 6] { vectors.rows[row] = [1, .nan, 1, 1] }
        for row in [5, 29] { vectors.rows[row] = [0, 0, 0, 0] }
        try workspace.write("v.npy", bytes: vectors.npy)
        try workspace.write("l.txt", labels: (0..<30).map { $0 + 100 })
    }

    private func summary(_ arguments: [String]) throws -> Summary {
        let outcome = try workspace.cairn(arguments + ["--output", "json"])
        try #require(outcome.code == 0, "\(outcome.errors)")
        let warnings = outcome.errors.split(separator: "\n")
        #expect(
            warnings.count == 4 && warnings.allSatisfy { $0.contains("v.npy: row ") && $0.contains("was left out: ") })
        return try JSONDecoder().decode(Summary.self, from: Data(outcome.output.utf8))
    }

    private func labels(_ store: String) throws -> [UInt64] {
        try workspace.cairn("labels", store).lines.compactMap { UInt64($0) }
    }

    @Test("such rows stop a command, which says how to go on without them", arguments: ["build", "add", "convert"])
    func advice(command: String) throws {
        if command == "add" {
            _ = try workspace.cairn("create", "@s.cairn", "--dim", "4", "--metric", "cosine", "--quiet")
        }
        let words = command == "convert" ? ["convert", "@v.npy", "@s.cairn"] : [command, "@s.cairn", "@v.npy"]
        let outcome = try workspace.cairn(words + (command == "add" ? [] : ["--metric", "cosine"]))
        #expect(outcome.code == 1)
        #expect(
            outcome.errors.contains("row 0 (label 0)") && outcome.errors.contains("--skip-invalid leaves such rows out")
        )
    }

    @Test("a build goes on without them", arguments: [false, true])
    func build(isLabelled: Bool) throws {
        let first: UInt64 = isLabelled ? 100 : 0
        let made = try summary(
            ["build", "@s.cairn", "@v.npy", "--metric", "cosine", "--skip-invalid"]
                + (isLabelled ? ["--labels", "@l.txt"] : []))
        #expect(made.count == 26 && made.skipped == 4)
        #expect(made.skipped_rows.map(\.row) == left.map { Int($0) })
        #expect(made.skipped_rows.map(\.label) == left.map { $0 + first })
        #expect(made.skipped_rows[0].problem.contains("nan") && made.skipped_rows[1].problem.contains("zeros"))
        #expect(try labels("@s.cairn") == (0..<30).filter { !left.contains($0) }.map { $0 + first })
        let text = try workspace.cairn(
            "build", "@t.cairn", "@v.npy", "--metric", "cosine", "--skip-invalid")
        #expect(
            text.lines.count == 1 && text.output.contains("26 vectors")
                && text.output.contains(", 4 invalid rows left out"))
    }

    @Test("so does an addition, whatever the batches", arguments: [1, 4, 7, 1000])
    func add(batch: Int) throws {
        _ = try workspace.cairn("create", "@s.cairn", "--dim", "4", "--metric", "cosine", "--quiet")
        let made = try summary(["add", "@s.cairn", "@v.npy", "--skip-invalid", "--batch", "\(batch)"])
        #expect(made.added == 26 && made.count == 26 && made.skipped_rows.map(\.label) == left)
        #expect(try labels("@s.cairn") == (0..<30).filter { !left.contains($0) })
        // Other errors name rows of the file.
        let again = try workspace.cairn(
            "add", "@s.cairn", "@v.npy", "--skip-invalid", "--batch", "\(batch)", "--skip", "6")
        #expect(again.code == 1 && again.errors.contains("(row 7)"), "\(again.errors)")
        let isAlone = batch == 1
        #expect(
            again.errors.hasSuffix(
                isAlone
                    ? "; row 6 was left out, go on after it with --skip 7\n"
                    : "; nothing was added\n"))
    }

    @Test("and a conversion that builds a graph", arguments: ["o.cairn", "o.bin"])
    func convert(destination: String) throws {
        for options in [["--dry-run"], []] {
            let made = try summary(
                ["convert", "@v.npy", "@\(destination)", "--metric", "cosine", "--skip-invalid"] + options)
            #expect(made.count == 26 && made.skipped == 4)
        }
        let back = try workspace.cairn("convert", "@\(destination)", "@back.npy", "--save-labels", "@b.npy")
        #expect(back.code == 0, "\(back.errors)")
        #expect(try workspace.labels("b.npy", count: 26) == (0..<30).filter { !left.contains($0) })
        // Where no graph is built every row is taken as it is, or none.
        let kept = try workspace.cairn("convert", "@v.npy", "@o.fvecs", "--skip-invalid")
        #expect(kept.code == 64 && kept.errors.contains("--skip-invalid is for graphs that are built"))
    }

    @Test("labels are strings in JSON where that is asked for")
    func strings() throws {
        struct Summary: Decodable {
            struct Row: Decodable { let label: String }
            let skipped_rows: [Row]
        }
        let outcome = try workspace.cairn(
            "build", "@s.cairn", "@v.npy", "--metric", "cosine", "--skip-invalid", "--string-labels", "--output",
            "jsonl")
        let made = try JSONDecoder().decode(Summary.self, from: Data(outcome.output.utf8))
        #expect(made.skipped_rows.map(\.label) == left.map { "\($0)" })
    }

    @Test("of many the first are listed")
    func many() throws {
        var vectors = vectors
        for row in 0..<28 { vectors.rows[row] = [0, 0, 0, 0] }
        try workspace.write("v.npy", bytes: vectors.npy)
        let outcome = try workspace.cairn(
            "build", "@s.cairn", "@v.npy", "--metric", "cosine", "--skip-invalid", "--quiet")
        let warnings = outcome.errors.split(separator: "\n")
        #expect(outcome.code == 0 && warnings.count == 21 && warnings[20].contains("9 more rows were left out"))
    }
}
