/// Which width to choose for a recall.
struct RecallAnswer {
    let target: Double
    /// The narrowest measured width that finds so much; nil where none does.
    let row: RecallRow?

    /// The recalls that people ask for.
    static let targets = [0.9, 0.95, 0.98, 0.99, 0.995]

    /// The answers that `rows`, in the order of widths, give.
    static func all(from rows: [RecallRow]) -> [RecallAnswer] {
        targets.map { target in RecallAnswer(target: target, row: rows.first { $0.recall >= target }) }
    }

    var targetText: String { fixed(target, decimals: target == 0.995 ? 3 : 2) }
}
