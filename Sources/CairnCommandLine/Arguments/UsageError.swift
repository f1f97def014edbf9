import ArgumentParser
import SystemPackage

/// What is wrong with the arguments: with the name that was probably meant, or what to do.
struct UsageError: Error {
    let message: String
    /// How the command is used; it follows the message in text.
    private let usage: String

    private init(_ message: String, of command: (any Command.Type)?) {
        let usage =
            if let command, let name = command.configuration.commandName {
                "Usage: \(Program.usageString(for: command))\n  See 'cairn help \(name)' for more information."
            } else {
                "Usage: \(Program.usageString())\n  See 'cairn help' for more information."
            }
        self.init(message: message, usage: usage)
    }

    private init(message: String, usage: String) {
        self.message = message
        self.usage = usage
    }

    /// What the parser found, in the words of this program where it has better ones.
    init(_ error: any Error, in arguments: [String]) {
        let command = arguments.first.flatMap { CommandOptions.command($0) }
        // The parser may complain of something else first, which is missing because of this.
        if let option = CommandOptions.firstUnknown(arguments) {
            self.init(Self.unknown(option, of: command), of: command)
            return
        }
        if let advice = ArgumentOrder.storeComesFirst(arguments) {
            self.init(advice, of: command)
            return
        }
        let found = Program.message(for: error)
        let text = Program.fullMessage(for: error), prefix = "Error: \(found)\n"
        self.init(message: found, usage: text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text)
    }

    /// Throws for what the parser has no good words for: a command that there is not, a number below 0 where none can
    /// be.
    static func check(_ arguments: [String]) throws(UsageError) {
        let word = arguments.first == "help" ? arguments.dropFirst().first : arguments.first
        guard let word, !word.hasPrefix("-"), word != "help" else { return }
        guard let command = CommandOptions.command(word) else {
            let meant =
                Suggestion.name(for: word, among: CommandOptions.commandNames, synonyms: synonymsOfCommands)
                ?? Suggestion.name(for: word, among: programOptions, synonyms: [:])
            if meant == nil, arguments.first == word, let advice = ArgumentOrder.commandComesFirst(arguments) {
                throw UsageError(advice, of: nil)
            }
            throw UsageError("there is no command '\(word)'" + (meant.map { "; did you mean '\($0)'?" } ?? ""), of: nil)
        }
        let options = arguments.prefix { $0 != "--" }
        guard let number = options.first(where: { CommandOptions.isNegative($0) }) else { return }
        let isLabel = word == "get" || word == "delete"
        throw UsageError(
            isLabel
                ? "\(number) is no label: labels are whole numbers from 0 to \(UInt64.max)"
                : unknown(number, of: command), of: command)
    }

    private static func unknown(_ option: String, of command: (any Command.Type)?) -> String {
        guard let command, let name = command.configuration.commandName else {
            let meant = Suggestion.name(for: option, among: programOptions, synonyms: synonymsOfProgramOptions)
            let advice =
                meant.map { "did you mean '\($0)'?" } ?? "write options after it, as in `cairn info STORE --quiet`"
            return "there is no option '\(option)' before the command\(meant == nil ? ":" : ";") \(advice)"
        }
        let unknown = "`cairn \(name)` has no option '\(option)'", own = CommandOptions(of: command).names
        if let advice = command.advice[option] { return "\(unknown): \(advice)" }
        let meant = Suggestion.name(for: option, among: own, synonyms: synonymsOfOptions)
        let isSame = meant.map { Suggestion.letters(of: $0) == Suggestion.letters(of: option) } ?? false
        let owners = CommandOptions.commands.filter { CommandOptions(of: $0).names.contains(option) }
            .compactMap { $0.configuration.commandName }
        if !isSame && !owners.isEmpty {
            return "\(unknown); \(owners.joined(separator: ", ")) \(owners.count == 1 ? "has" : "have") one"
        }
        return unknown + (meant.map { "; did you mean '\($0)'?" } ?? "")
    }

    /// Prints it in the form of all other errors.
    func print(as format: OutputFormat) {
        guard !format.isJSON else {
            return Failure(code: "usage", message, exitCode: .validationFailure).print(as: format)
        }
        _ = try? FileDescriptor.standardError.writeAll("cairn: error: \(message)\n\(usage)\n".utf8)
    }

    /// What the program takes without a command.
    private static let programOptions = ["--version", "--help"]
    private static let synonymsOfProgramOptions = ["v": "--version", "?": "--help", "usage": "--help"]

    /// What other programs call things, and what to suggest then.
    private static let synonymsOfCommands = [
        "new": "create", "init": "create", "insert": "add", "append": "add", "upsert": "add", "update": "add",
        "remove": "delete", "rm": "delete", "erase": "delete", "undelete": "delete", "query": "search",
        "find": "search",
        "knn": "search", "ls": "labels", "list": "labels", "show": "info", "stat": "info", "stats": "info",
        "status": "info", "check": "verify", "fsck": "verify", "fix": "repair", "import": "convert",
        "export": "convert",
        "copy": "convert", "codes": "quantize", "config": "set", "benchmark": "recall", "bench": "recall",
        "evaluate": "recall", "index": "build", "load": "build", "sync": "checkpoint",
    ]

    private static let synonymsOfOptions = [
        "json": "--output json", "jsonl": "--output jsonl", "tsv": "--output tsv", "format": "--output", "n": "-k",
        "top": "-k", "topk": "-k", "count": "-k", "neighbors": "-k", "neighbours": "-k", "efsearch": "--ef",
        "efruntime": "--ef", "width": "--ef", "efc": "--ef-construction", "dims": "--dim", "dimension": "--dim",
        "dimensions": "--dim", "d": "--dim", "space": "--metric", "distance": "--metric", "dtype": "--scalar",
        "type": "--scalar", "connectivity": "-M", "codes": "--quantization", "quantize": "--quantization",
        "ids": "--labels",
        "jobs": "--threads", "j": "--threads", "workers": "--threads", "silent": "--quiet", "q": "--quiet",
        "ram": "--memory", "offset": "--skip", "start": "--skip", "bruteforce": "--exact", "only": "--filter",
        "range": "--radius", "within": "--radius", "maxdistance": "--radius", "similar": "--like", "label": "--like",
    ]
}
