import Foundation
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Where a store is, and what else may be there or come there.
@Suite("The place of a store")
struct StorePlaceTests {
    private let workspace: Workspace

    init() throws { workspace = try Workspace() }

    @Test func `a program whose store is removed and made again fails, and leaves the new store alone`() throws {
        try workspace.write("v.npy", bytes: TestVectors(count: 1500, dimensions: 4, seed: 1).npy)
        try workspace.write("few.npy", bytes: TestVectors(count: 20, dimensions: 4, seed: 2).npy)
        try #require(workspace.cairn("create", "@store", "--dim", "4").code == 0)
        let program = try RunningProgram(
            workspace,
            arguments: ["add", "@store", "@v.npy", "--batch", "1", "--durability", "none", "--print-acknowledged"])
        _ = try #require(try program.line())
        program.send(SIGSTOP)
        try FileManager.default.removeItem(atPath: workspace.path("store"))
        #expect(try workspace.cairn("create", "@store", "--dim", "4").code == 0)
        #expect(try workspace.cairn("add", "@store", "@few.npy").code == 0)
        let before = try workspace.state(of: "store")
        program.send(SIGCONT)
        while try program.line() != nil {}
        #expect(program.wait() == 1)
        #expect(try workspace.state(of: "store") == before)
        #expect(try workspace.cairn("verify", "@store").code == 0)
        #expect(try workspace.counts() == Counts(20))
    }
}
