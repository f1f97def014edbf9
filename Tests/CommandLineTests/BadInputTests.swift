import Foundation
import Testing

/// Something that must be refused: what is in the workspace besides `store`, a store of 8 dimensions, and what is said.
struct BadInput: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Files by their names.
    var files: [String: [UInt8]] = [:]
    /// After `cairn`; `@name` is a file of the workspace.
    let arguments: [String]
    let code: String
    /// The file that the error names.
    let path: String?
    let message: String
    var exitCode: Int32 = 1

    init(
        _ description: String, _ files: [String: [UInt8]] = [:], _ arguments: [String], _ code: String,
        at path: String?,
        says message: String, exitCode: Int32 = 1
    ) {
        testDescription = description
        self.files = files
        self.arguments = arguments
        self.code = code
        self.path = path
        self.message = message
        self.exitCode = exitCode
    }
}

@Suite("Bad input")
struct BadInputTests {
    /// Twenty vectors, of which one component is another.
    private static func vectors(_ value: Float, dimensions: Int = 8) -> [UInt8] {
        var vectors = TestVectors(count: 20, dimensions: dimensions, seed: 3)
        vectors.rows[13][2] = value
        return vectors.npy
    }

    private static func integers(_ value: Float) -> [UInt8] {
        var vectors = TestVectors(Array(repeating: [1, 2, 3], count: 20))
        vectors.rows[13][2] = value
        return vectors.npy
    }

    /// Data of 20 vectors behind a header of another type or shape.
    private static func headed(_ type: String, _ shape: [Int]) -> [UInt8] {
        Npy.header(type, shape) + good.dropFirst(128)
    }

    private static let good = vectors(0.5)
    private static let build = ["build", "@new", "@v.npy"]
    private static let search = ["search", "@store", "@v.npy"]

    /// The labels 0 to 18, and 4 again.
    private static var repeatedLabel: [UInt8] {
        let labels = Array(0..<19) + [4]
        return Array(labels.map { "\($0)\n" }.joined().utf8)
    }

    private static var withZeros: [UInt8] {
        var vectors = TestVectors(count: 20, dimensions: 8, seed: 3)
        vectors.rows[13] = Array(repeating: 0, count: 8)
        return vectors.npy
    }

    /// Files that are no vector files; building and searching must say the same of them.
    private static let files = unreadable(build) + unreadable(search)

    private static func unreadable(_ command: [String]) -> [BadInput] {
        let others = Array(command.dropLast())
        return [
            BadInput(
                "an empty file", ["v.npy": []], command, "invalidArgument", at: "v.npy", says: "it is empty"),
            BadInput(
                "a truncated file", ["v.npy": Array(good.dropLast(3))], command, "invalidArgument", at: "v.npy",
                says: "truncated"),
            BadInput(
                "a truncated header", ["v.npy": Array(good.prefix(60))], command, "invalidArgument", at: "v.npy",
                says: "header"),
            BadInput(
                "a header with too many rows", ["v.npy": headed("<f4", [1 << 40, 8])],
                command,
                "invalidArgument", at: "v.npy", says: "shape (1099511627776, 8)"),
            BadInput(
                "a header with too few rows", ["v.npy": headed("<f4", [19, 8])], command,
                "invalidArgument", at: "v.npy", says: "shape (19, 8)"),
            BadInput(
                "a header whose size overflows", ["v.npy": headed("<f4", [Int.max, 8])],
                command,
                "invalidArgument", at: "v.npy", says: "larger than any file"),
            BadInput(
                "numbers of another type", ["v.npy": headed("<c8", [10, 8])], command,
                "invalidArgument", at: "v.npy", says: "c8"),
            BadInput("a missing file", [:], command, "notFound", at: "v.npy", says: "there is no such file"),
            BadInput(
                "a directory in place of a file", [:], others + ["@store"], "invalidArgument", at: "store",
                says: "it is a directory"),
            BadInput(
                "a file of unknown kind", ["v.txt": Array("1 2 3".utf8)], others + ["@v.txt"],
                "invalidArgument",
                at: "v.txt", says: ".txt"),
            BadInput("not a number", ["v.npy": vectors(.nan)], command, "invalidVector", at: "v.npy", says: "13"),
            BadInput("infinity", ["v.npy": vectors(.infinity)], command, "invalidVector", at: "v.npy", says: "inf"),
            BadInput(
                "minus infinity", ["v.npy": vectors(-.infinity)], command, "invalidVector", at: "v.npy", says: "inf"),
        ]
    }

