import Foundation
import Testing

@Suite("cairn convert: what is refused, and what is only tried")
struct ConvertUsageTests {
    private let workspace: Workspace

    init() throws {
        workspace = try Workspace()
        try workspace.write("v.npy", bytes: TestVectors(count: 20, dimensions: 4, seed: 1).npy)
        // Of length 1, as hnswlib has them for cosine.
        let unit = (0..<20).map { row in (0..<4).map { Float($0 == row % 4 ? 1 : 0) } }
        try workspace.write("i.bin", bytes: TestIndex(TestVectors(unit)).file)
        try workspace.write(
            "b.bin",
            bytes: bruteForceFile(TestVectors(count: 3, dimensions: 4, seed: 1), labels: [1, 2, 3], capacity: 5))
        try TestIndex(TestVectors(unit)).writeFolder("chroma", in: workspace)
        try FileManager.default.createSymbolicLink(
            atPath: workspace.path("here"), withDestinationPath: workspace.path(""))
        try #require(try workspace.cairn("build", "@s.cairn", "@v.npy", "--quiet").code == 0)
    }

    @Test(
        "what IN does not say must be said",
        arguments: [
            (["@v.npy", "@o.cairn"], "--metric l2"), (["@v.npy", "@o.bin"], "--metric l2"),
            (["@i.bin", "@o.cairn"], "--metric l2"), (["@b.bin", "@o.cairn"], "--metric l2"),
            (["@b.bin", "@o.bin"], "--metric l2"), (["@v.npy", "@o"], "--to"), (["@v.npy", "@o.txt"], "--to"),
        ])
    func missing(arguments: [String], advice: String) throws {
        let error = try failure(arguments, 64)
        #expect(error.code == "usage" && error.message.contains(advice), "\(error.message)")
    }

    @Test(
        "what makes no sense for a pair is refused",
        arguments: [
            (["@v.npy", "@o.fbin", "--max-elements", "9"], "--max-elements"),
            (["@v.npy", "@o.fbin", "--metric", "l2"], "--metric"),
            (["@b.bin", "@o.fbin", "--metric", "l2"], "--metric"),
            (["-", "@o.npy"], "- is no file"), (["@v.npy", "-", "--to", "fbin"], "- is no file"),
            (["@s.cairn", "@o.npy", "--save-labels", "-"], "- is no file"),
            (["@i.bin", "@o.npy", "--save-ids", "@ids.txt"], "--save-ids"),
            (["@i.bin", "@o.npy", "--save-labels", "@i.bin", "--force"], "same file"),
            (["@i.bin", "@o.npy", "--save-labels", "@here/o.npy"], "same file"),
            (["@chroma", "@chroma/length.bin", "--to", "npy", "--force"], "inside IN"),
            (["@chroma", "@o.npy", "--save-labels", "@chroma/l.npy"], "inside IN"),
            (["@v.npy", "@o.fbin", "--labels", "@v.npy"], "--labels"),
            (["@v.npy", "@o.fbin", "--save-labels", "@l.npy"], "--save-labels"),
            (["@s.cairn", "@o.bin", "--save-labels", "@l.npy"], "--save-labels"),
            (["@i.bin", "@o.cairn", "--metric", "l2", "-M", "8"], "-M"),
            (["@s.cairn", "@o.bin", "--ef-construction", "8"], "--ef-construction"),
            (["@v.npy", "@o.fbin", "--threads", "2"], "--threads"),
            (["@i.bin", "@o.bin", "--memory", "1G"], "--memory"),
            (["@s.cairn", "@o.cairn", "--metric", "ip", "--scalar", "f16"], "--scalar"),
            (["@s.cairn", "@o.bin", "--metric", "ip"], "--metric"),
            (["@s.cairn", "@o.npy", "--dim", "3"], "--dim"), (["@v.npy", "@o.fbin", "--dim", "3"], "--dim"),
            (["@i.bin", "@o.npy", "--dim", "3"], "--dim"), (["@b.bin", "@o.npy", "--dim", "3"], "--dim"),
            (["@v.npy", "@o.u8bin", "--scalar", "i8"], "--scalar"),
            (["@s.cairn", "@o.bin", "--max-elements", "19"], "20 vectors"),
            (["@v.npy", "@o.bin", "--metric", "l2", "--max-elements", "19"], "20 vectors"),
            (["@v.npy", "@o.bin", "--to", "chroma"], "chroma is read and not written"),
            (["@v.npy", "@o.bin", "--to", "bfindex"], "bfindex is read and not written"),
            (["@s.cairn", "@o.npy", "--save-labels", "@o.npy"], "same file"),
            (["@s.cairn", "@o.bin", "--scalar", "u8"], "u8"),
        ])
    func senseless(arguments: [String], word: String) throws {
        let error = try failure(arguments, 64)
        #expect(error.message.contains(word), "\(error.message)")
    }

