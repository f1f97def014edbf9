import Foundation
import Testing

/// numpy's own type: what `np.save` writes unless it is told otherwise.
@Suite("Vectors of double precision")
struct DoublePrecisionTests {
    private let workspace: Workspace
    private let vectors = TestVectors(count: 20, dimensions: 8, seed: 4)

    init() throws {
        workspace = try Workspace()
        try workspace.write("f4.npy", bytes: vectors.npy)
        try workspace.write("f8.npy", bytes: doubles(vectors.rows.map { $0.map { Double($0) + 1e-12 } }))
    }

    private func doubles(_ rows: [[Double]]) -> [UInt8] {
        Npy.header("<f8", [rows.count, rows[0].count]) + rows.joined().flatMap { bytes($0.bitPattern) }
    }

    @Test("are stored and searched for as their nearest floats", arguments: ["f4.npy", "f8.npy"])
    func rounded(name: String) throws {
        #expect(try workspace.cairn("build", "@s", "@\(name)", "--quiet").code == 0)
        for row in [0, 19] {
            let line = try workspace.cairn("get", "@s", "\(row)").lines[0]
            #expect(line.split(separator: " ").dropFirst().map { Float($0) } == vectors.rows[row])
        }
        struct Results: Decodable { let labels: [[Int]], distances: [[Float]] }
        let found = try workspace.json(Results.self, "search", "@s", "@f8.npy", "-k", "1")
        #expect(found.labels == (0..<20).map { [$0] } && found.distances.allSatisfy { $0 == [0] })
        #expect(try workspace.cairn("add", "@s", "@f8.npy", "--upsert", "--quiet").code == 0)
    }

    @Test("are written to other files as floats, and a warning says so")
    func converted() throws {
        let made = try workspace.convert("@f8.npy", "@o.npy")
        #expect(made.scalar == "f32" && made.lost == [] && made.warnings.count == 1)
        #expect(made.warnings.first?.contains("f32") == true)
        #expect(try workspace.bytes("o.npy") == workspace.bytes("f4.npy"))
    }

    @Test("beyond the range of floats are refused by their row", arguments: ["build", "add", "search"])
    func overflow(command: String) throws {
        #expect(try workspace.cairn("create", "@s", "--dim", "2", "--quiet").code == 0)
        try workspace.write("big.npy", bytes: doubles([[1, 2], [3, 1e300]]))
        let outcome = try workspace.cairn(command, command == "build" ? "@new" : "@s", "@big.npy")
        #expect(outcome.code == 1 && outcome.output == "")
        #expect(
            outcome.errors.hasPrefix("cairn: error: \(workspace.path("big.npy")): row 1 has a value at component 1"))
        #expect(outcome.errors.contains("; --skip-invalid leaves such rows out") == (command != "search"))
        struct Count: Decodable { let count: Int }
        #expect(try workspace.json(Count.self, "info", "@s").count == 0)
    }

    @Test("beyond the range of floats are refused by their row, and the batches before stay")
    func laterOverflow() throws {
        #expect(try workspace.cairn("create", "@s", "--dim", "1", "--quiet").code == 0)
        try workspace.write("big.npy", bytes: doubles([[1], [2], [3], [4], [-1e39], [6]]))
        let outcome = try workspace.cairn("add", "@s", "@big.npy", "--batch", "2")
        #expect(outcome.code == 1 && outcome.errors.contains("row 4 has a value at component 0"))
        #expect(outcome.errors.hasSuffix("; rows 0 to 3 were added, go on after them with --skip 4\n"))
        #expect(try workspace.cairn("labels", "@s").lines == ["0", "1", "2", "3"])
    }

    @Test("beyond the range of floats are left out with --skip-invalid", arguments: ["build", "add", "convert"])
    func skipped(command: String) throws {
        if command == "add" { #expect(try workspace.cairn("create", "@s.cairn", "--dim", "2", "--quiet").code == 0) }
        try workspace.write("big.npy", bytes: doubles([[1, 2], [3, 1e300], [5, 6]]))
        let files = command == "convert" ? ["@big.npy", "@s.cairn", "--metric", "l2"] : ["@s.cairn", "@big.npy"]
        let outcome = try workspace.cairn([command] + files + ["--skip-invalid", "--quiet"])
        #expect(
            outcome.code == 0
                && outcome.errors.contains("row 1 (label 1) was left out: the vector has inf at component 1"))
        #expect(try workspace.cairn("labels", "@s.cairn").lines == ["0", "2"])
    }

    @Test("are no labels")
    func labels() throws {
        try workspace.write("l.npy", bytes: doubles([[1]]))
        #expect(try workspace.cairn("build", "@s", "@f4.npy", "--labels", "@l.npy").errors.contains("float64"))
    }
}
