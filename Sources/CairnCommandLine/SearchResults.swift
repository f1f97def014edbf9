import Cairn

/// What a kind of search found for each query, to be printed.
protocol SearchResults {
    /// Nearest first.
    var neighbors: [[Neighbor]] { get }
    /// The document of each of these, if the search was for documents.
    var documents: [[UInt64]]? { get }

    func document(_ names: NameFile?) -> JSON

    /// The lines for a query.
    func table(_ row: Int, _ names: NameFile?) -> [String]
}

extension SearchResults {
    var documents: [[UInt64]]? { nil }

    func document(_ names: NameFile?) -> JSON { .object(members(names)) }

    func table(_ row: Int, _ names: NameFile?) -> [String] { lines(neighbors[row], names) }

    /// The keys that every kind has.
    func members(_ names: NameFile?) -> [(key: String, value: JSON)] {
        func array(_ value: (Neighbor) -> JSON) -> JSON { .array(neighbors.map { .array($0.map(value)) }) }
        var members = [
            (key: "labels", value: array { .number($0.label) }),
            (key: "distances", value: array { .number($0.distance) }),
        ]
        if let names {
            members.append((key: "names", value: array { names[$0.label].map { .string($0) } ?? .null }))
        }
        return members
    }

    private func lines(_ neighbors: [Neighbor], _ names: NameFile?) -> [String] {
        if neighbors.isEmpty { return [] }
        let columns = [
            ["rank"] + neighbors.indices.map { "\($0 + 1)" }, ["label"] + neighbors.map { "\($0.label)" },
            ["distance"] + neighbors.map { shortest($0.distance) },
        ]
        return aligned(
            columns, least: [6, 0, 0], last: names.map { names in ["name"] + neighbors.map { names[$0.label] } })
    }
}

/// Columns of numbers beside each other, each as wide as its widest and at least so wide, and behind them texts, where there
/// are some.
func aligned(_ columns: [[String]], least: [Int], last: [String?]? = nil) -> [String] {
    let widths = zip(columns, least).map { column, least in max(least, column.map(\.count).max() ?? 0) }
    return columns[0].indices.map { row in
        let line = zip(columns, widths).map { $0[row].padded(to: $1) }.joined(separator: "  ")
        guard let text = last?[row], !text.isEmpty else { return line }
        return line + "  " + text
    }
}

/// The nearest vectors.
struct NearestResults: SearchResults {
    let neighbors: [[Neighbor]]
}

/// The vectors within a radius.
struct RadiusResults: SearchResults {
    let rows: [RadiusResult]

    var neighbors: [[Neighbor]] { rows.map(\.neighbors) }

    func document(_ names: NameFile?) -> JSON {
        .object(members(names) + [(key: "truncated", value: .array(rows.map { .bool($0.isTruncated) }))])
    }

    func table(_ row: Int, _ names: NameFile?) -> [String] {
        let lines = NearestResults(neighbors: [rows[row].neighbors]).table(0, names)
        guard rows[row].isTruncated else { return lines }
        return lines + ["… and more within the radius: raise -k to find them"]
    }
}

/// The best documents. `showsAll`: all neighbours that came with them are told, and not only the best.
struct DocumentResults: SearchResults {
    let rows: [[FoundDocument]]
    let showsAll: Bool

    var neighbors: [[Neighbor]] { rows.map { $0.map(\.best) } }
    var documents: [[UInt64]]? { rows.map { $0.map(\.document) } }

    func document(_ names: NameFile?) -> JSON {
        func array(_ value: (FoundDocument) -> JSON) -> JSON { .array(rows.map { .array($0.map(value)) }) }
        func all(_ value: @escaping (Neighbor) -> JSON) -> JSON { array { .array($0.neighbors.map(value)) } }
        var members = [(key: "documents", value: array { .number($0.document) })] + members(names)
        if showsAll {
            members.append((key: "document_labels", value: all { .number($0.label) }))
            members.append((key: "document_distances", value: all { .number($0.distance) }))
        }
        return .object(members)
    }

    func table(_ row: Int, _ names: NameFile?) -> [String] {
        if rows[row].isEmpty { return [] }
        var columns = [["rank"], ["document"], ["label"], ["distance"]]
        var last: [String?] = ["name"]
        for (index, found) in rows[row].enumerated() {
            for neighbor in found.neighbors.prefix(showsAll ? .max : 1) {
                // A document's further neighbours stand below it.
                let isBest = neighbor == found.best
                columns[0].append(isBest ? "\(index + 1)" : "")
                columns[1].append(isBest ? "\(found.document)" : "")
                columns[2].append("\(neighbor.label)")
                columns[3].append(shortest(neighbor.distance))
                last.append(names?[neighbor.label])
            }
        }
        return aligned(columns, least: [6, 0, 0, 0], last: names == nil ? nil : last)
    }
}
