import Cairn
import Foundation
import SystemPackage
import Testing

@Suite("A store whose writer was killed, or is there")
struct PendingLogTests {
    private let workspace: Workspace
    /// Enough for the writer to be killed long before its end.
    private let rows = TestVectors(count: 5000, dimensions: 8, seed: 4)

    /// A store of the labels 0 to 49, and `new.npy` with `new.txt`: the labels from 1000 on.
    init() throws {
        workspace = try Workspace()
        _ = try workspace.buildStore(count: 50)
        try workspace.write("new.npy", bytes: rows.npy)
        try workspace.write("new.txt", labels: 1000..<6000)
    }

    /// Kills a writer; returns how many rows are in the store then: all that were acknowledged, or one more.
    private func kill(after count: Int, durability: String = "full") throws -> Int {
        let acknowledged = try workspace.killAdding(
            "@new.npy", after: count, "--labels", "@new.txt", "--durability", durability)
        let added = try workspace.counts().count - 50
        #expect((acknowledged...acknowledged + 1).contains(added))
        return added
    }

    private var logFiles: [String] { get throws { try workspace.content.filter { $0.hasPrefix("store/log/") } } }

    @Test(arguments: ["full", "interval", "none"])
    func `what was acknowledged is there after a kill, and readers write nothing`(durability: String) throws {
        let added = try kill(after: 25, durability: durability)
        let before = try workspace.state(of: "store")
        struct Info: Decodable { let count, deleted, free, log_bytes: Int }
        let info = try workspace.json(Info.self, "info", "@store")
        #expect(info.count == 50 + added && info.deleted == 0 && info.free == 0 && info.log_bytes > 0)
        #expect(
            try workspace.cairn("labels", "@store").lines
                == (Array(0..<50) + Array(1000..<1000 + added)).map { "\($0)" })
        struct Vectors: Decodable { let vectors: [[Float]] }
        #expect(
            try workspace.json(Vectors.self, "get", "@store", "1000", "1020").vectors == [rows.rows[0], rows.rows[20]])
        struct Answers: Decodable { let labels: [[Int]] }
        try workspace.write("q.npy", bytes: TestVectors(Array(rows.rows.prefix(20))).npy)
        #expect(
            try workspace.json(Answers.self, "search", "@store", "@q.npy", "-k", "1").labels.flatMap(\.self)
                == Array(1000..<1020))
        for depth in ["header", "checksums", "graph"] {
            let outcome = try workspace.cairn("verify", "@store", "--depth", depth)
            #expect(outcome.code == 0 && outcome.output.contains(": ok, \(50 + added) vectors, "), "\(outcome.output)")
        }
        #expect(try workspace.state(of: "store") == before)
    }

    @Test func `a checkpoint brings the log into the files, once`() throws {
        let added = try kill(after: 10)
        struct Summary: Decodable { let count: Int }
        #expect(try workspace.json(Summary.self, "checkpoint", "@store").count == 50 + added)
        let text = try workspace.cairn("checkpoint", "@store")
        #expect(text.code == 0 && text.errors == "")
        #expect(
            text.lines.first?.hasPrefix("\(workspace.path("store")): \(50 + added) vectors, all in the files after ")
                == true)
        #expect(try workspace.cairn("checkpoint", "@store", "--quiet").output == "")
        // Without the log nothing is missing, though its loss is told.
        for name in try logFiles { try FileManager.default.removeItem(atPath: workspace.path(name)) }
        #expect(try workspace.cairn("info", "@store").code == 2)
        #expect(try workspace.cairn("labels", "@store", "--salvage").lines.count == 50 + added)
        #expect(try workspace.cairn("checkpoint", "@store", "--salvage").code == 0)
        #expect(try workspace.counts().count == 50 + added)
    }

    @Test func `another writer goes on where the killed one was`() throws {
        let added = try kill(after: 5),
            again = try {
                try workspace.write("new.txt", labels: 50_000..<55_000)
                return try workspace.killAdding("@new.npy", after: 5, "--labels", "@new.txt")
            }()
        let count = try workspace.counts().count
        #expect((50 + added + again...50 + added + again + 1).contains(count))
        #expect(try workspace.cairn("delete", "@store", "1000", "50000", "--erase", "--quiet").code == 0)
        #expect(try workspace.counts() == Counts(count - 2, free: 2))
        #expect(try workspace.cairn("verify", "@store").code == 0)
    }

    /// Damages the log at a part of its length; returns its name.
    private func damageLog(at part: Double) throws -> String {
        let log = try #require(try logFiles.last)
        var bytes = try workspace.bytes(log)
        let end = try #require(bytes.lastIndex { $0 != 0 })
        bytes[512 + 30 + Int(Double(end - 542) * part)] ^= 0x55
        try workspace.write(log, bytes: bytes)
        return log
    }

    @Test(arguments: [0, 0.5])
    func `a log damaged in its middle is damage, and what was before can be salvaged`(part: Double) throws {
        let added = try kill(after: 30), log = try damageLog(at: part)
        for command in [
            ["info"], ["labels"], ["get", "1"], ["search", "@vectors.npy"], ["delete", "1"], ["checkpoint"],
            ["add", "@new.npy"],
        ] {
            let outcome = try workspace.cairn([command[0], "@store"] + command.dropFirst() + ["--output", "json"])
            #expect(outcome.code == 2 && outcome.output == "")
            let error = try ErrorDocument(outcome.errors).error
            #expect(error.code == "corrupt" && error.path == workspace.path(log))
            #expect(
                error.message.hasSuffix("with: cairn checkpoint \(workspace.path("store")) --salvage"),
                "\(error.message)")
            #expect(!error.message.contains("LogDamage"))
        }
        for options in [[], ["--salvage"]] {
            let verify = try workspace.cairn(["verify", "@store"] + options)
            #expect(verify.code == 2 && verify.errors == "" && verify.lines.count == 1)
            #expect(verify.output.hasPrefix("\(workspace.path("store")): log/"), "\(verify.output)")
        }
        for command in ["info", "labels"] {
            let outcome = try workspace.cairn(command, "@store", "--salvage")
            #expect(outcome.code == 0)
            #expect(outcome.errors.hasPrefix("cairn: warning: \(workspace.path(log)): "), "\(outcome.errors)")
            #expect(outcome.errors.hasSuffix("; this is the store as it was before the damage\n"))
        }
        let json = try workspace.cairn("info", "@store", "--salvage", "--output", "json")
        #expect(json.code == 0 && json.errors.hasPrefix("{\"warning\": {\"code\": \"corrupt\", "))
        let labels = try workspace.cairn("labels", "@store", "--salvage").lines.compactMap { Int($0) }
        let left = labels.count - 50
        #expect(left < added && (part == 0 ? left == 0 : left > 0))
        #expect(labels == Array(0..<50) + Array(1000..<1000 + left))
        #expect(try workspace.cairn("info", "@store").code == 2, "looking at it repairs nothing")

        let salvaged = try workspace.cairn("checkpoint", "@store", "--salvage", "--quiet")
        #expect(salvaged.code == 0 && salvaged.output == "")
        #expect(salvaged.errors.hasPrefix("cairn: warning: \(workspace.path(log)): "))
        #expect(
            salvaged.errors.hasSuffix("; the store is now as it was before the damage, what came after it is lost\n"))
        let again = try workspace.cairn("checkpoint", "@store", "--salvage", "--quiet")
        #expect(again.code == 0 && again.errors == "", "nothing is given up twice")
        #expect(try workspace.counts() == Counts(50 + left))
        #expect(try workspace.cairn("verify", "@store").code == 0)
    }

    @Test func `a log that the header does not know is damage that names the way out`() throws {
        let headers = try workspace.bytes("store/level0").prefix(8192)
        _ = try kill(after: 10)
        try workspace.write("store/level0", bytes: Array(headers) + workspace.bytes("store/level0")[8192...])
        for command in ["info", "verify"] {
            let outcome = try workspace.cairn(command, "@store")
            #expect(outcome.code == 2)
            let text = command == "info" ? outcome.errors : outcome.output
            #expect(text.hasSuffix(" with: cairn checkpoint \(workspace.path("store")) --salvage\n"), "\(text)")
            #expect(!text.contains("LogDamage"))
        }
        let salvaged = try workspace.cairn("labels", "@store", "--salvage")
        #expect(salvaged.code == 0 && salvaged.lines.count == 50)
        #expect(salvaged.errors.hasSuffix("; this is the store as it was before the damage\n"), "\(salvaged.errors)")
    }

    @Test func `adding goes on where the killed one was`() throws {
        let acknowledged = try workspace.killAdding("@new.npy", after: 25, "--labels", "@new.txt")
        let outcome = try workspace.cairn(
            "add", "@store", "@new.npy", "--labels", "@new.txt", "--upsert", "--skip", "\(acknowledged)", "--quiet",
            "--durability", "none")
        #expect(outcome.code == 0 && outcome.errors == "")
        #expect(try workspace.counts().count == 5050)
        let labels = try workspace.cairn("labels", "@store").lines.compactMap { Int($0) }
        #expect(labels.sorted() == Array(0..<50) + Array(1000..<6000))
    }

    @Test func `add takes a damaged log's store as it was before`() throws {
        _ = try kill(after: 10)
        _ = try damageLog(at: 0)
        try workspace.write("few.npy", bytes: TestVectors(Array(rows.rows.prefix(3))).npy)
        try workspace.write("few.txt", labels: 1000..<1003)
        #expect(
            try workspace.cairn("add", "@store", "@few.npy", "--labels", "@few.txt", "--salvage", "--quiet").code == 0)
        #expect(try workspace.counts() == Counts(53))
        #expect(try workspace.cairn("verify", "@store").code == 0)
    }

    @Test func `a store that somebody writes to is locked, and says by whom`() throws {
        let writer = try RunningProgram(
            workspace,
            arguments: ["add", "@store", "@new.npy", "--labels", "@new.txt", "--batch", "1", "--print-acknowledged"])
        #expect(try writer.line() == "1")
        for command in [
            ["info"], ["labels"], ["get", "1"], ["verify"], ["add", "@new.npy"], ["delete", "1"], ["checkpoint"],
            ["set", "--ef", "9"],
        ] {
            let arguments = [command[0], "@store"] + command.dropFirst()
            let text = try workspace.cairn(arguments)
            #expect(text.code == 1 && text.output == "")
            #expect(text.errors.hasPrefix("cairn: error: \(workspace.path("store")): "))
            #expect(
                text.errors.contains("written by process \(writer.process)") || text.errors.contains("close the writer")
            )
            let error = try ErrorDocument(workspace.cairn(arguments + ["--output", "json"]).errors).error
            #expect(error.code == "locked" && error.path == workspace.path("store"))
        }
        writer.kill()
        #expect(try workspace.cairn("verify", "@store").code == 0)
    }

    @Test func `readers share a store with readers only`() throws {
        let reader = try VectorStore.open(at: FilePath(workspace.path("store")))
        #expect(try workspace.cairn("info", "@store").code == 0)
        #expect(try workspace.cairn("verify", "@store").code == 0)
        let outcome = try workspace.cairn("delete", "@store", "1")
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("close the others first"))
        try reader.close()
        #expect(try workspace.cairn("delete", "@store", "1").code == 0)
    }
}