    private func failure(_ arguments: [String], _ code: Int32) throws -> ErrorDocument.Content {
        let before = try workspace.content
        let outcome = try workspace.cairn(["convert"] + arguments + ["--output", "json"])
        #expect(outcome.code == code && outcome.output == "", "\(outcome.errors)")
        #expect(try workspace.content == before)
        // The same for people, on one line.
        let text = try workspace.cairn(["convert"] + arguments)
        #expect(text.code == code && text.errors.hasPrefix("cairn: error: "))
        #expect(text.errors.split(separator: "\n").count == 1)
        return try ErrorDocument(outcome.errors).error
    }

    @Test(
        "OUT that is there stays, unless it is a file and --force is given",
        arguments: [("@v.npy", "@o.fbin"), ("@s.cairn", "@o.bin"), ("@i.bin", "@o.bin"), ("@i.bin", "@o.npy")])
    func existing(source: String, destination: String) throws {
        let name = String(destination.dropFirst())
        try workspace.write(name, "mine")
        let error = try workspace.failure(converting: source, destination, code: 1)
        #expect(error.code == "alreadyExists" && error.message.contains("--force"))
        #expect(error.path == workspace.path(name))
        #expect(try workspace.failure(converting: source, destination, "--dry-run", code: 1).code == "alreadyExists")
        #expect(try workspace.bytes(name) == Array("mine".utf8))
        #expect(try workspace.convert(source, destination, "--force").bytes_written == workspace.bytes(name).count)
    }

    @Test("stores, folders and links are never replaced")
    func neverReplaced() throws {
        let store = try workspace.state(of: "s.cairn")
        for arguments in [["@v.npy", "@s.cairn", "--metric", "l2"], ["@i.bin", "@s.cairn", "--metric", "l2"]] {
            let outcome = try workspace.cairn(["convert", "--force"] + arguments)
            #expect(outcome.code == 1 && outcome.errors.contains("no store or folder is replaced"))
        }
        try workspace.write("file.cairn", "mine")
        #expect(try workspace.cairn("convert", "@v.npy", "@file.cairn", "--metric", "l2", "--force").code == 1)
        #expect(try workspace.cairn("convert", "@v.npy", "@s.cairn", "--to", "npy", "--force").code == 1)
        try FileManager.default.createSymbolicLink(
            atPath: workspace.path("link.npy"), withDestinationPath: workspace.path("v.npy"))
        let link = try workspace.cairn("convert", "@i.bin", "@link.npy", "--force")
        #expect(link.code == 1 && link.errors.contains("symbolic link"))
        let device = try workspace.cairn("convert", "@v.npy", "/dev/null", "--to", "npy")
        #expect(device.code == 1 && device.errors.contains("not a regular file"))
        for destination in ["@s.cairn/level0", "@s.cairn/new"] {
            for source in ["@s.cairn", "@v.npy"] {
                let inside = try workspace.cairn("convert", source, destination, "--to", "fbin", "--force")
                #expect(inside.code != 0 && inside.errors.contains("in"))
            }
        }
        #expect(try workspace.state(of: "s.cairn") == store)
        #expect(try workspace.bytes("file.cairn") == Array("mine".utf8))
    }

    @Test("a file of labels that is there stays, unless --force is given")
    func existingLabels() throws {
        try workspace.write("l.npy", "mine")
        let error = try workspace.failure(converting: "@s.cairn", "@o.npy", "--save-labels", "@l.npy", code: 1)
        #expect(error.code == "alreadyExists" && error.path == workspace.path("l.npy"))
        _ = try workspace.convert("@s.cairn", "@o.npy", "--save-labels", "@l.npy", "--force")
        #expect(try workspace.labels("l.npy", count: 20) == Array(0..<20))
    }

    @Test("a conversion that fails keeps the labels of the one before")
    func keptLabels() throws {
        var index = TestIndex(TestVectors([[1, 2], [3, 4]]))
        index.marked = [0, 1]
        try workspace.write("gone.bin", bytes: index.file)
        try workspace.write("l.npy", "mine")
        let outcome = try workspace.cairn("convert", "@gone.bin", "@o.fvecs", "--save-labels", "@l.npy", "--force")
        #expect(outcome.code == 1 && outcome.errors.contains("no rows"))
        #expect(try workspace.bytes("l.npy") == Array("mine".utf8))
    }

