import Foundation
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

@Suite("cairn add, and what cannot be added")
struct AddErrorTests {
    private let workspace: Workspace
    private var new = TestVectors(count: 50, dimensions: 8, seed: 7)

    /// A store of the labels 0 to 99, and `new.txt` with the labels 1000 to 1049.
    init() throws {
        workspace = try Workspace()
        _ = try workspace.buildStore(count: 100)
        try workspace.write("new.txt", labels: 1000..<1050)
    }

    private func add(_ options: [String]) -> [String] {
        ["add", "@store", "@new.npy", "--labels", "@new.txt"] + options
    }

    @Test(
        "vectors of another dimension, or that are no numbers, are refused as a whole",
        arguments: [
            (
                TestVectors(count: 3, dimensions: 7, seed: 1).npy, "dimensionMismatch",
                "7 dimensions, the store's have 8"
            ),
            (Array(TestVectors(count: 50, dimensions: 8, seed: 1).npy.dropLast()), "invalidArgument", "truncated"),
            (Npy.file(shape: [8], [Float](repeating: 1, count: 8)), "invalidArgument", "reshape"),
        ])
    func refused(file: [UInt8], code: String, message: String) throws {
        try workspace.write("bad.npy", bytes: file)
        let before = try workspace.bytes("store/level0")
        let text = try workspace.cairn("add", "@store", "@bad.npy", "--upsert")
        #expect(text.code == 1 && text.output == "")
        #expect(text.errors.hasPrefix("cairn: error: \(workspace.path("bad.npy")): ") && text.errors.contains(message))
        let json = try workspace.cairn("add", "@store", "@bad.npy", "--output", "json")
        #expect(json.code == 1 && json.output == "")
        let error = try ErrorDocument(json.errors).error
        #expect(error.code == code && error.path == workspace.path("bad.npy") && error.message.contains(message))
        #expect(try workspace.counts() == Counts(100))
        #expect(try workspace.bytes("store/level0") == before)
    }

    @Test func `too few labels are refused`() throws {
        try workspace.write("new.npy", bytes: new.npy)
        try workspace.write("new.txt", labels: 1000..<1049)
        let outcome = try workspace.cairn(add([]))
        #expect(outcome.code == 1)
        #expect(outcome.errors.hasPrefix("cairn: error: \(workspace.path("new.txt")): it has 49 labels for 50 vectors"))
    }

    @Test(arguments: [Float.nan, .infinity])
    mutating func `the batches before an invalid vector stay`(value: Float) throws {
        new.rows[33][4] = value
        try workspace.write("new.npy", bytes: new.npy)
        let text = try workspace.cairn(add(["--batch", "10", "--print-acknowledged"]))
        #expect(text.code == 1)
        #expect(text.lines == ["10", "20", "30"])
        #expect(text.errors.hasPrefix("cairn: error: \(workspace.path("new.npy")): the vector in row 33 (label 1033) "))
        #expect(text.errors.hasSuffix("; rows 0 to 29 were added, go on after them with --skip 30\n"))
        #expect(try workspace.counts() == Counts(130))
        #expect(try workspace.cairn("get", "@store", "1029").code == 0)
        #expect(try workspace.cairn("get", "@store", "1030").code == 1)
        #expect(try workspace.cairn("verify", "@store").code == 0)

        try workspace.write("new.txt", labels: 2000..<2050)
        let json = try workspace.cairn(add(["--batch", "10", "--output", "json"]))
        #expect(json.code == 1 && json.output == "")
        let error = try ErrorDocument(json.errors).error
        #expect(error.code == "invalidVector" && error.path == workspace.path("new.npy") && error.added == 30)
        #expect(try workspace.counts() == Counts(160))
    }

    @Test mutating func `nothing is added where the first batch has an invalid vector`() throws {
        new.rows[33][4] = .nan
        try workspace.write("new.npy", bytes: new.npy)
        let text = try workspace.cairn(add([]))
        #expect(text.code == 1 && text.output == "")
        #expect(text.errors.contains("row 33 (label 1033)") && text.errors.hasSuffix("; nothing was added\n"))
        let error = try ErrorDocument(workspace.cairn(add(["--output", "json"])).errors).error
        #expect(error.code == "invalidVector" && error.added == 0)
        #expect(try workspace.counts() == Counts(100))
    }

    @Test(
        "a label that is there already is refused, alive or marked, and one that stands twice",
        arguments: [
            (7, "is in the store already; --upsert would replace the old vectors"),
            (8, "marked deleted; use `cairn delete --undo`, `cairn delete --erase` or `--upsert`"),
            (1001, "comes twice in the input"),
        ])
    func duplicate(label: Int, message: String) throws {
        #expect(try workspace.cairn("delete", "@store", "8", "--quiet").code == 0)
        try workspace.write("new.npy", bytes: new.npy)
        try workspace.write("new.txt", labels: (1000..<1050).map { $0 == 1044 ? label : $0 })
        let text = try workspace.cairn(add([]))
        #expect(text.code == 1)
        #expect(text.errors.hasPrefix("cairn: error: \(workspace.path("new.txt")): label \(label) (row 44) "))
        #expect(text.errors.contains(message) && text.errors.hasSuffix("; nothing was added\n"))
        #expect(try workspace.counts() == Counts(99, deleted: 1))

        // In batches of which the first has nothing wrong.
        let json = try workspace.cairn(add(["--batch", "40", "--output", "json"]))
        #expect(json.code == 1)
        let error = try ErrorDocument(json.errors).error
        #expect(error.code == "duplicateLabel" && error.path == workspace.path("new.txt") && error.added == 40)
        #expect(error.message.contains("label \(label) (row 44) "))
        #expect(try workspace.counts() == Counts(139, deleted: 1))
    }

