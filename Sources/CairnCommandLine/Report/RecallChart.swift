/// A chart of something over recall, as SVG: each measured point, and lines at the recalls that people ask for.
struct RecallChart {
    struct Series {
        let name: String
        /// The class that the style sheet knows it by.
        let style: String
        let value: (RecallRow) -> Double
    }

    let title: String
    /// What the vertical axis counts, unit included.
    let quantity: String
    /// At least one, in the order of widths.
    let rows: [RecallRow]
    let answers: [RecallAnswer]
    let series: [Series]
    /// What a point says when the pointer rests on it.
    let description: (RecallRow) -> String
    let k: Int
    let height: Double

    private static let width = 960.0
    private static let left = 92.0
    private static let right = 24.0
    private static let top = 66.0
    private static let bottom = 56.0

    private var plot: Box {
        Box(
            x: Self.left, y: Self.top, width: Self.width - Self.left - Self.right,
            height: height - Self.top - Self.bottom)
    }

    func drawn() -> Markup {
        let horizontal = RecallAxis(
            rows.map(\.recall), targets: answers.map(\.target), spacing: 50 / plot.width)
        let vertical = LogarithmicAxis(series.flatMap { rows.map($0.value) })
        let drawing = Drawing(
            chart: self, plot: plot, horizontal: horizontal, vertical: vertical,
            chosen: Set(answers.compactMap { $0.row?.width }))
        return .element(
            "svg",
            attributes: [
                ("viewBox", "0 0 \(number(Self.width)) \(number(height))"), ("role", "img"), ("aria-label", title),
            ],
            [
                drawing.grid(), drawing.guides(), drawing.axes(Self.width), drawing.curves(), drawing.points(),
                drawing.labels(),
            ])
    }

    /// A coordinate: a tenth of a pixel is enough.
    static func number(_ value: Double) -> String { fixed(value, decimals: 1) }
    private func number(_ value: Double) -> String { Self.number(value) }
}

/// The parts of one chart, from the back to the front.
private struct Drawing {
    let chart: RecallChart
    let plot: Box
    let horizontal: RecallAxis
    let vertical: LogarithmicAxis
    /// The widths that answers name.
    let chosen: Set<Int>

    private var bottom: Double { plot.y + plot.height }

    func grid() -> Markup {
        .group(
            horizontal.ticks.map { line("grid", x($0.place), plot.y, x($0.place), bottom) }
                + vertical.ticks.map { line("grid", plot.x, y($0.place), plot.x + plot.width, y($0.place)) })
    }

    /// A line at each target, and above it the width to choose.
    func guides() -> Markup {
        let shown = chart.answers.filter { horizontal.shows($0.target) }
        guard !shown.isEmpty else { return .group([]) }
        return .group(
            [
                text("soft end", plot.x - 14, plot.y - 32, "for recall"),
                text("strong end", plot.x - 14, plot.y - 13, "choose"),
            ]
                + shown.flatMap { answer in
                    let x = x(horizontal.place(answer.target))
                    return [
                        line(answer.row == nil ? "guide none" : "guide", x, plot.y - 6, x, bottom),
                        text("soft middle", x, plot.y - 32, "≥ \(answer.targetText)"),
                        text(
                            answer.row == nil ? "soft middle" : "strong middle", x, plot.y - 13,
                            answer.row.map { "ef \($0.width)" } ?? "none"),
                    ]
                })
    }

    func axes(_ width: Double) -> Markup {
        var parts = [line("axis", plot.x, bottom, plot.x + plot.width, bottom)]
        if let breakPlace = horizontal.breakPlace {
            let x = x(breakPlace)
            parts.append(line("paper", x - 4, bottom, x + 4, bottom))
            parts += [-4.0, 4].map { line("axis", x + $0 - 4, bottom + 6, x + $0 + 4, bottom - 6) }
        }
        for tick in horizontal.ticks {
            parts.append(line("axis", x(tick.place), bottom, x(tick.place), bottom + 5))
            parts.append(text("middle", x(tick.place), bottom + 21, tick.label))
        }
        parts += vertical.ticks.map { text("end", plot.x - 9, y($0.place) + 4.5, $0.label) }
        let middle = plot.x + plot.width / 2
        parts.append(
            text("soft middle", middle, bottom + 44, "recall@\(chart.k): the share of true neighbours found →"))
        parts.append(text("strong", 4, 16, chart.quantity))
        return .group(parts)
    }