    @Test("a pipe is refused")
    func pipe() throws {
        try #require(unsafe mkfifo(workspace.path("p.npy"), 0o600) == 0)
        let error = try workspace.failure(converting: "@p.npy", "@o.fbin", code: 1)
        #expect(error.message.contains("not a regular file: save the data to a file first"))
    }

    @Test("commands that want a store or vectors point to the conversion of an index")
    func advice() throws {
        for arguments in [
            ["build", "@x.cairn", "@i.bin"], ["search", "@s.cairn", "@i.bin"], ["info", "@i.bin"], ["info", "@chroma"],
        ] {
            let outcome = try workspace.cairn(arguments)
            #expect(outcome.code != 0 && outcome.errors.contains("`cairn convert`"), "\(outcome.errors)")
        }
        #expect(try !workspace.cairn("info", "@v.npy").errors.contains("`cairn convert`"))
    }

    @Test("the system's reason is said once")
    func reason() throws {
        let error = try workspace.failure(converting: "@i.bin/x.bin", "@o.npy", code: 1)
        #expect(error.message.ranges(of: "Not a directory").count == 1, "\(error.message)")
    }

    @Test("no directory to write to is an error before anything is read")
    func noDirectory() throws {
        let error = try workspace.failure(converting: "@v.npy", "@none/o.fbin", code: 1)
        #expect(error.code == "notFound" && error.path == workspace.path("none"))
    }

    @Test("a file may replace itself")
    func itself() throws {
        #expect(try workspace.convert("@v.npy", "@v.npy", "--force", "--scalar", "f16").scalar == "f16")
        #expect(try workspace.convert("@v.npy", "@w.npy").scalar == "f16")
    }

