import Foundation
import Testing

@Suite("cairn info, set, get, labels")
struct StoreCommandTests {
    private let workspace: Workspace
    private let vectors: TestVectors

    init() throws {
        workspace = try Workspace()
        vectors = try workspace.buildStore(
            count: 50, dimensions: 3, "--metric", "ip", "-M", "5", "--seed", "9", "--ef", "33")
    }

    private struct Info: Decodable {
        let count, deleted, free, dimensions: Int
        let metric, scalar: String
        let m, ef_construction, ef: Int
        let seed: UInt64
        let quantization, memory_plan: String
        let file_bytes, log_bytes, heap_bytes, format_version: Int
        let uuid: String
        let maximum_level: Int
    }

    @Test("info tells all facts in JSON")
    func infoJSON() throws {
        let info = try workspace.json(Info.self, "info", "@store")
        #expect(info.count == 50 && info.deleted == 0 && info.free == 0 && info.dimensions == 3)
        #expect(info.metric == "ip" && info.scalar == "f32" && info.quantization == "none")
        #expect(info.m == 5 && info.ef_construction == 200 && info.ef == 33 && info.seed == 9)
        #expect(info.memory_plan == "resident" && info.log_bytes == 0 && info.format_version == 1)
        #expect(UUID(uuidString: info.uuid) != nil)
        #expect(info.maximum_level >= 0 && info.heap_bytes > 0)
        let sizes = try FileManager.default.contentsOfDirectory(atPath: workspace.path("store")).map {
            try workspace.bytes("store/\($0)").count
        }
        #expect(info.file_bytes == sizes.reduce(0, +))
    }

    @Test("info prints a line for each fact, in the order of the JSON")
    func infoText() throws {
        let lines = try workspace.cairn("info", "@store").lines.map { $0.split(separator: " ").map(String.init) }
        #expect(lines.allSatisfy { $0.count == 2 })
        #expect(
            lines.prefix(5) == [
                ["count", "50"], ["deleted", "0"], ["free", "0"], ["dimensions", "3"], ["metric", "ip"],
            ])
        let document = try workspace.cairn("info", "@store", "--output", "json").output
        var rest = document[...]
        for key in lines.map({ $0[0] }) {
            let found = try #require(rest.range(of: "\"\(key)\": "), "\(key) is missing or out of order")
            rest = rest[found.upperBound...]
        }
        #expect(!rest.contains("\": "))
    }

    @Test("info says when checkpoints fail to be made")
    func infoLongLog() throws {
        try workspace.cairn("add", "@store", "@vectors.npy", "--upsert")
        #expect(try workspace.cairn("info", "@store").errors == "")
        // Room that nothing was written to: 200 MiB of it, which take no space.
        let log = try #require(try FileManager.default.contentsOfDirectory(atPath: workspace.path("store/log")).first)
        try FileHandle(forWritingTo: URL(fileURLWithPath: workspace.path("store/log/\(log)"))).truncate(
            atOffset: 200 << 20)
        let outcome = try workspace.cairn("info", "@store")
        #expect(outcome.code == 0 && outcome.errors.contains("cairn checkpoint"))
    }

    @Test("set changes ef for good", arguments: [1, 500, 1_000_000])
    func set(ef: Int) throws {
        struct Kept: Decodable { let ef: Int }
        #expect(try workspace.json(Kept.self, "set", "@store", "--ef", "\(ef)").ef == ef)
        #expect(try workspace.json(Info.self, "info", "@store").ef == ef)
    }

    @Test("set says what it kept, nothing with --quiet")
    func setText() throws {
        #expect(try workspace.cairn("set", "@store", "--ef", "44").lines == ["\(workspace.path("store")): ef is 44"])
        #expect(try workspace.cairn("set", "@store", "--ef", "45", "--quiet").output == "")
        #expect(try workspace.json(Info.self, "info", "@store").ef == 45)
    }

    @Test("set refuses a width out of range as a wrong argument and keeps the old one", arguments: ["0", "1000001"])
    func setOutOfRange(ef: String) throws {
        let outcome = try workspace.cairn("set", "@store", "--ef", ef)
        #expect(outcome.code == 64)
        #expect(outcome.errors == "cairn: error: ef is \(ef); it must be 1...1000000\n")
        #expect(try workspace.json(Info.self, "info", "@store").ef == 33)
    }

    @Test("get gives back the vectors exactly, in the order asked for")
    func get() throws {
        let lines = try workspace.cairn("get", "@store", "49", "0", "49").lines.map { $0.split(separator: " ") }
        #expect(lines.map { $0[0] } == ["49", "0", "49"])
        for (line, row) in zip(lines, [49, 0, 49]) { #expect(line.dropFirst().map { Float($0) } == vectors.rows[row]) }

        struct Vectors: Decodable, Equatable {
            let labels: [UInt64]
            let vectors: [[Float]]
        }
        let found = try workspace.json(Vectors.self, "get", "@store", "7", "3")
        #expect(found == Vectors(labels: [7, 3], vectors: [vectors.rows[7], vectors.rows[3]]))
    }

    @Test("get names a label that is not there, and prints nothing else")
    func getUnknown() throws {
        let outcome = try workspace.cairn("get", "@store", "3", "50", "4")
        #expect(outcome.code == 1 && outcome.output == "")
        #expect(outcome.errors == "cairn: error: \(workspace.path("store")): there is no label 50 in the store\n")
        let json = try workspace.cairn("get", "@store", "3", "50", "--output", "json")
        #expect(json.code == 1 && json.output == "")
        let error = try ErrorDocument(json.errors).error
        #expect(error.code == "unknownLabel" && error.message.contains("50") && error.path == workspace.path("store"))
    }

    @Test("labels prints all of them")
    func labels() throws {
        #expect(try workspace.cairn("labels", "@store").lines == (0..<50).map { "\($0)" })
        struct Labels: Decodable { let labels: [UInt64] }
        #expect(try workspace.json(Labels.self, "labels", "@store").labels == Array(0..<50))
    }

    @Test("damage is told by its own exit code", arguments: ["both headers", "the end"])
    func damaged(part: String) throws {
        var bytes = try workspace.bytes("store/level0")
        if part == "the end" {
            bytes.removeLast(bytes.count / 2)
        } else {
            for index in 16..<8192 { bytes[index] ^= 0x55 }
        }
        try workspace.write("store/level0", bytes: bytes)
        for command in [["info"], ["labels"], ["get", "0"], ["set", "--ef", "5"], ["delete", "0"], ["checkpoint"]] {
            let arguments = [command[0], "@store"] + command.dropFirst()
            let text = try workspace.cairn(arguments)
            #expect(text.code == 2 && text.output == "")
            #expect(text.errors.hasPrefix("cairn: error: \(workspace.path("store/level0")): "))
            let json = try workspace.cairn(arguments + ["--output", "json"])
            #expect(json.code == 2 && json.output == "")
            let error = try ErrorDocument(json.errors).error
            #expect(error.code == "corrupt" && error.path == workspace.path("store/level0"))
        }
        #expect(try workspace.bytes("store/level0") == bytes)
    }
}
