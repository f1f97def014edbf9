import Foundation
import Testing

@Suite("cairn build")
struct BuildTests {
    private struct Summary: Decodable, Equatable {
        let count, dimensions: Int
        let metric, scalar: String
        let m, ef_construction: Int
        let seconds, rate: Double
        let file_bytes: Int
    }

    @Test("prints one line of summary, and nothing on standard error when that is a file")
    func text() throws {
        let workspace = try Workspace()
        try workspace.write("v.npy", bytes: TestVectors(count: 30, dimensions: 5, seed: 1).npy)
        let outcome = try workspace.cairn("build", "@s", "@v.npy")
        #expect(outcome.code == 0)
        #expect(outcome.lines.count == 1)
        #expect(outcome.lines.first?.hasPrefix("\(workspace.path("s")): 30 vectors of 5 dimensions in ") == true)
        #expect(outcome.errors == "")
        #expect(try workspace.content.filter { !$0.hasPrefix("s/") } == ["s", "v.npy"])
    }

    @Test("prints nothing with --quiet")
    func quiet() throws {
        let workspace = try Workspace()
        try workspace.write("v.npy", bytes: TestVectors(count: 30, dimensions: 5, seed: 1).npy)
        let outcome = try workspace.cairn("build", "@s", "@v.npy", "--quiet")
        #expect(outcome.code == 0)
        #expect(outcome.output == "" && outcome.errors == "")
        #expect(try workspace.cairn("info", "@s").code == 0)
    }

    @Test("tells what it made in JSON")
    func json() throws {
        let workspace = try Workspace()
        try workspace.write("v.npy", bytes: TestVectors(count: 30, dimensions: 5, seed: 1).npy)
        let summary = try workspace.json(
            Summary.self, "build", "@s", "@v.npy", "--metric", "cosine", "--scalar", "f16", "-M", "8",
            "--ef-construction", "60", "--threads", "2")
        #expect(
            summary
                == Summary(
                    count: 30, dimensions: 5, metric: "cosine", scalar: "f16", m: 8, ef_construction: 60,
                    seconds: summary.seconds, rate: summary.rate, file_bytes: summary.file_bytes))
        #expect(summary.seconds >= 0 && summary.rate > 0 && summary.file_bytes > 30 * 5 * 2)
    }

    @Test("a file of no vectors makes an empty store")
    func empty() throws {
        let workspace = try Workspace()
        try workspace.write("v.npy", bytes: TestVectors(count: 0, dimensions: 5, seed: 1).npyOfShape(0, 5))
        let outcome = try workspace.cairn("build", "@s", "@v.npy", "--output", "json")
        let summary = try JSONDecoder().decode(Summary.self, from: Data(outcome.output.utf8))
        #expect(outcome.code == 0 && summary.count == 0 && summary.rate == 0)
        let file = workspace.path("v.npy")
        #expect(outcome.errors == "cairn: warning: \(file): it has no rows, so the store has no vectors yet\n")
        let found = try workspace.cairn("search", "@s", "@v.npy")
        #expect(found.code == 0 && found.output == "" && found.errors == "cairn: warning: \(file): it has no queries\n")
        #expect(try workspace.convert("@v.npy", "@o.npy").warnings == ["IN has no rows, so OUT has none"])
    }

    @Test(
        "vectors of length 1 without --metric get a hint at cosine",
        arguments: [[], ["--metric", "l2"], ["--metric", "cosine"]],
        [true, false])
    func normalised(options: [String], isNormalised: Bool) throws {
        let workspace = try Workspace()
        var vectors = TestVectors(count: 30, dimensions: 8, seed: 1)
        if isNormalised {
            vectors.rows = vectors.rows.map { row in row.map { $0 / row.reduce(0) { $0 + $1 * $1 }.squareRoot() } }
        }
        try workspace.write("v.npy", bytes: vectors.npy)
        let outcome = try workspace.cairn(["build", "@s", "@v.npy", "--quiet"] + options)
        #expect(outcome.code == 0 && outcome.output == "")
        #expect(outcome.errors.contains("--metric cosine") == (isNormalised && options.isEmpty), "\(outcome.errors)")
        #expect(outcome.errors.isEmpty == !(isNormalised && options.isEmpty))
    }

    @Test(
        "memory that a build cannot keep to is refused with what it takes",
        arguments: [("1K", 17), ("16M", 17), ("17M", nil)])
    func memory(memory: String, needed: Int?) throws {
        let workspace = try Workspace()
        try workspace.write("v.npy", bytes: TestVectors(count: 30, dimensions: 5, seed: 1).npy)
        for command in [["build", "@s", "@v.npy"], ["convert", "@v.npy", "@c.cairn", "--metric", "l2"]] {
            let outcome = try workspace.cairn(command + ["--memory", memory])
            #expect(outcome.code == (needed == nil ? 0 : 64), "\(outcome.errors)")
            guard let needed else { continue }
            #expect(outcome.errors.contains("30 vectors of 5 dimensions take about \(needed) MiB"))
            #expect(try workspace.content == ["v.npy"])
        }
    }

    @Test("bytes are kept exactly with --scalar u8")
    func bytes() throws {
        let workspace = try Workspace()
        try workspace.write("v.npy", bytes: Npy.file(shape: [3, 2], [0, 255, 3, 4, 5, 6] as [UInt8]))
        #expect(try workspace.cairn("build", "@s", "@v.npy", "--scalar", "u8").code == 0)
        #expect(try workspace.cairn("get", "@s", "0", "2").lines == ["0 0 255", "2 5 6"])
    }

    @Test("labels come from a file of text or an array", arguments: ["labels.txt", "labels.npy"])
    func labels(name: String) throws {
        let workspace = try Workspace()
        try workspace.write("v.npy", bytes: TestVectors(count: 3, dimensions: 2, seed: 1).npy)
        try workspace.write("labels.txt", "70\n5\n18446744073709551615\n")
        try workspace.write("labels.npy", bytes: Npy.file(shape: [3], [70, 5, 9] as [Int32]))
        #expect(try workspace.cairn("build", "@s", "@v.npy", "--labels", "@\(name)").code == 0)
        let last = name == "labels.txt" ? "18446744073709551615" : "9"
        #expect(try workspace.cairn("labels", "@s").lines == ["70", "5", last])
    }

    @Test("the same seed gives the same graph, another seed another one")
    func seed() throws {
        let workspace = try Workspace()
        try workspace.write("v.npy", bytes: TestVectors(count: 2000, dimensions: 3, seed: 1).npy)
        struct Levels: Decodable { let seed, maximum_level, heap_bytes: Int }
        var levels: [Levels] = []
        for (name, seed) in [("a", "7"), ("b", "7"), ("c", "8")] {
            #expect(try workspace.cairn("build", "@\(name)", "@v.npy", "--seed", seed, "-M", "3").code == 0)
            levels.append(try workspace.json(Levels.self, "info", "@\(name)"))
        }
        #expect(levels.map(\.seed) == [7, 7, 8])
        #expect(levels[0].heap_bytes == levels[1].heap_bytes)
        #expect(levels[0].heap_bytes != levels[2].heap_bytes)
    }
}

extension TestVectors {
    /// The bytes of a file that says so in its header, whatever it holds.
    func npyOfShape(_ rows: Int, _ columns: Int) -> [UInt8] {
        Npy.header("<f4", [rows, columns]) + npy.dropFirst(128)
    }
}
