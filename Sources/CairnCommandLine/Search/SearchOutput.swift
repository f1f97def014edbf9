import Cairn

/// Prints what was found for each query.
struct SearchOutput {
    let found: any SearchResults
    /// The labels whose vectors were searched for; nil for queries from a file.
    let likes: [Label]?
    let names: NameFile?
    let titles: NameFile?
    let labels: LabelOptions

    private var rows: Range<Int> { found.neighbors.indices }

    func print(to output: StandardOutput, as format: OutputFormat) throws {
        switch format {
        case .text: try printText(to: output)
        case .tsv: try printTable(to: output)
        case .json:
            // Queries are told by their places.
            let members = (likes == nil ? [] : [query]) + found.members(names, labels.json)
            try output.document(.object(members.map { key, value in (key, .array(rows.map(value))) }))
        case .jsonl:
            let members = [query] + found.members(names, labels.json)
            for row in rows { try output.document(.object(members.map { key, value in (key, value(row)) })) }
        }
    }

    /// What was searched for.
    private var query: ResultMember {
        guard let likes else { return ("query", { .number($0) }) }
        return ("like", { labels.json(likes[$0]) })
    }

    private func printText(to output: StandardOutput) throws {
        for row in rows {
            if row > 0 { try output.line() }
            try output.line(titles?[Label(row)] ?? likes.map { "like \($0[row])" } ?? "query \(row)")
            for line in found.table(row, names, isComplete: false).lines { try output.line(line) }
            if let remark = found.remark(row) { try output.line(remark) }
        }
    }

    private func printTable(to output: StandardOutput) throws {
        let head = ResultTable(found.columns, hasNames: names != nil).head
        try output.row(([query.key] + head).map { .string($0) })
        for row in rows {
            for cells in found.table(row, names, isComplete: true).rows {
                try output.row([likes.map { .number($0[row]) } ?? .number(row)] + cells.map { .string($0) })
            }
        }
        let truncated = rows.count { found.remark($0) != nil }
        if truncated > 0 {
            printWarning("\(truncated) of the queries have more within the radius than is printed: raise -k to find it")
        }
    }
}
