#if canImport(Glibc)
import Foundation
import TestSupport
import Testing

/// The program where the system lets it have little. `make limits` does it at length.
@Suite("limits on the process")
struct LimitTests {
    private let workspace: Workspace

    init() throws { workspace = try Workspace() }

    /// Runs the program under limits of the shell's `ulimit`.
    private func cairn(
        under limit: String, _ arguments: String...
    ) throws -> (status: Int, output: String, errors: String) {
        try run(
            ["/bin/sh", "-c", "ulimit \(limit) && exec \"$0\" \"$@\"", try #require(Program.path)]
                + workspace.located(arguments))
    }

    /// That a command did what it should, or said what it lacks.
    private func check(
        _ outcome: (status: Int, output: String, errors: String), says advice: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        // Where not even the libraries find room, the loader says so.
        let isLoader = outcome.status == 127 && outcome.errors.contains("shared librar")
        #expect(
            outcome.status == 0 || isLoader || outcome.status == 1 && outcome.errors.contains(advice),
            "\(outcome)", sourceLocation: sourceLocation)
    }

    @Test("few addresses", arguments: [60_000, 120_000, 250_000, 400_000, 600_000, 1_000_000])
    func addresses(kilobytes: Int) throws {
        _ = try workspace.buildStore(count: 400, dimensions: 16)
        let limit = "-v \(kilobytes)"
        check(try cairn(under: limit, "add", "@store", "@vectors.npy", "--upsert"), says: "ulimit -v")
        check(try cairn(under: limit, "search", "@store", "@vectors.npy", "-k", "5"), says: "ulimit -v")
        check(try cairn(under: limit, "build", "@built", "@vectors.npy"), says: "ulimit -v")
        #expect(try workspace.content.allSatisfy { !$0.contains(".building") })
        #expect(try workspace.cairn("verify", "@store").code == 0)
        #expect(try workspace.counts().count == 400)
    }

    @Test("files that may not become long")
    func fileLength() throws {
        _ = try workspace.buildStore(count: 3000, dimensions: 16)
        for limit in ["-f 1", "-f 100", "-f 300"] {
            let built = try cairn(under: limit, "build", "@built", "@vectors.npy")
            #expect(built.status == 1 && built.errors.contains("ulimit -f"), "\(built)")
            #expect(try workspace.content.allSatisfy { !$0.contains("built") })
            check(try cairn(under: limit, "add", "@store", "@vectors.npy", "--upsert"), says: "ulimit -f")
            #expect(try workspace.cairn("verify", "@store").code == 0)
            #expect(try workspace.counts().count == 3000)
        }
    }

    @Test("few open files", arguments: [3, 5, 7, 9, 11])
    func openFiles(count: Int) throws {
        _ = try workspace.buildStore(count: 50, dimensions: 8)
        let limit = "-n \(count)"
        check(try cairn(under: limit, "add", "@store", "@vectors.npy", "--upsert"), says: "ulimit -n")
        check(try cairn(under: limit, "verify", "@store"), says: "ulimit -n")
        check(try cairn(under: limit, "build", "@built", "@vectors.npy"), says: "ulimit -n")
        #expect(try workspace.content.allSatisfy { !$0.contains(".building") })
        #expect(try workspace.cairn("verify", "@store").code == 0)
    }
}
#endif
