/// Queries a second over recall: each measured point with its width, and lines at the recalls that people ask for.
struct RecallChart {
    /// At least one.
    let subjects: [RecallSubject]
    /// What a point says when the pointer rests on it.
    let description: (RecallSubject, RecallRow) -> String
    let k: Int

    private let horizontal: RecallAxis
    private let plot: Plot
    private let targets: [RecallAnswer]

    init(
        _ subjects: [RecallSubject], _ format: Plot.Format, k: Int,
        description: @escaping (RecallSubject, RecallRow) -> String
    ) {
        self.subjects = subjects
        self.k = k
        self.description = description
        let rows = subjects.flatMap(\.rows)
        plot = Plot(
            format, height: format == .wide ? 470 : 400, vertical: LogarithmicAxis(rows.map(\.queriesPerSecond)))
        targets = subjects[0].answers
        horizontal = RecallAxis(
            rows.map(\.recall), targets: targets.map(\.target), spacing: 50 / plot.frame.width)
    }

    func drawn() -> Markup {
        let guides = shownTargets.map { answer in
            let question = "≥ \(answer.targetText)"
            let isMissing = subjects.allSatisfy { $0.answers.first { $0.target == answer.target }?.row == nil }
            // Of several curves each has its own.
            let text = subjects.count > 1 ? "" : answer.row.map { "ef \($0.width)" } ?? "none"
            return Plot.Guide(
                place: horizontal.place(answer.target), question: question, answer: text, isMissing: isMissing)
        }
        let title = plot.format == .wide ? ": the share of true neighbours found" : ""
        return plot.svg(
            "Queries a second over recall, with the ef of each point",
            [
                plot.axes(
                    horizontal.ticks, title: "recall@\(k)\(title) →", quantity: "queries a second ↑",
                    breakPlace: horizontal.breakPlace),
                plot.guides(guides, heads: ("for recall", subjects.count > 1 ? "" : "choose")),
                .group(
                    numbered.flatMap { subject, style in
                        segments(subject).map {
                            plot.line("curve \(style)" + ($0.isBroken ? " broken" : ""), $0.start, $0.end)
                        }
                    }),
                .group(numbered.flatMap { subject, style in circles(subject, style) }),
                labels,
            ])
    }

    private var numbered: [(RecallSubject, String)] {
        subjects.enumerated().map { ($0.element, RecallSubject.style($0.offset)) }
    }

    /// Those that answers name lie over the others.
    private func circles(_ subject: RecallSubject, _ style: String) -> [Markup] {
        let chosen = subject.chosen
        let rows =
            subject.rows.filter { !chosen.contains($0.width) } + subject.rows.filter { chosen.contains($0.width) }
        return rows.map { row in
            plot.circle(style, point(row), isChosen: chosen.contains(row.width), description(subject, row))
        }
    }

    private var shownTargets: [RecallAnswer] { targets.filter { horizontal.shows($0.target) } }

    /// The width next to each point that has room for it, those that answers name first.
    private var labels: Markup {
        let frame = plot.frame
        var placing = LabelPlacing(frame: Box(x: frame.x, y: frame.y, width: frame.width, height: frame.height - 2))
        for subject in subjects {
            for segment in segments(subject) { placing.avoid(from: segment.start, to: segment.end) }
            for row in subject.rows {
                let point = point(row)
                placing.avoid(Box(x: point.x - 6, y: point.y - 6, width: 12, height: 12))
            }
        }
        for answer in shownTargets {
            let x = plot.x(horizontal.place(answer.target))
            placing.avoid(Box(x: x - 1, y: frame.y, width: 2, height: frame.height))
        }
        let points = numbered.flatMap { subject, style in
            let chosen = subject.chosen, colour = subjects.count > 1 ? style + " " : ""
            return subject.rows.map { (row: $0, isChosen: chosen.contains($0.width), colour: colour) }
        }
        let order = points.filter(\.isChosen) + points.filter { !$0.isChosen }
        return .group(
            order.compactMap { row, isChosen, colour in
                let label = "ef \(row.width)"
                let width = (isChosen ? 8.0 : 7.4) * Double(label.count) + 2
                // Farther away, nobody would know whose it is; but an answer must have one.
                let box = placing.place(width: width, height: 15, near: point(row), reach: isChosen ? 50 : 13)
                guard let box else { return nil }
                return plot.text(
                    colour + (isChosen ? "strong middle" : "soft middle"), (box.x + width / 2, box.y + 12), label)
            })
    }

    private struct Segment {
        let start, end: Plot.Point
        /// Whether it crosses the break of the axis, where it shows no distances.
        let isBroken: Bool
    }

    private func segments(_ subject: RecallSubject) -> [Segment] {
        zip(subject.rows, subject.rows.dropFirst()).map { one, next in
            Segment(start: point(one), end: point(next), isBroken: (one.recall < 1) != (next.recall < 1))
        }
    }

    private func point(_ row: RecallRow) -> Plot.Point {
        (plot.x(horizontal.place(row.recall)), plot.y(row.queriesPerSecond))
    }
}
