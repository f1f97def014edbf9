import Foundation
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A directory of its own for a test, removed afterwards, and what tests do there.
final class Workspace {
    let directory: URL

    init() throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("cairn-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
    }

    deinit { try? FileManager.default.removeItem(at: directory) }

    /// The path of a file here.
    func path(_ name: String) -> String { directory.appendingPathComponent(name).path }

    /// Every file and directory here, at any depth.
    var content: [String] {
        get throws { try FileManager.default.subpathsOfDirectory(atPath: directory.path).sorted() }
    }

    /// Names, contents and times of change of all files of a directory here.
    func state(of directory: String) throws -> [String: FileState] {
        let names = try FileManager.default.subpathsOfDirectory(atPath: path(directory))
        return try Dictionary(
            uniqueKeysWithValues: names.map { name in
                let facts = try FileManager.default.attributesOfItem(atPath: path("\(directory)/\(name)"))
                let isFile = facts[.type] as? FileAttributeType == .typeRegular
                return (
                    name,
                    FileState(
                        modified: facts[.modificationDate] as? Date,
                        bytes: isFile ? try bytes("\(directory)/\(name)") : [])
                )
            })
    }

    func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: directory.appendingPathComponent(name))
    }

    func write(_ name: String, bytes: [UInt8]) throws {
        try Data(bytes).write(to: directory.appendingPathComponent(name))
    }

    func bytes(_ name: String) throws -> [UInt8] {
        try Array(Data(contentsOf: directory.appendingPathComponent(name)))
    }

    /// Runs the program; an argument that begins with `@` is a file here.
    @discardableResult
    func cairn(_ arguments: String...) throws -> Program.Outcome { try cairn(arguments) }

    @discardableResult
    func cairn(_ arguments: [String]) throws -> Program.Outcome { try outcome(of: nil, located(arguments)) }

    /// Runs a script of the shell here, in which `"$cairn"` is the program.
    func shell(_ script: String) throws -> Program.Outcome {
        try outcome(of: "/bin/sh", ["-c", "cd '\(directory.path)' || exit 99\n\(script)"])
    }

    private func outcome(of program: String?, _ arguments: [String]) throws -> Program.Outcome {
        let streams = FileManager.default.temporaryDirectory.appendingPathComponent("cairn-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: streams, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: streams) }
        let output = streams.appendingPathComponent("output"), errors = streams.appendingPathComponent("errors")
        let code = try Program.run(arguments, of: program, output: .file(output), errors: .file(errors))
        return Program.Outcome(
            output: try String(contentsOf: output, encoding: .utf8),
            errors: try String(contentsOf: errors, encoding: .utf8),
            code: code)
    }

    /// Arguments with `@name` made the path of `name` here.
    func located(_ arguments: [String]) -> [String] {
        arguments.map { $0.hasPrefix("@") ? path(String($0.dropFirst())) : $0 }
    }

    /// Runs the program, expects success and decodes its JSON.
    func json<Value: Decodable>(_ type: Value.Type, _ arguments: String...) throws -> Value {
        try json(type, arguments: arguments)
    }

    func json<Value: Decodable>(_ type: Value.Type, arguments: [String]) throws -> Value {
        let outcome = try cairn(arguments + ["--output", "json"])
        try #require(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.errors == "")
        #expect(outcome.lines.count == 1)
        return try JSONDecoder().decode(Value.self, from: Data(outcome.output.utf8))
    }

    /// Calls `body` with a descriptor that can be written to, but from which nobody reads.
    func withClosedPipe<Result>(_ body: (Int32) throws -> Result) throws -> Result {
        let pipe = path("pipe")
        try #require(unsafe mkfifo(pipe, 0o600) == 0)
        let reader = unsafe open(pipe, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        let writer = unsafe open(pipe, O_WRONLY | O_CLOEXEC)
        try #require(reader >= 0 && writer >= 0)
        close(reader)
        defer { close(writer) }
        return try body(writer)
    }

    /// Writes a file of labels, one on each line.
    func write(_ name: String, labels: some Sequence<Int>) throws {
        try write(name, labels.map { "\($0)\n" }.joined())
    }

    /// The facts about `store` that changes change.
    func counts() throws -> Counts { try json(Counts.self, "info", "@store") }

    /// Makes `store` of so many vectors, which are also in `vectors.npy`; options go to `cairn build`.
    func buildStore(count: Int = 200, dimensions: Int = 8, _ options: String...) throws -> TestVectors {
        let vectors = TestVectors(count: count, dimensions: dimensions, seed: 1)
        try write("vectors.npy", bytes: vectors.npy)
        let outcome = try cairn(["build", "@store", "@vectors.npy", "--quiet"] + options)
        try #require(outcome.code == 0, "\(outcome.errors)")
        return vectors
    }
}

/// A file as it was at some moment.
struct FileState: Equatable {
    let modified: Date?
    let bytes: [UInt8]
}

/// Facts that `cairn info` tells.
struct Counts: Decodable, Equatable {
    let count, deleted, free: Int

    init(_ count: Int, deleted: Int = 0, free: Int = 0) {
        self.count = count
        self.deleted = deleted
        self.free = free
    }
}

/// What an error looks like with `--output json`.
struct ErrorDocument: Decodable {
    struct Content: Decodable {
        let code: String
        let message: String
        let path: String?
        let added, changed: Int?
    }
    let error: Content

    init(_ text: String) throws {
        self = try JSONDecoder().decode(ErrorDocument.self, from: Data(text.utf8))
    }
}