    @Test(
        "labels of another type are to be integers, not floats",
        arguments: [("<f4", "its values are"), ("<f8", "its values are"), ("<i2", "dtype '<i2'")])
    func labelType(type: String, message: String) throws {
        try workspace.write("new.npy", bytes: new.npy)
        try workspace.write("l.npy", bytes: Npy.header(type, [50]) + [UInt8](repeating: 0, count: 400))
        if type == "<f4" {
            try workspace.write("l.npy", bytes: Npy.file(shape: [50], [Float](repeating: 1, count: 50)))
        }
        for command in [["add", "@store", "@new.npy"], ["delete", "@store"], ["build", "@other", "@new.npy"]] {
            let outcome = try workspace.cairn(command + ["--labels", "@l.npy"])
            #expect(outcome.code == 1)
            #expect(outcome.errors.hasPrefix("cairn: error: \(workspace.path("l.npy")): \(message)"))
            #expect(outcome.errors.hasSuffix(": convert it with astype(np.uint64)\n"), "\(outcome.errors)")
        }
    }

    @Test func `more rows cannot be skipped than there are`() throws {
        try workspace.write("new.npy", bytes: new.npy)
        let outcome = try workspace.cairn(add(["--skip", "51"]))
        #expect(outcome.code == 1)
        #expect(
            outcome.errors
                == "cairn: error: \(workspace.path("new.npy")): it has 50 rows, fewer than the 51 of --skip\n")
    }

    @Test mutating func `rows in errors count from the beginning of the file, whatever is skipped`() throws {
        new.rows[33][4] = .nan
        try workspace.write("new.npy", bytes: new.npy)
        let text = try workspace.cairn(add(["--batch", "10", "--skip", "5", "--print-acknowledged"]))
        #expect(text.code == 1 && text.lines == ["15", "25"])
        #expect(text.errors.contains("row 33 (label 1033) "))
        #expect(text.errors.hasSuffix("; rows 5 to 24 were added, go on after them with --skip 25\n"))
        #expect(try workspace.counts() == Counts(120))
        let json = try workspace.cairn(add(["--skip", "25", "--batch", "3", "--output", "json"]))
        #expect(try ErrorDocument(json.errors).error.added == 6)
        let none = try workspace.cairn(add(["--skip", "31"]))
        #expect(none.errors.contains("row 33 (label 1033) ") && none.errors.hasSuffix("; nothing was added\n"))
        #expect(try workspace.counts() == Counts(126))
    }

    @Test func `errors name commands that help`() throws {
        let none = try workspace.cairn("info", "@none")
        #expect(none.code == 1 && none.errors.contains("make one with `cairn create` or `cairn build`\n"))
        let there = try workspace.cairn("create", "@store", "--dim", "4")
        #expect(there.code == 1 && there.errors.contains("`cairn create` makes a new directory, `cairn add` fills"))
    }

    /// root may look everywhere.
    @Test(.enabled(if: geteuid() != 0, "root may read everything"), arguments: [0o000, 0o600])
    func `a store that may not be looked into is not said to be none`(permissions: Int) throws {
        func set(_ permissions: Int) throws {
            try FileManager.default.setAttributes(
                [.posixPermissions: permissions], ofItemAtPath: workspace.path("store"))
        }
        try set(permissions)
        defer { try? set(0o700) }
        for store in ["@store", "@store/inner"] {
            let outcome = try workspace.cairn("info", store)
            #expect(outcome.code == 1 && outcome.errors.lowercased().contains("permission denied"))
            #expect(outcome.errors.hasPrefix("cairn: error: \(workspace.path(String(store.dropFirst()))): "))
        }
    }

    @Test func `rows are labels where none are given, and the file is named that has them`() throws {
        try workspace.write("new.npy", bytes: new.npy)
        let error = try ErrorDocument(workspace.cairn("add", "@store", "@new.npy", "--output", "json").errors).error
        #expect(error.code == "duplicateLabel" && error.path == workspace.path("new.npy"))
    }

    @Test(
        "what is no store is named",
        arguments: [("@none", "notFound"), ("@vectors.npy", "notAStore")])
    func noStore(name: String, code: String) throws {
        try workspace.write("new.npy", bytes: new.npy)
        for command in [["add", name, "@new.npy"], ["delete", name, "1"], ["checkpoint", name], ["verify", name]] {
            let outcome = try workspace.cairn(command + ["--output", "json"])
            #expect(outcome.code == 1 && outcome.output == "")
            let error = try ErrorDocument(outcome.errors).error
            #expect(error.code == code && error.path == workspace.path(String(name.dropFirst())))
        }
        #expect(try !workspace.content.contains("none"))
    }

    @Test(
        "what cannot be created is refused, and nothing is left",
        arguments: [
            (["@store", "--dim", "4"], "alreadyExists", Int32(1)), (["@none/new", "--dim", "4"], "notFound", 1),
            (["@new", "--dim", "0"], "invalidArgument", 64), (["@new", "--dim", "65537"], "invalidArgument", 64),
            (["@new", "--dim", "4", "-M", "1"], "invalidArgument", 64),
        ])
    func create(arguments: [String], code: String, exitCode: Int32) throws {
        let before = try workspace.content
        let outcome = try workspace.cairn(["create"] + arguments + ["--output", "json"])
        #expect(outcome.code == exitCode && outcome.output == "")
        #expect(try ErrorDocument(outcome.errors).error.code == code)
        #expect(try workspace.content == before)
    }
}
