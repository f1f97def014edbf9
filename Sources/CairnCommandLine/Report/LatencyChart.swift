/// Median and 99th percentile of latency over the width of the search.
struct LatencyChart {
    private struct Series {
        let name: String
        /// The class that the style sheet knows it by.
        let style: String
        let value: (RecallRow) -> Double
    }

    /// At least one, in the order of widths.
    let rows: [RecallRow]
    let answers: [RecallAnswer]
    /// What a point says when the pointer rests on it.
    let description: (RecallRow) -> String

    private let unit: LatencyUnit
    private let series: [Series]
    private let horizontal: LogarithmicAxis
    private let plot: Plot

    init(rows: [RecallRow], answers: [RecallAnswer], description: @escaping (RecallRow) -> String) {
        self.rows = rows
        self.answers = answers
        self.description = description
        let unit = LatencyUnit(for: rows)
        let series = [
            Series(name: "p99", style: "second") { unit.value($0.percentile99Microseconds) },
            Series(name: "median", style: "first") { unit.value($0.medianMicroseconds) },
        ]
        self.unit = unit
        self.series = series
        plot = Plot(height: 360, vertical: LogarithmicAxis(series.flatMap { rows.map($0.value) }))
        horizontal = LogarithmicAxis(rows.map { Double($0.width) }, room: 0.03)
    }

    func drawn() -> Markup {
        // A width that several answers name has the highest recall above it.
        var highest: [Int: RecallAnswer] = [:]
        for answer in answers { if let row = answer.row { highest[row.width] = answer } }
        let guides = highest.sorted { $0.key < $1.key }.map { width, answer in
            Plot.Guide(
                place: horizontal.place(Double(width)), question: "≥ \(answer.targetText)", answer: "ef \(width)")
        }
        let widths = rows.map(\.width)
        let order = widths.filter { highest[$0] != nil } + widths.filter { highest[$0] == nil }
        let ticks = horizontal.ticks(at: order, spacing: 34 / plot.frame.width)
        return plot.svg(
            "Latency over ef: the median and the 99th percentile",
            [
                plot.axes(ticks, title: "ef: the width of the search →", quantity: "\(unit.rawValue) for a search"),
                plot.guides(guides, heads: ("for recall", "choose")),
                .group(series.map { drawn($0, highest) }),
            ])
    }

    private func drawn(_ series: Series, _ chosen: [Int: RecallAnswer]) -> Markup {
        let points = rows.map { row in
            (x: plot.x(horizontal.place(Double(row.width))), y: plot.y(series.value(row)))
        }
        let curve = zip(points, points.dropFirst()).map { plot.line("curve \(series.style)", $0, $1) }
        let circles = zip(rows, points).map { row, point in
            plot.circle(series.style, point, isChosen: chosen[row.width] != nil, description(row))
        }
        // The upper curve's name stands above its end, the lower one's below.
        let isUpper = series.style == "second"
        let end = points[points.count - 1]
        let name = plot.text("\(series.style) strong end", (end.x + 4, end.y + (isUpper ? -12 : 25)), series.name)
        return .group(curve + circles + [name])
    }
}
