import Cairn

/// What a kind of search found for each query, to be printed.
protocol SearchResults {
    /// Nearest first.
    var neighbors: [[Neighbor]] { get }
    /// The document of each of these, if the search was for documents.
    var documents: [[UInt64]]? { get }

    /// What JSON has of each query, by key; `label` writes labels and documents.
    func members(_ names: NameFile?, _ label: @escaping (UInt64) -> JSON) -> [ResultMember]

    /// The names of the columns of their tables, without that for names.
    var columns: [String] { get }

    /// A query's results in rows. `isComplete`: each cell is filled, also where it is as in the row before.
    func table(_ row: Int, _ names: NameFile?, isComplete: Bool) -> ResultTable

    /// What to say below a query's results in text.
    func remark(_ row: Int) -> String?
}

/// Something that JSON has of each query.
typealias ResultMember = (key: String, value: (_ row: Int) -> JSON)

extension SearchResults {
    var documents: [[UInt64]]? { nil }

    var columns: [String] { ["rank", "label", "distance"] }

    func remark(_ row: Int) -> String? { nil }

    func members(_ names: NameFile?, _ label: @escaping (UInt64) -> JSON) -> [ResultMember] {
        sharedMembers(names, label)
    }

    func table(_ row: Int, _ names: NameFile?, isComplete: Bool) -> ResultTable {
        var table = ResultTable(columns, hasNames: names != nil)
        for (index, neighbor) in neighbors[row].enumerated() {
            table.append(["\(index + 1)", "\(neighbor.label)", shortest(neighbor.distance)], names?[neighbor.label])
        }
        return table
    }

    /// The keys that every kind has.
    fileprivate func sharedMembers(_ names: NameFile?, _ label: @escaping (UInt64) -> JSON) -> [ResultMember] {
        let rows = neighbors
        func member(_ key: String, _ value: @escaping (Neighbor) -> JSON) -> ResultMember {
            (key, { .array(rows[$0].map(value)) })
        }
        let members = [member("labels") { label($0.label) }, member("distances") { .number($0.distance) }]
        guard let names else { return members }
        return members + [member("names") { names[$0.label].map { .string($0) } ?? .null }]
    }
}

/// Rows of results under the names of their columns. The last column is of names, where there are some.
struct ResultTable {
    let head: [String]
    private(set) var rows: [[String]] = []
    private let hasNames: Bool

    init(_ columns: [String], hasNames: Bool) {
        self.hasNames = hasNames
        head = columns + (hasNames ? ["name"] : [])
    }

    mutating func append(_ cells: [String], _ name: String?) { rows.append(cells + (hasNames ? [name ?? ""] : [])) }

    /// The table for people: numbers end below each other, names begin so. Nothing where there are no rows.
    var lines: [String] {
        if rows.isEmpty { return [] }
        let all = [head] + rows, numbers = head.count - (hasNames ? 1 : 0)
        let widths = (0..<numbers).map { column in max(column == 0 ? 6 : 0, all.map { $0[column].count }.max() ?? 0) }
        return all.map { row in
            let line = zip(row, widths).map { $0.padded(to: $1) }.joined(separator: "  ")
            return hasNames && row[numbers] != "" ? line + "  " + row[numbers] : line
        }
    }
}

/// The nearest vectors.
struct NearestResults: SearchResults {
    let neighbors: [[Neighbor]]
}

/// The vectors within a radius.
struct RadiusResults: SearchResults {
    let rows: [RadiusResult]

    func members(_ names: NameFile?, _ label: @escaping (UInt64) -> JSON) -> [ResultMember] {
        sharedMembers(names, label) + [("truncated", { .bool(isTruncated[$0]) })]
    }

    func remark(_ row: Int) -> String? {
        isTruncated[row] ? "… and more within the radius: raise -k to find them" : nil
    }
}

/// The best documents. `showsAll`: all neighbours that came with them are told, and not only the best.
struct DocumentResults: SearchResults {
    let rows: [[FoundDocument]]
    let showsAll: Bool

    var neighbors: [[Neighbor]] { rows.map { $0.map(\.best) } }
    var documents: [[UInt64]]? { rows.map { $0.map(\.document) } }
    var columns: [String] { ["rank", "document", "label", "distance"] }

    func members(_ names: NameFile?, _ label: @escaping (UInt64) -> JSON) -> [ResultMember] {
        func member(_ key: String, _ value: @escaping (FoundDocument) -> JSON) -> ResultMember {
            (key, { .array(rows[$0].map(value)) })
        }
        let members = [member("documents") { label($0.document) }] + sharedMembers(names, label)
        guard showsAll else { return members }
        return members + [
            member("document_labels") { .array($0.neighbors.map { label($0.label) }) },
            member("document_distances") { .array($0.neighbors.map { .number($0.distance) }) },
        ]
    }

    func table(_ row: Int, _ names: NameFile?, isComplete: Bool) -> ResultTable {
        var table = ResultTable(columns, hasNames: names != nil)
        for (index, found) in rows[row].enumerated() {
            for neighbor in found.neighbors.prefix(showsAll ? .max : 1) {
                // A document's further neighbours stand below it.
                let isShown = isComplete || neighbor == found.best
                table.append(
                    [
                        isShown ? "\(index + 1)" : "", isShown ? "\(found.document)" : "", "\(neighbor.label)",
                        shortest(neighbor.distance),
                    ], names?[neighbor.label])
            }
        }
        return table
    }
}
