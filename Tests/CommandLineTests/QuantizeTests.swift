import Foundation
import Testing

@Suite("cairn quantize, and --quantization")
struct CodesTests {
    private struct Outcome: Decodable {
        let quantization: String
        let quantization_bytes: Int
        let seconds: Double
    }

    private struct Info: Decodable {
        let count: Int
        let quantization: String
        let quantization_bytes: Int
    }

    private struct Answers: Decodable, Equatable {
        let labels: [[Int]]
        let distances: [[Float]]
    }

    private let workspace: Workspace

    init() throws { workspace = try Workspace() }

    @Test(arguments: [("sq8", 400 * 64), ("sq4", 400 * 64), ("none", 0)])
    func `a store gets codes, and answers stay`(kind: String, bytes: Int) throws {
        let vectors = try workspace.buildStore(count: 400)
        try workspace.write("q.npy", bytes: TestVectors(Array(vectors.rows.prefix(20))).npy)
        let search = ["search", "@store", "@q.npy", "-k", "5", "--ef", "100"]
        let before = try workspace.json(Answers.self, arguments: search)
        for _ in 0..<2 {
            let made = try workspace.json(Outcome.self, "quantize", "@store", kind)
            #expect(made.quantization == kind && made.quantization_bytes == bytes && made.seconds >= 0)
            let info = try workspace.json(Info.self, "info", "@store")
            #expect(info.quantization == kind && info.quantization_bytes == bytes && info.count == 400)
            #expect(try workspace.json(Answers.self, arguments: search) == before)
            #expect(try workspace.content.contains("store/codes") == (kind != "none"))
            #expect(try workspace.cairn("verify", "@store").code == 0)
        }
        #expect(try workspace.cairn("quantize", "@store", "none").code == 0)
        #expect(try !workspace.content.contains("store/codes"))
        #expect(try workspace.json(Answers.self, arguments: search) == before)
    }

    @Test func `a line says what was made, nothing with --quiet`() throws {
        _ = try workspace.buildStore(count: 400)
        let path = workspace.path("store")
        let lines = try workspace.cairn("quantize", "@store", "sq8").lines
        #expect(lines.count == 1 && lines[0].hasPrefix("\(path): quantization sq8, 25.0 KiB, made in "), "\(lines)")
        #expect(lines[0].contains(" s: searches with sq8 lose "), "\(lines)")
        #expect(try workspace.cairn("quantize", "@store", "none").lines == ["\(path): no quantization"])
        let outcome = try workspace.cairn("quantize", "@store", "sq4", "--quiet")
        #expect(outcome.code == 0 && outcome.output == "" && outcome.errors == "")
        #expect(try workspace.json(Info.self, "info", "@store").quantization == "sq4")
    }

    private struct Facts: Decodable {
        struct Loss: Decodable { let ef: Int, recall: Double, lost: Double }
        let quantization: String, quantization_used: String
        let quantization_bytes: Int?
        let quantization_reason: String?
        let quantization_lost: Double?
        let quantization_lost_at_ef: Int?, quantization_measured_queries: Int?, quantization_measured_count: Int?
        let quantization_losses: [Loss]?
    }

