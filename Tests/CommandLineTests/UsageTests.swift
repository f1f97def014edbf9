import Foundation
import Testing

@Suite("Usage and streams")
struct UsageTests {
    private let workspace: Workspace

    init() throws { workspace = try Workspace() }

    private static let commands = [
        "build", "create", "info", "set", "verify", "checkpoint", "repair", "add", "delete", "search", "get", "labels",
        "recall",
        "convert",
    ]

    @Test("--version prints the newest version of the changelog")
    func version() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let changelog = try String(contentsOf: folder.appending(path: "../../CHANGELOG.md"), encoding: .utf8)
        let newest = try #require(changelog.firstMatch(of: /(?m)^## ([0-9.]+) \(/))
        let outcome = try workspace.cairn("--version")
        #expect(outcome.code == 0 && outcome.output == "\(newest.1)\n" && outcome.errors == "")
    }

    @Test("help lists every command")
    func overview() throws {
        let outcome = try workspace.cairn("--help")
        #expect(outcome.code == 0)
        for command in Self.commands { #expect(outcome.output.contains("\n  \(command) ")) }
    }

    @Test("every command has help with an example and the options that all have", arguments: commands)
    func help(command: String) throws {
        let outcome = try workspace.cairn(command, "--help")
        #expect(outcome.code == 0 && outcome.errors == "")
        for text in ["\n  cairn \(command) ", "--output <output>", "--quiet"] { #expect(outcome.output.contains(text)) }
        let words = outcome.output.split { $0.isWhitespace }.joined(separator: " ")
        #expect(words.contains("(values: text, tsv, json, jsonl; default: text)"))
        #expect(outcome.output.split(separator: "\n").allSatisfy { $0.count <= 80 || $0.hasPrefix("USAGE") })
    }

    @Test("shells get completions for paths", arguments: ["bash", "zsh", "fish"])
    func completion(shell: String) throws {
        let outcome = try workspace.cairn("--generate-completion-script", shell)
        #expect(outcome.code == 0 && outcome.output.contains("fvecs"))
    }

    @Test(
        "wrong arguments end with 64 and say how it is used",
        arguments: [
            ["frobnicate"], ["search"], ["search", "a"], ["get", "a", "x"], ["info", "a", "--nonsense"], ["set", "a"],
            ["info", ""], ["create", "a"], ["create", "a", "--dim", "x"], ["add", "a"],
            ["add", "a", "b", "--batch", "0"],
            ["add", "a", "b", "--upsert", "--replace-deleted"], ["add", "a", "b", "--durability", "some"],
            ["add", "a", "b", "--interval", "5"], ["add", "a", "b", "--durability", "interval", "--interval", "0"],
            ["delete", "a"], ["delete", "a", "1", "--labels", "b"], ["delete", "a", "1", "--undo", "--erase"],
            ["delete", "a", "1", "--batch", "0"], ["checkpoint"], ["verify"], ["verify", "a", "--depth", "all"],
            ["search", "a", "b", "--radius", "x"], ["search", "a", "b", "--radius", "nan"],
            ["search", "a", "b", "--radius"],
            ["search", "a", "b", "--radius", "1", "--documents", "c"],
            ["search", "a", "b", "--radius", "1", "-k", "0"],
            ["search", "a", "b", "--radius", "1", "--save-labels", "c"], ["search", "a", "b", "--per-document", "2"],
            ["search", "a", "b", "--documents", "c", "--per-document", "0"],
            ["search", "a", "b", "--save-documents", "c"],
            ["search", "a", "b", "--documents", "c", "-k", "0", "--save-documents", "d"],
            ["search", "a", "b", "--radius", "1", "--per-document", "2"],
            ["convert", "a"], ["convert", "a", "b", "--from", "csv"], ["convert", "a", "b.npy", "--dim", "0"],
            ["convert", "a", "b.bin", "--max-elements", "x"],
        ])
    func wrong(arguments: [String]) throws {
        let text = try workspace.cairn(arguments)
        #expect(text.code == 64 && text.output == "")
        #expect(text.errors.hasPrefix("cairn: error: ") && text.errors.contains("\nUsage: cairn "))
        for form in [["--output", "json"], ["--output=json"]] {
            let json = try workspace.cairn(arguments + form)
            #expect(json.code == 64 && json.output == "")
            let error = try ErrorDocument(json.errors).error
            #expect(error.code == "usage" && error.path == nil && !error.message.isEmpty)
        }
    }

    @Test(
        "a reader that goes away ends it quietly",
        arguments: [["labels", "@store"], ["labels", "@store", "--output", "json"]])
    func closedPipe(arguments: [String]) throws {
        _ = try workspace.buildStore()
        let errors = workspace.directory.appendingPathComponent("errors")
        let code = try workspace.withClosedPipe {
            try Program.run(workspace.located(arguments), output: .descriptor($0), errors: .file(errors))
        }
        #expect(code == 0)
        #expect(try workspace.bytes("errors") == [])
    }

    #if os(Linux)
    @Test("results that cannot be written are an error")
    func fullDevice() throws {
        _ = try workspace.buildStore()
        let errors = workspace.directory.appendingPathComponent("errors")
        let code = try Program.run(
            workspace.located(["labels", "@store"]), output: .file(URL(fileURLWithPath: "/dev/full")),
            errors: .file(errors))
        #expect(code == 1)
        let text = try String(contentsOf: errors, encoding: .utf8)
        #expect(text.hasPrefix("cairn: error: standard output: could not write the results"))
    }
    #endif
}