    @Test(
        "a dry run writes nothing and tells the same losses",
        arguments: [
            ["@v.npy", "@o.npy", "--scalar", "f16"], ["@v.npy", "@o.cairn", "--metric", "cosine"],
            ["@v.npy", "@o.bin", "--metric", "cosine"], ["@i.bin", "@o.cairn", "--metric", "cosine"],
            ["@i.bin", "@o.npy"], ["@i.bin", "@o.bin"], ["@b.bin", "@o.npy"], ["@b.bin", "@o.cairn", "--metric", "l2"],
            ["@s.cairn", "@o.bin"], ["@s.cairn", "@o.npy", "--save-labels", "@l.npy"],
            ["@s.cairn", "@o.cairn", "--metric", "cosine"],
        ])
    func dryRun(arguments: [String]) throws {
        let before = try workspace.content
        let dry = try workspace.json(Conversion.self, arguments: ["convert", "--dry-run"] + arguments)
        #expect(try workspace.content == before)
        #expect(dry.dry_run && dry.bytes_written == 0 && dry.byte_identical == nil && dry.bytes_read > 0)
        let text = try workspace.cairn(["convert", "--dry-run"] + arguments)
        #expect(text.code == 0 && text.errors == "" && text.output.contains("(not written: this is a dry run)"))
        for loss in dry.lost { #expect(text.lines.contains("lost: \(loss)")) }
        #expect(try workspace.content == before)
        let done = try workspace.json(Conversion.self, arguments: ["convert"] + arguments)
        #expect(!done.dry_run && done.bytes_written > 0)
        #expect(done.lost == dry.lost && done.warnings == dry.warnings)
        #expect(done.count == dry.count && done.deleted == dry.deleted && done.dimensions == dry.dimensions)
        #expect(done.metric == dry.metric && done.scalar == dry.scalar && done.m == dry.m)
        #expect(done.ef_construction == dry.ef_construction && done.bytes_read == dry.bytes_read)
    }

    @Test("the summary is lines for people, and none with --quiet")
    func text() throws {
        let outcome = try workspace.cairn("convert", "@i.bin", "@o.cairn", "--metric", "cosine")
        #expect(outcome.code == 0 && outcome.errors == "" && outcome.lines.count == 2)
        #expect(outcome.lines[0].hasPrefix("\(workspace.path("i.bin")): hnswlib, 20 vectors of 4 dimensions, "))
        let expected = "\(workspace.path("o.cairn")): cairn, f32, metric cosine, M 4, ef_construction 200, "
        #expect(outcome.lines[1].hasPrefix(expected))
        let back = try workspace.cairn("convert", "@o.cairn", "@back.bin")
        #expect(back.output.contains("byte for byte the file that the data came from"))
        #expect(back.lines.count == 3 && back.lines[2].hasPrefix("lost: settings"))
        let quiet = try workspace.cairn("convert", "@i.bin", "@o.npy", "--quiet")
        #expect(quiet.code == 0 && quiet.output == "" && quiet.errors == "")
    }

    @Test("a damaged IN gets the reason and leaves nothing behind", arguments: ["o.cairn", "o.bin", "o.npy"])
    func damage(destination: String) throws {
        let whole = try workspace.bytes("i.bin")
        func refused(_ bytes: [UInt8], _ word: String) throws {
            try workspace.write("bad.bin", bytes: bytes)
            let error = try workspace.failure(converting: "@bad.bin", "@\(destination)", "--metric", "l2", code: 2)
            #expect(error.code == "corrupt" && error.path == workspace.path("bad.bin"))
            #expect(error.message.contains(word), "\(error.message)")
        }
        try refused(Array(whole.dropLast()), "\(whole.count - 1)")
        try refused(whole + [0], "\(whole.count)")
        var links = whole
        links[100..<104] = [20, 0, 0, 0]
        try refused(links, "byte offset 100")
        var entry = whole
        entry[52..<56] = [20, 0, 0, 0]
        try refused(entry, "entry point 20")
        var capacity = whole
        capacity[8..<16] = bytes(UInt64(19))[...]
        try refused(capacity, "capacity of 19")
    }

    @Test("damaged files of vectors and of other kinds leave nothing behind")
    func otherDamage() throws {
        try workspace.write("cut.npy", bytes: workspace.bytes("v.npy").dropLast())
        #expect(try workspace.failure(converting: "@cut.npy", "@o.fbin", code: 1).message.contains("truncated"))
        try workspace.write("cut.bin", bytes: workspace.bytes("b.bin").prefix(60).map { $0 })
        #expect(
            try workspace.failure(converting: "@cut.bin", "@o.npy", "--from", "bfindex", code: 2).message.contains("60")
        )
        // Found when the row is read, after a part of OUT was written.
        _ = try workspace.convert("@v.npy", "@mixed.fvecs")
        var rows = try workspace.bytes("mixed.fvecs")
        rows[10 * 20] = 3
        try workspace.write("mixed.fvecs", bytes: rows)
        #expect(try workspace.failure(converting: "@mixed.fvecs", "@o.npy", code: 1).message.contains("row 10 at byte"))
        let build = try workspace.failure(converting: "@mixed.fvecs", "@o.bin", "--metric", "l2", code: 1)
        #expect(build.message.contains("row 10 at byte"))
        try workspace.write("noise.bin", bytes: (0..<200).map { UInt8(truncatingIfNeeded: $0 * 89 + 3) })
        #expect(try workspace.failure(converting: "@noise.bin", "@o.npy", code: 1).message.contains("--from"))
        #expect(try workspace.failure(converting: "@none.bin", "@o.npy", code: 1).code == "notFound")
        try FileManager.default.createDirectory(
            atPath: workspace.path("folder"), withIntermediateDirectories: false)
        #expect(
            try workspace.failure(converting: "@folder", "@o.npy", code: 1).message.contains("neither a cairn store"))
    }

    @Test("what stands beside OUT is not touched, whatever it is called")
    func neighbours() throws {
        // The names that conversions have used, and what a link leads to.
        try #require(try workspace.cairn("build", "@.o.bin.graph.cairn", "@v.npy", "--quiet").code == 0)
        try FileManager.default.createSymbolicLink(
            atPath: workspace.path(".p.bin.graph.cairn"), withDestinationPath: workspace.path("s.cairn"))
        try FileManager.default.createSymbolicLink(
            atPath: workspace.path(".q.bin.graph.cairn.building"), withDestinationPath: workspace.path("s.cairn"))
        let before = try workspace.content
        let states = try ["s.cairn", ".o.bin.graph.cairn"].map { try workspace.state(of: $0) }
        for name in ["o.bin", "p.bin", "q.bin"] {
            #expect(try workspace.convert("@v.npy", "@\(name)", "--metric", "l2").count == 20)
        }
        #expect(try workspace.content == (before + ["o.bin", "p.bin", "q.bin"]).sorted())
        #expect(try ["s.cairn", ".o.bin.graph.cairn"].map { try workspace.state(of: $0) } == states)
    }

    @Test("a conversion that fails leaves no graph beside OUT")
    func failedGraph() throws {
        _ = try workspace.failure(converting: "@v.npy", "@p.bin", "--metric", "l2", "--labels", "@i.bin", code: 1)
        try workspace.write("same.txt", labels: (0..<20).map { _ in 7 })
        let twice = try workspace.failure(
            converting: "@v.npy", "@p.bin", "--metric", "l2", "--labels", "@same.txt", code: 1)
        #expect(twice.code == "duplicateLabel")
    }
}
