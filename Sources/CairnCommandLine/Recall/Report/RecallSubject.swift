/// What a report has a curve of: a store, and what its searches go by.
struct RecallSubject {
    /// What the report calls it.
    let name: String
    /// The path of the store.
    let path: String
    /// At least one, in the order of widths.
    let rows: [RecallRow]
    let facts: [RecallReport.Fact]

    init(name: String, path: String, rows: [RecallRow], facts: [RecallReport.Fact]) {
        self.name = name
        self.path = path
        self.rows = rows.sorted { $0.width < $1.width }
        self.facts = facts
    }

    var answers: [RecallAnswer] { RecallAnswer.all(from: rows) }
    /// The widths that answers name.
    var chosen: Set<Int> { Set(answers.compactMap { $0.row?.width }) }

    /// The class that the style sheet knows the n-th one's colour by.
    static func style(_ number: Int) -> String { "series\(number % styles)" }
    static let styles = 6
}
