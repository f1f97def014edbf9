import ArgumentParser

/// The commands that there are, and the options of one.
struct CommandOptions {
    /// The names as they are written, and whether a value follows.
    private let takesValue: [(name: String, takesValue: Bool)]

    var names: [String] { takesValue.map(\.name) }

    /// Reads them from the command's help, where the parser tells them.
    init(of command: any ParsableCommand.Type) {
        var found: [(name: String, takesValue: Bool)] = []
        for line in Program.helpMessage(for: command, includeHidden: true, columns: 1000).split(separator: "\n")
        where line.hasPrefix("  -") {
            let words = line.split(separator: " ")
            let names = words.prefix { $0.hasPrefix("-") }
            let hasValue = words.dropFirst(names.count).first?.hasPrefix("<") == true
            for name in names { found.append((name.filter { $0 != "," }, hasValue)) }
        }
        takesValue = found
    }

    func takesValue(_ name: some StringProtocol) -> Bool {
        takesValue.contains { $0.name == name && $0.takesValue }
    }

    static let commands: [any Command.Type] = Program.configuration.subcommands.compactMap { $0 as? any Command.Type }

    static var commandNames: [String] { commands.compactMap { $0.configuration.commandName } }

    /// The command of that name.
    static func command(_ name: String) -> (any Command.Type)? {
        commands.first { $0.configuration.commandName == name }
    }

    /// The first option that the command has not, or that comes before the command.
    static func firstUnknown(_ arguments: [String]) -> String? {
        let options = arguments.first.flatMap { command($0) }.map { CommandOptions(of: $0) }
        var previous = ""
        for argument in arguments.prefix(while: { $0 != "--" }) {
            defer { previous = argument }
            guard argument.hasPrefix("-"), argument != "-", options?.takesValue(previous) != true else { continue }
            let name = String(argument.prefix { $0 != "=" })
            if options?.names.contains(name) != true && name != "--generate-completion-script" { return name }
        }
        return nil
    }

    /// Arguments in which numbers are as the parser takes them: it takes -3 for an option, and -k10 for several.
    static func joiningNumbers(_ arguments: [String]) -> [String] {
        guard arguments.contains(where: { isNegative($0) || $0.wholeMatch(of: shortWithNumber) != nil }),
            let command = arguments.first.flatMap({ Self.command($0) })
        else { return arguments }
        let options = CommandOptions(of: command)
        let end = arguments.firstIndex(of: "--") ?? arguments.endIndex
        var joined: [String] = []
        for argument in arguments[..<end] {
            if isNegative(argument), let last = joined.last, options.takesValue(last) {
                joined[joined.count - 1] += "=\(argument)"
            } else if let match = argument.wholeMatch(of: shortWithNumber), options.takesValue(match.1) {
                joined.append("\(match.1)=\(match.2)")
            } else {
                joined.append(argument)
            }
        }
        return joined + arguments[end...]
    }

    /// Whether it is written like a number below 0.
    static func isNegative(_ argument: String) -> Bool { argument.prefixMatch(of: /-\.?[0-9]/) != nil }

    private static var shortWithNumber: Regex<(Substring, Substring, Substring)> { /(-[A-Za-z])([0-9]+)/ }
}
