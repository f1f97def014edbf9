import Foundation
import Testing

@Suite("cairn create")
struct CreateTests {
    private let workspace: Workspace

    init() throws { workspace = try Workspace() }

    @Test func `an empty store is made, and vectors can be added`() throws {
        let outcome = try workspace.cairn("create", "@store", "--dim", "5", "--metric", "cosine")
        #expect(outcome.code == 0 && outcome.errors == "")
        #expect(outcome.lines == ["\(workspace.path("store")): no vectors yet, of 5 dimensions"])
        #expect(try workspace.counts() == Counts(0))
        #expect(try workspace.cairn("labels", "@store").output == "")
        #expect(try workspace.cairn("verify", "@store").code == 0)

        let vectors = TestVectors(count: 30, dimensions: 5, seed: 1)
        try workspace.write("v.npy", bytes: vectors.npy)
        #expect(try workspace.cairn("add", "@store", "@v.npy").code == 0)
        #expect(try workspace.counts() == Counts(30))
        #expect(try workspace.cairn("verify", "@store").code == 0)
    }

    @Test func `JSON tells what was made, of the options given`() throws {
        struct Made: Decodable, Equatable {
            let count, dimensions: Int
            let metric, scalar: String
            let m, ef_construction, file_bytes: Int
        }
        let made = try workspace.json(
            Made.self, "create", "@store", "--dim", "7", "--metric", "ip", "--scalar", "i8", "-M", "6",
            "--ef-construction", "44", "--ef", "21", "--seed", "8")
        #expect(
            made
                == Made(
                    count: 0, dimensions: 7, metric: "ip", scalar: "i8", m: 6, ef_construction: 44,
                    file_bytes: made.file_bytes))
        #expect(made.file_bytes > 0)
        struct Info: Decodable, Equatable { let ef, seed, dimensions, m, maximum_level: Int }
        #expect(
            try workspace.json(Info.self, "info", "@store")
                == Info(ef: 21, seed: 8, dimensions: 7, m: 6, maximum_level: -1))
    }

    @Test func `nothing is printed with --quiet`() throws {
        let outcome = try workspace.cairn("create", "@store", "--dim", "5", "--quiet")
        #expect(outcome.code == 0 && outcome.output == "" && outcome.errors == "")
        #expect(try workspace.content.filter { !$0.hasPrefix("store/") } == ["store"])
    }

    @Test func `a store that was created and filled finds what is nearest`() throws {
        let vectors = TestVectors(count: 300, dimensions: 6, seed: 1)
        try workspace.write("v.npy", bytes: vectors.npy)
        #expect(try workspace.cairn("create", "@store", "--dim", "6", "--quiet").code == 0)
        #expect(try workspace.cairn("add", "@store", "@v.npy", "--quiet", "--batch", "70").code == 0)
        try workspace.write("q.npy", bytes: TestVectors(Array(vectors.rows.prefix(40))).npy)
        struct Answers: Decodable, Equatable { let labels: [[Int]] }
        let expected = vectors.rows.prefix(40).map { vectors.nearest($0, 5).map(\.row) }
        for options in [["--exact"], ["--ef", "100"]] {
            let arguments = ["search", "@store", "@q.npy", "-k", "5", "--output", "json"] + options
            let answers = try JSONDecoder().decode(Answers.self, from: Data(try workspace.cairn(arguments).output.utf8))
            #expect(answers.labels == expected)
        }
    }
}
