import ArgumentParser

/// How results are printed.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
    /// For people.
    case text
    /// A tab between columns, under a line of their names; facts of one thing as lines of name and value.
    case tsv
    /// One document.
    case json
    /// A document on each line.
    case jsonl

    /// Whether errors are JSON too.
    var isJSON: Bool { self == .json || self == .jsonl }

    /// What arguments ask for that could not be parsed.
    init(askedForBy arguments: [String]) {
        let option = "--output"
        let values =
            arguments.compactMap { $0.hasPrefix("\(option)=") ? String($0.dropFirst(option.count + 1)) : nil }
            + zip(arguments, arguments.dropFirst()).compactMap { $0 == option ? $1 : nil }
        self = values.last.flatMap(Self.init(rawValue:)) ?? .text
    }
}

extension StandardOutput {
    /// Prints facts about one thing, in JSON as one document; as text these lines, and with --quiet none.
    func facts(
        _ facts: [(key: String, value: JSON)], as common: CommonOptions, text lines: @autoclosure () throws -> [String]
    ) throws {
        switch common.output {
        case .json, .jsonl: try document(.object(facts))
        case .tsv: for (key, value) in facts { try row([.string(key), value]) }
        case .text where !common.quiet: for text in try lines() { try line(text) }
        case .text: break
        }
    }

    /// Prints a row of a table as TSV: strings as they are but for tabs, ends of lines and backslashes, which are
    /// written \t, \n, \r and \\; nothing for null; lists as JSON.
    func row(_ cells: [JSON]) throws { try line(cells.map(\.cell).joined(separator: "\t")) }
}

extension JSON {
    fileprivate var cell: String {
        switch self {
        case .string(let string):
            var cell = ""
            for scalar in string.unicodeScalars {
                switch scalar {
                case "\\": cell += "\\\\"
                case "\t": cell += "\\t"
                case "\n": cell += "\\n"
                case "\r": cell += "\\r"
                default: cell.unicodeScalars.append(scalar)
                }
            }
            return cell
        case .literal("null"): return ""
        default: return text
        }
    }
}
