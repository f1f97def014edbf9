import Foundation
import Testing

@Suite("Pipes and standard input")
struct PipeTests {
    private let workspace: Workspace

    init() throws {
        workspace = try Workspace()
        _ = try workspace.buildStore(count: 50, dimensions: 4)
        try workspace.write("q.npy", bytes: TestVectors(count: 3, dimensions: 4, seed: 2).npy)
    }

    /// What a script prints, which must succeed.
    private func output(_ script: String) throws -> String {
        let outcome = try workspace.shell(script)
        #expect(outcome.code == 0 && outcome.errors == "", "\(outcome.errors)")
        return outcome.output
    }

    @Test(
        "queries come from wherever files come from",
        arguments: [
            #"cat q.npy | "$cairn" search store -"#, #""$cairn" search store - < q.npy"#,
            #"cat q.npy | "$cairn" search store /dev/stdin"#,
            #"mkfifo p; cat q.npy > p & "$cairn" search store p"#,
            // The writer has gone when the program begins.
            #"mkfifo p; cat q.npy > p & "$cairn" search store - < p"#,
            #"cat q.npy | (sleep 0.1; "$cairn" search store -)"#,
        ])
    func queries(script: String) throws {
        let expected = try output(#""$cairn" search store q.npy"#)
        #expect(try output(script) == expected && !expected.isEmpty)
    }

    @Test("lists of labels, names and documents do as well")
    func lists() throws {
        try workspace.write("f.txt", labels: 10..<20)
        for option in ["--filter", "--names", "--titles", "--documents"] {
            let expected = try output(#""$cairn" search store q.npy \#(option) f.txt"#)
            #expect(try output(#"cat f.txt | "$cairn" search store q.npy \#(option) -"#) == expected)
            #expect(try output(#"cat f.txt | "$cairn" search store q.npy \#(option)=-"#) == expected)
        }
        _ = try output(#"seq 5 7 | "$cairn" delete store --labels - --quiet"#)
        #expect(try workspace.counts() == Counts(47, deleted: 3))
    }

    @Test("vectors are added and built from, labels too")
    func vectors() throws {
        _ = try output(
            """
            cat q.npy | "$cairn" build piped - --quiet && "$cairn" build filed q.npy --quiet
            cat vectors.npy | "$cairn" add piped - --upsert --batch 7 --quiet
            "$cairn" add filed vectors.npy --upsert --batch 7 --quiet
            seq 100 102 | "$cairn" add piped q.npy --labels - --quiet
            """)
        let labels = Set(try workspace.cairn("labels", "@piped").lines)
        #expect(labels == Set((0..<50).map { "\($0)" } + ["100", "101", "102"]))
        for label in 0..<50 {
            #expect(
                try workspace.cairn("get", "@piped", "\(label)").output
                    == workspace.cairn("get", "@filed", "\(label)").output)
        }
    }

    @Test("recall takes queries or truth from them")
    func recall() throws {
        let script = """
            "$cairn" search store q.npy --exact --save-labels t.npy --quiet &&
            cat q.npy | "$cairn" recall store - t.npy --ef 50 && cat t.npy | "$cairn" recall store q.npy - --ef 50
            """
        let lines = try output(script).split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(lines.count == 4 && lines[1][1] == "1.0000" && lines[3][1] == "1.0000")
        // They are read once for all stores.
        _ = try output(#""$cairn" build other vectors.npy --quiet"#)
        let both =
            #"mkfifo p; cat t.npy > p & cat q.npy | "$cairn" recall store - p --ef 50 --compare other --output tsv"#
        #expect(try output(both).split(separator: "\n").count == 3)
    }

    @Test(
        "standard input can be read once",
        arguments: [
            ["search", "a", "-", "--filter", "-"], ["search", "a", "-", "--names", "/dev/stdin"],
            ["recall", "a", "-", "-"],
            ["add", "a", "-", "--labels", "-"], ["build", "a", "-", "--labels", "/dev/fd/0"],
        ])
    func twice(arguments: [String]) throws {
        let outcome = try workspace.cairn(arguments)
        #expect(outcome.code == 64 && outcome.errors.hasPrefix("cairn: error: standard input is given twice"))
    }

    @Test(
        "results are not saved to -",
        arguments: [
            ["search", "a", "b", "--save-labels", "-"], ["search", "a", "b", "--save-distances", "-"],
            ["recall", "a", "b", "c", "--report", "-"], ["verify", "a", "--save-labels", "-"],
        ])
    func saved(arguments: [String]) throws {
        let outcome = try workspace.cairn(arguments)
        #expect(outcome.code == 64 && outcome.errors.contains("\(arguments[arguments.count - 2]) -: name a file"))
    }

    @Test(
        "what comes through and cannot be read is an error, and is not waited for",
        arguments: [
            ("printf '1,2'", "np.loadtxt(FILE, "), ("printf ''", "it is empty"), ("head -c 100 q.npy", "truncated"),
            ("cat index.bin", "no extension"),
        ])
    func unreadable(source: String, message: String) throws {
        try workspace.write("index.bin", bytes: TestIndex(TestVectors([[1, 2]])).file)
        let outcome = try workspace.shell("\(source) | \"$cairn\" search store -")
        #expect(outcome.code == 1 && outcome.errors.hasPrefix("cairn: error: /dev/stdin: "))
        #expect(outcome.errors.contains(message), "\(outcome.errors)")
    }

    @Test("a temporary file that cannot be made is explained")
    func noRoom() throws {
        let outcome = try workspace.shell(#"cat q.npy | TMPDIR=/nowhere "$cairn" search store -"#)
        #expect(outcome.code == 1 && outcome.errors.contains("set TMPDIR to a directory with room"))
        #expect(try workspace.content.allSatisfy { !$0.hasPrefix("cairn-") })
    }
}
