/// Median and 99th percentile of latency over the width of the search.
struct LatencyChart {
    private struct Series {
        /// What is written at the end of the curve.
        let name: String
        /// The classes that the style sheet knows it by.
        let style: String
        /// Whether its name is above the end of its curve, or below.
        let isUpper: Bool
        let subject: RecallSubject
        let value: (RecallRow) -> Double
    }

    /// What a point says when the pointer rests on it.
    let description: (RecallSubject, RecallRow) -> String

    private let unit: LatencyUnit
    private let series: [Series]
    private let horizontal: LogarithmicAxis
    private let widths: [Int]
    private let plot: Plot
    /// Widths that answers name, with the highest recall that each is an answer for; of several stores none is marked.
    private let highest: [Int: RecallAnswer]

    init(
        _ subjects: [RecallSubject], _ format: Plot.Format,
        description: @escaping (RecallSubject, RecallRow) -> String
    ) {
        self.description = description
        let rows = subjects.flatMap(\.rows), unit = LatencyUnit(for: rows)
        // Two colours tell the two curves of one store apart; of several each has its own, and its p99 is dashed.
        series = subjects.enumerated().flatMap { number, subject in
            let style = RecallSubject.style(number), isAlone = subjects.count == 1
            return [
                Series(
                    name: isAlone ? "p99" : "", style: isAlone ? RecallSubject.style(1) : "\(style) dashed",
                    isUpper: true,
                    subject: subject
                ) { unit.value($0.percentile99Microseconds) },
                Series(name: isAlone ? "median" : "", style: style, isUpper: false, subject: subject) {
                    unit.value($0.medianMicroseconds)
                },
            ]
        }
        self.unit = unit
        plot = Plot(
            format, height: 360, vertical: LogarithmicAxis(series.flatMap { $0.subject.rows.map($0.value) }))
        widths = Set(rows.map(\.width)).sorted()
        horizontal = LogarithmicAxis(widths.map { Double($0) }, room: 0.03)
        var highest: [Int: RecallAnswer] = [:]
        if subjects.count == 1 {
            for answer in subjects[0].answers { if let row = answer.row { highest[row.width] = answer } }
        }
        self.highest = highest
    }

    func drawn() -> Markup {
        let guides = highest.sorted { $0.key < $1.key }.map { width, answer in
            Plot.Guide(
                place: horizontal.place(Double(width)), question: "≥ \(answer.targetText)", answer: "ef \(width)")
        }
        let order = widths.filter { highest[$0] != nil } + widths.filter { highest[$0] == nil }
        let ticks = horizontal.ticks(at: order, spacing: 34 / plot.frame.width)
        return plot.svg(
            "Latency over ef: the median and the 99th percentile",
            [
                plot.axes(ticks, title: "ef: candidates per search →", quantity: "\(unit.rawValue) for a search"),
                plot.guides(guides),
                .group(series.map(drawn)),
            ])
    }

    private func drawn(_ series: Series) -> Markup {
        let chosen = series.subject.chosen
        let points = series.subject.rows.map { row in
            (x: plot.x(horizontal.place(Double(row.width))), y: plot.y(series.value(row)))
        }
        let curve = zip(points, points.dropFirst()).map { plot.line("curve \(series.style)", $0, $1) }
        let circles = zip(series.subject.rows, points).map { row, point in
            plot.circle(
                series.style, point, isChosen: chosen.contains(row.width), description(series.subject, row))
        }
        // Of several stores the legend tells which is which.
        guard series.name != "" else { return .group(curve + circles) }
        let end = points[points.count - 1]
        let name = plot.text(
            "\(series.style) strong end", (end.x + 4, end.y + (series.isUpper ? -12 : 25)), series.name)
        return .group(curve + circles + [name])
    }
}
