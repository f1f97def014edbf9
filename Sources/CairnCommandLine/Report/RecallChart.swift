/// Queries a second over recall: each measured point with its width, and lines at the recalls that people ask for.
struct RecallChart {
    /// At least one, in the order of widths.
    let rows: [RecallRow]
    let answers: [RecallAnswer]
    /// What a point says when the pointer rests on it.
    let description: (RecallRow) -> String
    let k: Int

    private let horizontal: RecallAxis
    private let plot: Plot
    /// The widths that answers name.
    private let chosen: Set<Int>

    init(rows: [RecallRow], answers: [RecallAnswer], k: Int, description: @escaping (RecallRow) -> String) {
        self.rows = rows
        self.answers = answers
        self.k = k
        self.description = description
        plot = Plot(height: 470, vertical: LogarithmicAxis(rows.map(\.queriesPerSecond)))
        horizontal = RecallAxis(
            rows.map(\.recall), targets: answers.map(\.target), spacing: 50 / plot.frame.width)
        chosen = Set(answers.compactMap { $0.row?.width })
    }

    func drawn() -> Markup {
        let guides = shownAnswers.map { answer in
            Plot.Guide(
                place: horizontal.place(answer.target), question: "≥ \(answer.targetText)",
                answer: answer.row.map { "ef \($0.width)" })
        }
        return plot.svg(
            "Queries a second over recall, with the ef of each point",
            [
                plot.axes(
                    horizontal.ticks, title: "recall@\(k): the share of true neighbours found →",
                    quantity: "queries a second ↑", breakPlace: horizontal.breakPlace),
                plot.guides(guides, heads: ("for recall", "choose")),
                .group(segments.map { plot.line("curve first" + ($0.isBroken ? " broken" : ""), $0.start, $0.end) }),
                .group(
                    (rows.filter { !chosen.contains($0.width) } + rows.filter { chosen.contains($0.width) }).map {
                        plot.circle("first", point($0), isChosen: chosen.contains($0.width), description($0))
                    }),
                labels,
            ])
    }

    private var shownAnswers: [RecallAnswer] { answers.filter { horizontal.shows($0.target) } }

    /// The width beside each point that has room for it, those that answers name first.
    private var labels: Markup {
        let frame = plot.frame
        var placing = LabelPlacing(frame: Box(x: frame.x, y: frame.y, width: frame.width, height: frame.height - 2))
        for segment in segments { placing.avoid(from: segment.start, to: segment.end) }
        for row in rows {
            let point = point(row)
            placing.avoid(Box(x: point.x - 6, y: point.y - 6, width: 12, height: 12))
        }
        for answer in shownAnswers {
            let x = plot.x(horizontal.place(answer.target))
            placing.avoid(Box(x: x - 1, y: frame.y, width: 2, height: frame.height))
        }
        let order = rows.filter { chosen.contains($0.width) } + rows.filter { !chosen.contains($0.width) }
        return .group(
            order.compactMap { row in
                let isChosen = chosen.contains(row.width), label = "ef \(row.width)"
                let width = (isChosen ? 8.0 : 7.4) * Double(label.count) + 2
                // Farther away, nobody would know whose it is; but an answer must have one.
                let box = placing.place(width: width, height: 15, near: point(row), reach: isChosen ? 50 : 13)
                guard let box else { return nil }
                return plot.text(
                    isChosen ? "strong middle" : "soft middle", (box.x + width / 2, box.y + 12), label)
            })
    }

    private struct Segment {
        let start, end: Plot.Point
        /// Whether it crosses the break of the axis, where it shows no distances.
        let isBroken: Bool
    }

    private var segments: [Segment] {
        zip(rows, rows.dropFirst()).map { one, next in
            Segment(start: point(one), end: point(next), isBroken: (one.recall < 1) != (next.recall < 1))
        }
    }

    private func point(_ row: RecallRow) -> Plot.Point {
        (plot.x(horizontal.place(row.recall)), plot.y(row.queriesPerSecond))
    }
}