    private static let building: [BadInput] = [
        BadInput(
            "zeros with cosine", ["v.npy": withZeros], build + ["--metric", "cosine"], "invalidVector", at: "v.npy",
            says: "row 13"),
        BadInput(
            "fractions with u8", ["v.npy": integers(2.5)], build + ["--scalar", "u8"], "invalidVector", at: "v.npy",
            says: "2.5"),
        BadInput(
            "256 with u8", ["v.npy": integers(256)], build + ["--scalar", "u8"], "invalidVector", at: "v.npy",
            says: "256"),
        BadInput(
            "128 with i8", ["v.npy": integers(128)], build + ["--scalar", "i8"], "invalidVector", at: "v.npy",
            says: "128"),
        BadInput(
            "70000 with f16", ["v.npy": integers(70_000)], build + ["--scalar", "f16"], "invalidVector", at: "v.npy",
            says: "70000"),
        BadInput(
            "an array of one axis", ["v.npy": Npy.file(shape: [20], [Float](repeating: 1, count: 20))], build,
            "invalidArgument", at: "v.npy", says: "reshape"),
        BadInput(
            "a store that exists", ["v.npy": good], ["build", "@store", "@v.npy"], "alreadyExists", at: "store",
            says: "already"),
        BadInput(
            "a file where the store should be", ["v.npy": good], ["build", "@v.npy", "@v.npy"], "alreadyExists",
            at: "v.npy",
            says: "already"),
        BadInput(
            "no directory for the store", ["v.npy": good], ["build", "@none/new", "@v.npy"], "notFound", at: "none",
            says: "does not exist"),
        BadInput(
            "a label twice", ["v.npy": good, "l.txt": repeatedLabel],
            build + ["--labels", "@l.txt"], "duplicateLabel", at: "l.txt",
            says: "label 4 comes twice, in rows 4 and 19"),
        BadInput(
            "too few labels", ["v.npy": good, "l.txt": Array("1\n2\n".utf8)], build + ["--labels", "@l.txt"],
            "invalidArgument", at: "l.txt", says: "2 labels for 20 vectors"),
        BadInput(
            "too many labels", ["v.npy": good, "l.npy": Npy.file(shape: [21], (0..<21).map { Int32($0) })],
            build + ["--labels", "@l.npy"], "invalidArgument", at: "l.npy", says: "21 labels for 20 vectors"),
        BadInput(
            "a word among the labels", ["v.npy": good, "l.txt": Array("1\ntwo\n".utf8)],
            build + ["--labels", "@l.txt"],
            "invalidArgument", at: "l.txt", says: "line 2"),
        BadInput(
            "no file of labels", ["v.npy": good], build + ["--labels", "@l.txt"], "notFound", at: "l.txt",
            says: "no such file"),
        BadInput(
            "an M of 1", ["v.npy": good], build + ["-M", "1"], "invalidArgument", at: nil, says: "M is 1", exitCode: 64),
        BadInput(
            "an M of 10001", ["v.npy": good], build + ["-M", "10001"], "invalidArgument", at: nil, says: "M is 10001",
            exitCode: 64),
        BadInput(
            "an ef_construction of 0", ["v.npy": good], build + ["--ef-construction", "0"], "invalidArgument", at: nil,
            says: "ef_construction is 0", exitCode: 64),
        BadInput(
            "an ef of 0", ["v.npy": good], build + ["--ef", "0"], "invalidArgument", at: nil, says: "ef is 0",
            exitCode: 64),
        BadInput(
            "an unknown metric", ["v.npy": good], build + ["--metric", "l3"], "usage", at: nil, says: "l3", exitCode: 64
        ),
        BadInput(
            "an unknown scalar", ["v.npy": good], build + ["--scalar", "f64"], "usage", at: nil, says: "f64",
            exitCode: 64),
        BadInput(
            "no threads", ["v.npy": good], build + ["--threads", "0"], "usage", at: nil, says: "threads", exitCode: 64),
    ]

