import MappedStorage
import SystemPackage

/// Arguments that are the wrong way round: a store or a file before the command; a file or a label where the store
/// should be, and a store, or the name of one, where these should be.
enum ArgumentOrder {
    /// Throws for a command that is written `cairn NAME STORE FILE …` if that looks so. `isNew`: the command makes the
    /// store.
    static func check(store: FilePath, file: FilePath, of command: String, isNew: Bool = false) throws {
        guard Directory.isRegularFile(store), isStore(file) || isNew && isNameOfStore(file) else { return }
        throw Failure(
            usage:
                "\(store) is a file and \(file) \(isStore(file) ? "a store" : "the name of a store"): the store comes first, as in "
                + "cairn \(command) \(file) \(store)")
    }

    /// What to say where the first word is no command, but a store or a file, or else the second one is a command.
    static func commandComesFirst(_ arguments: [String]) -> String? {
        guard let word = arguments.first, let path = FilePath(argument: word) else { return nil }
        let kind =
            isStore(path) ? "a store" : Directory.isRegularFile(path) ? "a file" : isNameOfStore(path) ? "a name" : nil
        let next = arguments.dropFirst().first.flatMap { CommandOptions.command($0) == nil ? nil : $0 }
        guard kind != nil || next != nil else { return nil }
        let subject = kind.map { "'\(word)' is \($0) and no command" } ?? "there is no command '\(word)'"
        let example =
            next.map { [$0, word] + arguments.dropFirst(2) }
            ?? (kind == "a store"
                ? ["info", word] : kind == "a file" ? ["build", "STORE", word] : ["build", word, "FILE"])
        return "\(subject): the command comes first, as in \(line(example))"
    }

    /// What to say of a command whose first word is not there and whose store comes after it, as in `cairn get 5
    /// STORE`.
    static func storeComesFirst(_ arguments: [String]) -> String? {
        guard let command = arguments.first, CommandOptions.command(command) != nil else { return nil }
        let words = arguments.dropFirst().prefix { $0 != "--" }.filter { !$0.hasPrefix("-") }
        guard let first = words.first.flatMap(FilePath.init(argument:)), Directory.kind(of: first) == .missing,
            let store = words.dropFirst().first(where: { FilePath(argument: $0).map(isStore) == true })
        else { return nil }
        let others = arguments.dropFirst().filter { $0 != store }
        return
            "'\(words[0])' is no store, but '\(store)' is: the store comes first, as in \(line([command, store] + others))"
    }

    private static func line(_ words: [String]) -> String {
        "cairn " + words.map(\.shellQuoted).joined(separator: " ")
    }

    private static func isStore(_ path: FilePath) -> Bool {
        Directory.kind(of: path) == .directory && Directory.kind(of: path.appending("level0")) == .other
    }

    private static func isNameOfStore(_ path: FilePath) -> Bool {
        Directory.kind(of: path) == .missing && path.extension == "cairn"
    }
}
