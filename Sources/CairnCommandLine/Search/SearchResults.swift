import Cairn

/// What a kind of search found for each query, to be printed.
protocol SearchResults {
    /// Nearest first.
    var neighbors: [[VectorStore.Neighbor]] { get }
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

    /// The same without a label of each query's own, and at most `count` for each. They must be of searches for one
    /// more.
    func leavingOut(_ labels: [Label], count: Int) -> Self
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
        func member(_ key: String, _ value: @escaping (VectorStore.Neighbor) -> JSON) -> ResultMember {
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
    let neighbors: [[VectorStore.Neighbor]]

    func leavingOut(_ labels: [Label], count: Int) -> NearestResults {
        NearestResults(
            neighbors: zip(neighbors, labels).map { row, label in Array(row.filter { $0.label != label }.prefix(count))
            })
    }
}

/// The vectors within a radius.
struct RadiusResults: SearchResults {
    let neighbors: [[VectorStore.Neighbor]]
    /// Whether there are more within the radius.
    let isTruncated: [Bool]

    func leavingOut(_ labels: [Label], count: Int) -> RadiusResults {
        let others = zip(neighbors, labels).map { row, label in row.filter { $0.label != label } }
        return RadiusResults(
            neighbors: others.map { Array($0.prefix(count)) },
            isTruncated: zip(isTruncated, others).map { $0 || $1.count > count })
    }

    func members(_ names: NameFile?, _ label: @escaping (UInt64) -> JSON) -> [ResultMember] {
        sharedMembers(names, label) + [("truncated", { .bool(isTruncated[$0]) })]
    }

    func remark(_ row: Int) -> String? {
        isTruncated[row] ? "… and more within the radius: raise -k to find them" : nil
    }
}

/// The best documents.
struct DocumentResults: SearchResults {
    /// Its nearest vectors, nearest first: one or more.
    typealias Found = (document: UInt64, neighbors: [VectorStore.Neighbor])

    let rows: [[Found]]
    /// How many neighbours of each are told; nil for the best alone, as a property of the document.
    let perDocument: Int?

    /// Also one neighbour of each document too many.
    func leavingOut(_ labels: [Label], count: Int) -> DocumentResults {
        let rows = zip(rows, labels).map { row, label in
            let others: [Found] = row.compactMap { document, neighbors in
                let rest = neighbors.filter { $0.label != label }.prefix(perDocument ?? 1)
                return rest.isEmpty ? nil : (document, Array(rest))
            }
            // One of them may have lost what made it the best.
            return Array(
                others.sorted { ($0.neighbors[0].distance, $0.document) < ($1.neighbors[0].distance, $1.document) }
                    .prefix(count))
        }
        return DocumentResults(rows: rows, perDocument: perDocument)
    }

    var neighbors: [[VectorStore.Neighbor]] { rows.map { $0.map { $0.neighbors[0] } } }
    var documents: [[UInt64]]? { rows.map { $0.map(\.document) } }
    var columns: [String] { ["rank", "document", "label", "distance"] }

    func members(_ names: NameFile?, _ label: @escaping (UInt64) -> JSON) -> [ResultMember] {
        func member(_ key: String, _ value: @escaping (Found) -> JSON) -> ResultMember {
            (key, { .array(rows[$0].map(value)) })
        }
        let members = [member("documents") { label($0.document) }] + sharedMembers(names, label)
        guard perDocument != nil else { return members }
        return members + [
            member("document_labels") { .array($0.neighbors.map { label($0.label) }) },
            member("document_distances") { .array($0.neighbors.map { .number($0.distance) }) },
        ]
    }

    func table(_ row: Int, _ names: NameFile?, isComplete: Bool) -> ResultTable {
        var table = ResultTable(columns, hasNames: names != nil)
        for (index, found) in rows[row].enumerated() {
            for neighbor in found.neighbors {
                // A document's further neighbours are below it.
                let isShown = isComplete || neighbor == found.neighbors[0]
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