    private static let searching: [BadInput] = [
        BadInput(
            "queries of another dimension", ["v.npy": vectors(0.5, dimensions: 7)], search, "dimensionMismatch",
            at: "v.npy",
            says: "7 dimensions, the store's vectors have 8"),
        BadInput(
            "one query of another dimension", ["v.npy": Npy.file(shape: [9], [Float](repeating: 1, count: 9))], search,
            "dimensionMismatch", at: "v.npy", says: "9 dimensions, the store's vectors have 8"),
        BadInput(
            "no store", ["v.npy": good], ["search", "@none", "@v.npy"], "notFound", at: "none", says: "no store here"),
        BadInput(
            "a directory that is not a store", ["v.npy": good, "d/x": []], ["search", "@d", "@v.npy"], "notAStore",
            at: "d",
            says: "not a cairn store"),
        BadInput(
            "a file in place of a store", ["v.npy": good], ["search", "@v.npy", "@v.npy"], "notAStore", at: "v.npy",
            says: "this is a file"),
        BadInput(
            "no file of names", ["v.npy": good], search + ["--names", "@n.txt"], "notFound", at: "n.txt",
            says: "could not read the names"),
        BadInput(
            "a directory of names", ["v.npy": good], search + ["--names", "@store"], "io", at: "store",
            says: "could not read the names"),
        BadInput(
            "no file of filtered labels", ["v.npy": good], search + ["--filter", "@f.txt"], "notFound", at: "f.txt",
            says: "no such file"),
        BadInput(
            "no directory for results", ["v.npy": good], search + ["--save-labels", "@none/l.npy"], "notFound",
            at: "none", says: "there is no such directory to write to"),
        BadInput(
            "a bad query after files of results were begun", ["v.npy": vectors(.nan)],
            search + ["--save-labels", "@l.npy", "--save-distances", "@d.npy"], "invalidVector", at: "v.npy",
            says: "query 13"),
        BadInput(
            "a width of 0", ["v.npy": good], search + ["--ef", "0"], "invalidArgument", at: nil, says: "ef is 0",
            exitCode: 64),
        BadInput("a negative k", ["v.npy": good], search + ["-k=-1"], "usage", at: nil, says: "-k is -1", exitCode: 64),
        BadInput(
            "a negative limit", ["v.npy": good], search + ["--limit=-1"], "usage", at: nil, says: "--limit is -1",
            exitCode: 64),
        BadInput(
            "files of results without columns", ["v.npy": good], search + ["-k", "0", "--save-labels", "@l.npy"],
            "usage",
            at: nil, says: "-k is 0", exitCode: 64),
        BadInput(
            "memory in no unit", ["v.npy": good], search + ["--memory", "4X"], "usage", at: nil, says: "4X",
            exitCode: 64),
        BadInput(
            "a recall of nothing", ["v.npy": good], ["recall", "@store", "@v.npy", "@v.npy", "-k", "0"], "usage",
            at: nil,
            says: "-k is 0", exitCode: 64),
        BadInput(
            "a recall with a width of 0", ["v.npy": good], ["recall", "@store", "@v.npy", "@v.npy", "--ef", "10,0"],
            "usage",
            at: nil, says: "10,0", exitCode: 64),
    ]

    @Test("is refused with its reason, and nothing is left", arguments: files + building + searching)
    func refused(input: BadInput) throws {
        let workspace = try Workspace()
        _ = try workspace.buildStore(count: 20)
        for (name, bytes) in input.files {
            let directory = workspace.directory.appendingPathComponent(name).deletingLastPathComponent()
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
            try workspace.write(name, bytes: bytes)
        }
        let before = try workspace.content

        let text = try workspace.cairn(input.arguments)
        #expect(text.code == input.exitCode)
        #expect(text.output == "")
        let place = input.path.map { workspace.path($0) + ": " } ?? ""
        let line = text.errors.split(separator: "\n").first ?? ""
        #expect(line.hasPrefix("cairn: error: \(place)"), "\(text.errors)")
        #expect(line.contains(input.message), "\(text.errors)")
        if input.code != "usage" { #expect(text.errors == line + "\n", "one line") }

        let json = try workspace.cairn(input.arguments + ["--output", "json"])
        #expect(json.code == input.exitCode)
        #expect(json.output == "")
        let error = try ErrorDocument(json.errors).error
        #expect(error.code == input.code)
        #expect(error.path == input.path.map { workspace.path($0) })
        #expect(error.message.contains(input.message))

        #expect(try workspace.content == before)
    }
}
