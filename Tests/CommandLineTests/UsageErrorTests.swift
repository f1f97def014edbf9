import Foundation
import Testing

@Suite("Wrong arguments")
struct UsageErrorTests {
    private let workspace: Workspace

    init() throws { workspace = try Workspace() }

    /// What is wrong with the arguments, without how the command is used.
    private func message(_ arguments: [String]) throws -> String {
        let outcome = try workspace.cairn(arguments)
        #expect(outcome.code == 64 && outcome.output == "", "\(outcome.output)")
        let line = outcome.errors.split(separator: "\n").first ?? ""
        #expect(line.hasPrefix("cairn: error: "))
        return String(line.dropFirst("cairn: error: ".count))
    }

    @Test(
        "a command that there is not gets the one that was meant, or none",
        arguments: [
            ("bild", "build"), ("serach", "search"), ("insert", "add"), ("rm", "delete"), ("ver", "verify"),
            ("Build", "build"),
            ("init", "create"), ("import", "convert"), ("query", "search"), ("version", "--version"),
            ("frobnicate", nil), ("x", nil),
        ])
    func command(word: String, meant: String?) throws {
        let expected = "there is no command '\(word)'" + (meant.map { "; did you mean '\($0)'?" } ?? "")
        #expect(try message([word, "x", "y"]) == expected)
        #expect(try message([word]) == expected)
        #expect(try message(["help", word]) == expected)
        let json = try workspace.cairn(word, "--output", "json")
        #expect(json.code == 64)
        #expect(try ErrorDocument(json.errors).error.message == expected)
    }

    @Test("help of a command that there is, and help alone, are no error")
    func help() throws {
        #expect(try workspace.cairn("help", "build").output == workspace.cairn("build", "--help").output)
        let all = try workspace.cairn("help")
        #expect(all.code == 0 && all.output.contains("\n  build "))
        for code in ["0", "1", "2", "64", "130"] { #expect(all.output.contains(code)) }
        #expect(try workspace.cairn("help", "help").code == 0)
    }

    @Test(
        "an option that a command has not gets the one that was meant",
        arguments: [
            ("build", "--M", "-M"), ("build", "-m", "-M"), ("search", "--k", "-k"), ("search", "-K", "-k"),
            ("search", "--eff", "--ef"), ("search", "--exakt", "--exact"),
            ("build", "--ef_construction", "--ef-construction"),
            ("build", "--efConstruction", "--ef-construction"), ("add", "--dur", "--durability"),
            ("create", "--dims", "--dim"),
            ("build", "--space", "--metric"), ("search", "--topk", "-k"), ("info", "--json", "--output json"),
            ("build", "--codes", "--quantization"), ("info", "--qiet", "--quiet"), ("search", "-n", "-k"),
        ])
    func option(command: String, option: String, meant: String) throws {
        let expected = "`cairn \(command)` has no option '\(option)'; did you mean '\(meant)'?"
        #expect(try message([command, "a", "b", option, "16"]) == expected)
        #expect(try message([command, "a", "b", "\(option)=16"]) == expected)
    }

    @Test(
        "no suggestion is better than a wrong one",
        arguments: [
            ("info", "--frobnicate"), ("labels", "--M"), ("search", "-x"), ("build", "--zz"),
        ])
    func noSuggestion(command: String, option: String) throws {
        let message = try message([command, "a", "b", option, "16"])
        #expect(message.hasPrefix("`cairn \(command)` has no option '\(option)'") && !message.contains("did you mean"))
    }

    @Test("an option of other commands is said to be theirs")
    func others() throws {
        #expect(
            try message(["add", "a", "b", "--ef", "5"])
                == "`cairn add` has no option '--ef'; build, create, set, search, recall have one")
        #expect(try message(["get", "a", "1", "--exact"]) == "`cairn get` has no option '--exact'; search has one")
        #expect(try message(["--quiet", "info", "a"]).contains("write options after it"))
    }

    @Test(
        "set says how to change what it cannot",
        arguments: [
            ("--metric", "cairn convert STORE COPY.cairn --metric cosine"), ("-M", "build a new one"),
            ("--scalar", "build a new one"), ("--quantization", "`cairn quantize STORE sq8`"),
        ])
    func fixed(option: String, advice: String) throws {
        #expect(try message(["set", "a", option, "x"]).contains(advice))
        #expect(try message(["set", "a", "--ef", "5", option, "x"]).contains(advice))
    }

