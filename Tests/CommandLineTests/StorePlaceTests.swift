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

    /// What is printed must not go into the files that a program without standard streams has open.
    @Test(arguments: ["<&- >&- 2>&-", "<&- >&-", ">&- 2>&-"])
    func `a program without standard streams does not print into the store`(closed: String) throws {
        _ = try workspace.buildStore(count: 300, dimensions: 4)
        try workspace.write("more.npy", bytes: TestVectors(count: 50, dimensions: 4, seed: 2).npy)
        let commands = [
            ["add", "@store", "@more.npy", "--upsert"], ["set", "@store", "--ef", "70"], ["delete", "@store", "7"],
            ["quantize", "@store", "sq8"], ["search", "@store", "@more.npy"], ["delete", "@store", "4711"],
        ]
        for command in commands {
            let shell = Process()
            shell.executableURL = URL(fileURLWithPath: "/bin/sh")
            shell.arguments =
                ["-c", "exec \"$0\" \"$@\" \(closed)", try #require(Program.path)] + workspace.located(command)
            try shell.run()
            shell.waitUntilExit()
        }
        let verified = try workspace.cairn("verify", "@store")
        #expect(verified.code == 0, "\(verified.output)")
        #expect(try workspace.counts().count == 299)
        for file in ["level0", "lock", "labels", "upper"] {
            let text = String(decoding: try workspace.bytes("store/\(file)"), as: UTF8.self)
            #expect(!text.contains("store:") && !text.contains("cairn"))
        }
    }

    @Test func `a store is made in an empty directory, and in no other`() throws {
        try workspace.write("v.npy", bytes: TestVectors(count: 20, dimensions: 4, seed: 1).npy)
        let commands = [
            ["create", "@store", "--dim", "4"], ["build", "@store", "@v.npy"],
            ["convert", "@v.npy", "@store", "--to", "cairn", "--metric", "l2"],
        ]
        for command in commands {
            try FileManager.default.createDirectory(
                atPath: workspace.path("store/lost+found"), withIntermediateDirectories: true)
            let outcome = try workspace.cairn(command)
            #expect(outcome.code == 0, "\(command): \(outcome.errors)")
            #expect(try workspace.cairn("verify", "@store").code == 0)
            #expect(try workspace.content.filter { !$0.contains("/") } == ["store", "v.npy"])
            let again = try workspace.cairn(command)
            #expect(again.code == 1 && again.errors.contains("is here already"), "\(again.errors)")
            try FileManager.default.removeItem(atPath: workspace.path("store"))
        }
    }
}