    func curves() -> Markup {
        .group(
            chart.series.flatMap { series in
                segments(series).map { segment in
                    line(
                        "curve \(series.style)" + (segment.isBroken ? " broken" : ""), segment.start.x,
                        segment.start.y, segment.end.x, segment.end.y)
                }
            })
    }

    func points() -> Markup {
        .group(
            chart.series.flatMap { series in
                chart.rows.map { row in
                    let point = point(row, series), isChosen = chosen.contains(row.width)
                    return .element(
                        "circle",
                        attributes: [
                            ("class", series.style + (isChosen ? " chosen" : "")),
                            ("cx", RecallChart.number(point.x)), ("cy", RecallChart.number(point.y)),
                            ("r", isChosen ? "6" : "4"),
                        ], [.element("title", [:], .text(chart.description(row)))])
                }
            })
    }

    /// The width beside each point of the first series, those that answers name first; and the names of several series.
    func labels() -> Markup {
        var placing = LabelPlacing(frame: Box(x: plot.x, y: plot.y, width: plot.width, height: plot.height - 2))
        for series in chart.series {
            for segment in segments(series) { placing.avoid(from: segment.start, to: segment.end) }
            for row in chart.rows {
                let point = point(row, series)
                placing.avoid(Box(x: point.x - 6, y: point.y - 6, width: 12, height: 12))
            }
        }
        for answer in chart.answers where horizontal.shows(answer.target) {
            let x = x(horizontal.place(answer.target))
            placing.avoid(Box(x: x - 1, y: plot.y, width: 2, height: plot.height))
        }
        var parts: [Markup] = []
        if chart.series.count > 1, let last = chart.rows.max(by: { $0.recall < $1.recall }) {
            for series in chart.series {
                let width = 7.4 * Double(series.name.count)
                guard let box = placing.place(width: width, height: 16, near: point(last, series)) else { continue }
                parts.append(text("\(series.style) strong", box.x, box.y + 12.5, series.name))
            }
        }
        let order = chart.rows.filter { chosen.contains($0.width) } + chart.rows.filter { !chosen.contains($0.width) }
        for row in order {
            let isChosen = chosen.contains(row.width), label = isChosen ? "ef \(row.width)" : "\(row.width)"
            let width = (isChosen ? 7.8 : 7.4) * Double(label.count) + 2, point = point(row, chart.series[0])
            guard let box = placing.place(width: width, height: 15, near: point) else { continue }
            parts.append(text(isChosen ? "strong middle" : "soft middle", box.x + width / 2, box.y + 12, label))
        }
        return .group(parts)
    }

    private struct Segment {
        let start, end: (x: Double, y: Double)
        /// Whether it crosses the break of the axis, where it shows no distances.
        let isBroken: Bool
    }

    private func segments(_ series: RecallChart.Series) -> [Segment] {
        zip(chart.rows, chart.rows.dropFirst()).map { one, next in
            Segment(
                start: point(one, series), end: point(next, series),
                isBroken: (one.recall < 1) != (next.recall < 1))
        }
    }

    private func point(_ row: RecallRow, _ series: RecallChart.Series) -> (x: Double, y: Double) {
        (x(horizontal.place(row.recall)), y(vertical.place(series.value(row))))
    }

    private func x(_ place: Double) -> Double { plot.x + place * plot.width }

    private func y(_ place: Double) -> Double { bottom - place * plot.height }

    private func line(_ style: String, _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> Markup {
        .element(
            "line",
            attributes: [
                ("class", style), ("x1", RecallChart.number(x1)), ("y1", RecallChart.number(y1)),
                ("x2", RecallChart.number(x2)), ("y2", RecallChart.number(y2)),
            ], [])
    }

    private func text(_ style: String, _ x: Double, _ y: Double, _ content: String) -> Markup {
        .element(
            "text",
            attributes: [("class", style), ("x", RecallChart.number(x)), ("y", RecallChart.number(y))],
            [.text(content)])
    }
}