    @Test func `what is lost is said`() throws {
        let vectors = TestVectors(count: 900, dimensions: 12, seed: 4)
        try workspace.write("v.npy", bytes: vectors.npy)
        let built = try workspace.json(Facts.self, "build", "@store", "@v.npy", "--quantization", "sq8")
        #expect(built.quantization == "sq8" && built.quantization_used == "sq8" && built.quantization_reason == nil)
        for command in [["info", "@store"], ["quantize", "@store", "sq8"]] {
            let facts = try workspace.json(Facts.self, arguments: command)
            #expect(
                facts.quantization == "sq8" && facts.quantization_used == "sq8" && facts.quantization_reason == nil,
                "\(command)")
            #expect((facts.quantization_lost ?? 1) <= 0.005 && facts.quantization_measured_count == 900)
            #expect((facts.quantization_measured_queries ?? 0) >= 64)
            #expect(facts.quantization_losses?.map(\.ef) == [10, 20, 50, 100, 200])
            #expect(facts.quantization_losses?.contains { $0.ef == facts.quantization_lost_at_ef } == true)
        }
        let text = try workspace.cairn("info", "@store").output
        #expect(text.contains("quantization_lost_at_ef") && !text.contains("quantization_losses"))
        #expect(try workspace.cairn("verify", "@store").output.contains(": searches with sq8 lose "))
    }

    /// A table of columns in different units.
    @Test func `asking for what cannot hold is answered`() throws {
        let plain = TestVectors(count: 1600, dimensions: 6, seed: 4), scales: [Float] = [20, 1, 90_000, 5, 1, 3]
        let vectors = TestVectors(plain.rows.map { zip($0, scales).map { $0 * $1 } })
        try workspace.write("v.npy", bytes: vectors.npy)
        let path = workspace.path("store")
        let built = try workspace.cairn("build", "@store", "@v.npy", "--quantization", "sq4")
        #expect(built.code == 0 && built.errors.hasPrefix("cairn: warning: \(path): sq4 is asked for; sq4 may lose "))
        #expect(built.errors.contains("so searches use the vectors"), "\(built.errors)")
        let facts = try workspace.json(Facts.self, "info", "@store")
        #expect(
            facts.quantization == "sq4" && facts.quantization_used == "none" && facts.quantization_bytes == 0
                && facts.quantization_lost == nil)
        #expect(facts.quantization_reason?.contains("sq4 may lose ") == true)
        let asked = try workspace.cairn("quantize", "@store", "sq4")
        #expect(asked.code == 0 && asked.lines == ["\(path): no quantization: searches use the vectors"])
        #expect(asked.errors.contains("sq4 is asked for; sq4 may lose "))
        let verified = try workspace.cairn("verify", "@store")
        #expect(verified.code == 0 && verified.output.contains("warning: quantization: sq4 is asked for; "))
    }

    @Test func `a small store will have them`() throws {
        _ = try workspace.buildStore(count: 100)
        let path = workspace.path("store")
        #expect(
            try workspace.cairn("quantize", "@store", "sq4").lines == [
                "\(path): sq4 begins at 256 vectors; the store has 100"
            ])
        let info = try workspace.json(Info.self, "info", "@store")
        #expect(info.quantization == "sq4" && info.quantization_bytes == 0)
        let more = TestVectors(count: 300, dimensions: 8, seed: 2)
        try workspace.write("more.npy", bytes: more.npy)
        try workspace.write("labels.txt", labels: 1000..<1300)
        #expect(try workspace.cairn("add", "@store", "@more.npy", "--labels", "@labels.txt").code == 0)
        #expect(try workspace.json(Info.self, "info", "@store").quantization_bytes == 400 * 64)
    }

    @Test(arguments: ["build", "create"], ["sq8", "sq4", "none"])
    func `--quantization`(command: String, kind: String) throws {
        struct Made: Decodable { let quantization: String }
        let vectors = TestVectors(count: 500, dimensions: 8, seed: 1)
        try workspace.write("v.npy", bytes: vectors.npy)
        let arguments =
            command == "build"
            ? ["build", "@store", "@v.npy", "--quantization", kind]
            : ["create", "@store", "--dim", "8", "--quantization", kind]
        #expect(try workspace.json(Made.self, arguments: arguments).quantization == kind)
        if command == "create" { #expect(try workspace.cairn("add", "@store", "@v.npy").code == 0) }
        let info = try workspace.json(Info.self, "info", "@store")
        #expect(
            info.quantization == kind && info.quantization_bytes == (kind == "none" ? 0 : 500 * 64) && info.count == 500
        )
        #expect(try workspace.cairn("verify", "@store").code == 0)
        try workspace.write("q.npy", bytes: TestVectors(Array(vectors.rows.prefix(30))).npy)
        let found = try workspace.json(Answers.self, "search", "@store", "@q.npy", "-k", "5", "--ef", "100")
        #expect(found.labels == vectors.rows.prefix(30).map { vectors.nearest($0, 5).map(\.row) })
    }

    @Test func `wrong arguments are refused, and nothing changes`() throws {
        _ = try workspace.buildStore(count: 300)
        let before = try workspace.state(of: "store")
        for arguments in [
            ["quantize", "@store", "sq5"], ["quantize", "@store"], ["quantize"], ["quantize", "@store", "sq4", "sq8"],
        ] {
            let outcome = try workspace.cairn(arguments)
            #expect(outcome.code == 64 && outcome.output == "" && outcome.errors != "", "\(arguments)")
        }
        for arguments in [
            ["create", "@other", "--dim", "3", "--quantization", "pq"],
            ["create", "@other", "--dim", "3", "--scalar", "u8", "--quantization", "sq8"],
            ["build", "@other", "@vectors.npy", "--scalar", "i8", "--quantization", "sq8"],
        ] {
            let outcome = try workspace.cairn(arguments)
            #expect(outcome.code == 64 && outcome.output == "" && outcome.errors != "", "\(arguments)")
        }
        let after = try workspace.state(of: "store")
        #expect(before == after)
        #expect(try !workspace.content.contains("other"))
        let missing = try workspace.cairn("quantize", "@nothing", "sq4", "--output", "json")
        #expect(missing.code == 1 && missing.output == "")
        #expect(try ErrorDocument(missing.errors).error.code == "notFound")
    }

    @Test func `sq8 of bytes is refused with what to do instead`() throws {
        try workspace.write("v.npy", bytes: Npy.file(shape: [300, 2], (0..<600).map { Float($0 % 200) }))
        #expect(try workspace.cairn("build", "@store", "@v.npy", "--scalar", "u8", "--quiet").code == 0)
        let outcome = try workspace.cairn("quantize", "@store", "sq8", "--output", "json")
        #expect(outcome.code != 0 && outcome.output == "")
        let error = try ErrorDocument(outcome.errors).error
        #expect(error.code == "invalidArgument" && error.message.contains("choose sq4 or none"))
        #expect(try workspace.cairn("quantize", "@store", "sq4").code == 0)
        #expect(try workspace.json(Info.self, "info", "@store").quantization == "sq4")
    }

    /// A file that is lost is a warning: answers are as good, and a writer makes it again. Wrong rows are damage.
    @Test func `verify tells a lost file from a damaged one`() throws {
        _ = try workspace.buildStore(count: 400)
        #expect(try workspace.cairn("quantize", "@store", "sq8", "--quiet").code == 0)
        let good = try workspace.bytes("store/codes")
        var bytes = good
        bytes[4096 + 64 * 5] ^= 0x80
        try workspace.write("store/codes", bytes: bytes)
        let damaged = try workspace.cairn("verify", "@store")
        #expect(
            damaged.code == 2
                && damaged.output.contains("quantization: the row of slot 5 (label 5) is not its vector's"))
        try workspace.write("store/codes", bytes: Array(good.prefix(5000)))
        let lost = try workspace.cairn("verify", "@store")
        #expect(
            lost.code == 0 && (lost.output + lost.errors).contains("quantization: the file is missing or does not fit"))
        #expect(try workspace.json(Info.self, "info", "@store").quantization_bytes == 0)
        #expect(try workspace.cairn("quantize", "@store", "sq8").code == 0)
        #expect(try workspace.bytes("store/codes").count >= good.count)
        #expect(try workspace.cairn("verify", "@store").code == 0)
    }

    @Test func `a conversion keeps the codes`() throws {
        _ = try workspace.buildStore(count: 400)
        #expect(try workspace.cairn("quantize", "@store", "sq4", "--quiet").code == 0)
        let outcome = try workspace.cairn("convert", "@store", "@other.cairn", "--quiet")
        #expect(outcome.code == 0, "\(outcome.errors)")
        let info = try workspace.json(Info.self, "info", "@other.cairn")
        #expect(info.quantization == "sq4" && info.quantization_bytes == 400 * 64)
        #expect(try workspace.cairn("convert", "@store", "@one.bin", "--quiet").code == 0)
        #expect(try workspace.cairn("quantize", "@store", "none", "--quiet").code == 0)
        #expect(try workspace.cairn("convert", "@store", "@two.bin", "--quiet").code == 0)
        #expect(try workspace.bytes("one.bin") == workspace.bytes("two.bin"))
    }
}
