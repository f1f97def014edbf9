import Foundation
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

@Suite("Progress")
struct ProgressTests {
    private let workspace: Workspace

    init() throws {
        workspace = try Workspace()
        _ = try workspace.buildStore(count: 100, dimensions: 4)
        try workspace.write("q.npy", bytes: TestVectors(count: 3, dimensions: 4, seed: 2).npy)
        try workspace.write("t.npy", bytes: Npy.file(shape: [3, 2], [1, 2, 3, 4, 5, 6] as [Int32]))
        try workspace.write("i.bin", bytes: TestIndex(TestVectors(count: 100, dimensions: 4, seed: 3)).file)
    }

    /// What a command writes to a terminal that is its standard error.
    private func terminal(_ arguments: [String]) throws -> String {
        var terminal: Int32 = -1, other: Int32 = -1
        try #require(unsafe openpty(&terminal, &other, nil, nil, nil) == 0)
        // Open until all is read: what was written is lost with the last one who could write.
        defer {
            close(other)
            close(terminal)
        }
        let output = workspace.directory.appendingPathComponent("output")
        let code = try Program.run(workspace.located(arguments), output: .file(output), errors: .descriptor(other))
        #expect(code == 0)
        // Terminals pass on what is written a little later, but in order: this comes after all of it.
        let end = UInt8(ascii: "$")
        try #require(unsafe write(other, [end], 1) == 1)
        var bytes: [UInt8] = []
        while bytes.last != end {
            var byte: UInt8 = 0
            try #require(unsafe read(terminal, &byte, 1) == 1)
            bytes.append(byte)
        }
        return String(decoding: bytes.dropLast(), as: UTF8.self)
    }

    @Test(
        "is drawn on a terminal, in what people count, and not with --quiet",
        arguments: [
            (["build", "@s", "@vectors.npy"], "100% [####################] 100/100 "),
            (["convert", "@vectors.npy", "@v.fbin"], "100% [####################] 100/100 "),
            (["convert", "@i.bin", "@i.cairn", "--metric", "l2"], " KiB"),
            (["add", "@store", "@vectors.npy", "--upsert"], "100% [####################] 100/100 "),
            (["delete", "@store", "1", "2", "3", "--batch", "1"], "33% [######..............] 1/3 "),
            (["verify", "@store"], "100% [####################]"),
            (["recall", "@store", "@q.npy", "@t.npy", "-k", "2", "--ef", "10"], "50% [##########..........]"),
        ])
    func drawn(command: [String], text: String) throws {
        let drawn = try terminal(command)
        #expect(drawn.contains(text), "\(drawn)")
        // It is blotted out.
        #expect(drawn.hasSuffix("\r") && drawn.hasPrefix("\r"))
    }

    @Test(
        "is not drawn with --quiet, nor for what is over at once",
        arguments: [
            ["build", "@s", "@vectors.npy", "--quiet"], ["verify", "@store", "--quiet"],
            ["search", "@store", "@q.npy", "--quiet"],
            ["recall", "@store", "@q.npy", "@t.npy", "-k", "2", "--quiet"], ["search", "@store", "@q.npy", "-k", "2"],
        ])
    func silent(command: [String]) throws { #expect(try terminal(command) == "") }

    @Test("a search that is watched finds what any finds, and names a bad query by its number")
    func pieces() throws {
        let queries = TestVectors(count: 200, dimensions: 4, seed: 5)
        try workspace.write("many.npy", bytes: queries.npy)
        #expect(try terminal(["search", "@store", "@many.npy", "-k", "3"]) == "")
        let watched = try workspace.bytes("output")
        #expect(try watched == Array(workspace.cairn("search", "@store", "@many.npy", "-k", "3").output.utf8))
    }
}
