/// What searches by codes lose of the recall that the same searches by vectors have, in one graph.
package struct SearchLoss: Sendable, Hashable {
    /// The widths (ef) that are measured, for ten neighbours.
    package static let widths = [10, 20, 50, 100, 200]
    /// Neighbours that are looked for.
    static let neighbors = 10
    /// What codes may lose of recall@10 at any of the widths; more, and a store does not use them.
    package static let promise = 0.005

    /// What was seen at one width.
    package struct Row: Sendable, Hashable {
        package let width: Int
        /// The share of the nearest that searches by vectors found.
        package let recall: Double
        /// That less the share that searches by codes found; below 0 where they found more.
        package let lost: Double
        /// The standard error of `lost`.
        package let deviation: Double

        package init(width: Int, recall: Double, lost: Double, deviation: Double = 0) {
            (self.width, self.recall, self.lost, self.deviation) = (width, recall, lost, deviation)
        }
    }

    /// How many of the graph's vectors were searched for.
    package let queries: Int
    /// The share of them that the codes' grid did not reach, so that they were searched for by vectors after all.
    package let beyond: Double
    /// Of widths that are not exact scans.
    package let rows: [Row]

    package init(queries: Int, beyond: Double = 0, rows: [Row]) {
        (self.queries, self.beyond, self.rows) = (queries, beyond, rows)
    }

    /// The standard error if one more query had lost everything: what few vectors have may not have been seen yet. Not
    /// asked of small stores, which will soon be measured again.
    private var rareLoss: Double { queries < 128 ? 0 : 1 / Double(queries) }

    /// The row that lost most.
    package var worst: Row? { rows.max { $0.lost < $1.lost } }

    /// What a measurement says so far of the promise.
    package enum Verdict: Sendable { case keeps, breaks, undecided }

    /// Undecided while chance may have brought it about: more queries will tell.
    package var verdict: Verdict {
        if rows.contains(where: { $0.lost - 2 * $0.deviation > Self.promise }) { return .breaks }
        return rows.allSatisfy { $0.lost + 2 * max($0.deviation, rareLoss) <= Self.promise } ? .keeps : .undecided
    }

    /// The most that may be lost: what was seen, or where chance may have hidden more, that.
    package var bound: Row? {
        let rows = rows.map { row in
            row.lost > Self.promise
                ? row
                : Row(width: row.width, recall: row.recall, lost: min(1, row.lost + 2 * row.deviation))
        }
        return rows.max { $0.lost < $1.lost }
    }

    /// Whether more is lost than chance explains.
    package var breaksPromise: Bool { rows.contains { $0.lost - $0.deviation > Self.promise } }

    /// What it says in the end; where chance could still decide, that is left its part.
    package var keepsPromise: Bool {
        switch verdict {
        case .keeps: true
        case .breaks: false
        case .undecided: rows.allSatisfy { $0.lost <= 0.6 * Self.promise }
        }
    }
}