    @Test(
        "numbers that cannot be below 0 say so",
        arguments: [
            (["search", "a", "b", "-k", "0"], "-k is 0; it must be 1 or more"),
            (["search", "a", "b", "-k", "-3"], "-k is -3; it must be 1 or more"),
            (["search", "a", "b", "--limit", "-1"], "--limit is -1; it must be 0 or more"),
            (["recall", "a", "b", "c", "-k", "-3"], "-k is -3; it must be 1 or more"),
            (["add", "a", "b", "--skip", "-1"], "--skip is -1; it must be 0 or more"),
            (["get", "a", "-5"], "-5 is no label: labels are whole numbers from 0 to 18446744073709551615"),
            (["delete", "a", "3", "-12"], "-12 is no label: labels are whole numbers from 0 to 18446744073709551615"),
            (["get", "a", "-1.5"], "-1.5 is no label: labels are whole numbers from 0 to 18446744073709551615"),
            (["build", "a", "b", "--threads", "-2"], "The value '-2' is invalid for '--threads <n>'"),
            (["search", "a", "b", "-5"], "`cairn search` has no option '-5'"),
        ])
    func numbers(arguments: [String], expected: String) throws { #expect(try message(arguments) == expected) }

    @Test(
        "a radius below 0 is refused where no distance is",
        arguments: [
            ("l2", "-1", true), ("l2", "-0.5", true), ("cosine", "-0.5", true), ("l2", "0", false),
            ("ip", "-0.5", false),
        ])
    func radius(metric: String, radius: String, isWrong: Bool) throws {
        _ = try workspace.buildStore(count: 10, dimensions: 3, "--metric", metric)
        for form in [["--radius", radius], ["--radius=\(radius)"]] {
            let outcome = try workspace.cairn(["search", "@store", "@vectors.npy"] + form)
            #expect(outcome.code == (isWrong ? 64 : 0), "\(outcome.errors)")
            #expect(
                outcome.errors.hasPrefix("cairn: error: --radius is \(radius), but no distance of \(metric) is below 0")
                    == isWrong)
        }
    }

    @Test("a number may follow the letter of its option")
    func attached() throws {
        _ = try workspace.buildStore(count: 10, dimensions: 3)
        let arguments = ["search", "@store", "@vectors.npy", "--output", "json"]
        #expect(try workspace.cairn(arguments + ["-k4"]).output == workspace.cairn(arguments + ["-k", "4"]).output)
        #expect(try workspace.cairn("build", "@b", "@vectors.npy", "-M12", "--quiet").code == 0)
        struct Info: Decodable { let m: Int }
        #expect(try workspace.json(Info.self, "info", "@b").m == 12)
    }

    @Test(
        "a store and a file the wrong way round are recognised",
        arguments: [
            ["build", "@v.npy", "@new.cairn"], ["add", "@v.npy", "@store"], ["search", "@v.npy", "@store"],
            ["recall", "@v.npy", "@store", "@v.npy"], ["build", "@v.npy", "@store"],
        ])
    func swapped(arguments: [String]) throws {
        _ = try workspace.buildStore(count: 10, dimensions: 3)
        try workspace.write("v.npy", bytes: workspace.bytes("vectors.npy"))
        let before = try workspace.content
        let located = workspace.located(arguments)
        let text = try message(arguments)
        #expect(text.contains("\(located[1]) is a file") && text.contains("the store comes first"))
        #expect(text.hasSuffix("cairn \(located[0]) \(located[2]) \(located[1])"))
        #expect(try workspace.content == before)
    }

    @Test(
        "so is what comes before the command",
        arguments: [
            (
                ["@store", "search", "@v.npy", "-k", "3"], "'@store' is a store and no command",
                "search @store @v.npy -k 3"
            ),
            (["@store"], "'@store' is a store and no command", "info @store"),
            (["@v.npy"], "'@v.npy' is a file and no command", "build STORE @v.npy"),
            (["@new.cairn", "build", "@v.npy"], "'@new.cairn' is a name and no command", "build @new.cairn @v.npy"),
            (["xyzzy", "info"], "there is no command 'xyzzy'", "info xyzzy"),
        ])
    func commandFirst(arguments: [String], subject: String, example: String) throws {
        _ = try workspace.buildStore(count: 10, dimensions: 3)
        try workspace.write("v.npy", bytes: workspace.bytes("vectors.npy"))
        let expected = "\(subject): the command comes first, as in cairn \(example)"
        #expect(try message(arguments) == expected.replacing("@", with: workspace.path("") + "/"))
    }

    @Test(
        "and a label or a kind of codes before the store",
        arguments: [
            (["get", "5", "@store"], "5", "get @store 5"), (["delete", "5", "@store", "6"], "5", "delete @store 5 6"),
            (["quantize", "sq8", "@store"], "sq8", "quantize @store sq8"),
        ])
    func storeFirst(arguments: [String], word: String, example: String) throws {
        _ = try workspace.buildStore(count: 10, dimensions: 3)
        let expected = "'\(word)' is no store, but '@store' is: the store comes first, as in cairn \(example)"
        #expect(try message(arguments) == expected.replacing("@", with: workspace.path("") + "/"))
    }

    @Test("a label in the place of queries is one for --like")
    func like() throws {
        _ = try workspace.buildStore(count: 10, dimensions: 3)
        #expect(
            try message(["search", "@store", "7"]).hasSuffix("to search for the vector of that label, write --like 7"))
        #expect(
            try message(["search", "@store", "--like", "7", "8"])
                == "write --like before each label: --like 7 --like 8")
    }

    @Test("what is converted and what it becomes, too")
    func swappedConversion() throws {
        _ = try workspace.buildStore(count: 10, dimensions: 3)
        let outcome = try workspace.cairn("convert", "@new.bin", "@store")
        #expect(outcome.code == 1 && outcome.errors.contains("what is converted comes first"))
    }
}
