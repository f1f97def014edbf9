/// A measurement as one page of HTML that needs nothing else: first the answers, then the curves, then all that was
/// measured.
struct RecallReport {
    struct Fact {
        let name: String
        let value: String
    }

    /// What is searched: at least one.
    let subjects: [RecallSubject]
    let k: Int
    let queryCount: Int
    let rounds: Int
    /// About the machine.
    let machine: [Fact]
    let date: String
    /// What makes this report again.
    let command: String

    var html: String {
        Markup.element(
            "html", ["lang": "en"],
            .element(
                "head", [:], .element("meta", ["charset": "utf-8"]),
                .element("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"]),
                .element(
                    "meta",
                    [
                        "http-equiv": "Content-Security-Policy",
                        "content": "default-src 'none'; style-src 'unsafe-inline'",
                    ]),
                .element("title", [:], .text("Which ef for \(title)?")), .element("style", [:], .text(Self.style))),
            .element(
                "body", [:],
                .element(
                    "main", [:], heading, banner, .group(subjects.map(answerTable)), explanation, charts,
                    .element("h2", [:], "All that was measured"), .group(subjects.map(table)), conditions))
        ).document
    }

    private var rows: [RecallRow] { subjects.flatMap(\.rows) }
    private var isAlone: Bool { subjects.count == 1 }
    private var format: RecallFormat { RecallFormat(neighbors: queryCount * k) }
    private var unit: LatencyUnit { LatencyUnit(for: rows) }
    private var title: String { subjects.map(\.name).joined(separator: " or ") }

    private var heading: Markup {
        guard isAlone else { return .element("h1", [:], "Which ef, and which of these?") }
        return .element("h1", [:], "Which ef for ", .element("b", [:], .text(subjects[0].name)), "?")
    }

    /// What makes the figures worth less than they seem, before any of them.
    private var banner: Markup {
        var sentences: [String] = []
        #if DEBUG
        sentences.append("This was a debug build: a release is about ten times as fast.")
        #endif
        if let least = rows.map(\.processorShare).min(), rows.contains(where: \.isDisturbed) {
            sentences.append(
                "Other programs used the CPU: searches had it for \(fixed(least * 100, decimals: 0)) % of their time at the worst. "
                    + "Queries a second count only that time. Latencies are longer than on a quiet machine, p99 above all: "
                    + "measure them again.")
        }
        return sentences.isEmpty
            ? .group([])
            : .element("p", ["class": "banner", "role": "status"], .text(sentences.joined(separator: " ")))
    }

    /// The name of a subject over its table, in its colour, where there are several.
    private func caption(_ subject: RecallSubject) -> Markup {
        guard !isAlone, let number = subjects.firstIndex(where: { $0.name == subject.name }) else { return .group([]) }
        return .element("h3", ["class": RecallSubject.style(number)], .text(subject.name))
    }

    private func answerTable(_ subject: RecallSubject) -> Markup {
        .group([
            caption(subject),
            .element(
                "table", ["class": "answers"],
                .element(
                    "thead", [:],
                    .element(
                        "tr", attributes: [], Self.answerHead.map { .element("th", ["scope": "col"], .text($0)) })),
                .element("tbody", attributes: [], subject.answers.map { line($0, subject) })),
        ])
    }

    private static let answerHead = [
        "for recall of at least", "choose", "it finds", "queries a second", "median latency", "p99 latency",
    ]

    private func line(_ answer: RecallAnswer, _ subject: RecallSubject) -> Markup {
        let target = Markup.element("th", ["scope": "row"], .text(answer.targetText))
        guard let row = answer.row else {
            // Of equals, the narrowest.
            let best = subject.rows.min { $0.recall > $1.recall }
            let found = best.map { ": ef \($0.width) finds \(format.text($0.recall))" } ?? ""
            return .element(
                "tr", ["class": "none"], target,
                .element("td", ["colspan": "5"], "not reached\(found); try a larger --ef"))
        }
        // On a telephone each cell has its head next to it.
        func cell(_ column: Int, _ text: String) -> Markup {
            .element("td", ["data-head": Self.answerHead[column]], .text(text))
        }
        return .element(
            "tr", [:], target, .element("td", ["class": "choice"], "ef \(row.width)"),
            cell(2, format.text(row.recall)), cell(3, significant(row.queriesPerSecond)),
            cell(4, unit.text(row.medianMicroseconds)), cell(5, unit.text(row.percentile99Microseconds)))
    }

    private var explanation: Markup {
        .element(
            "p", [:],
            "Each line has the smallest measured ef that reaches the recall, and what a search with it costs on one thread. ",
            "Recall@\(k) is the share of the \(k == 1 ? "true nearest neighbour" : "\(k) true nearest neighbours") that ",
            "a search finds. A larger ef finds more and takes longer. Queries a second count the thread's time on the CPU, ",
            "latencies the time by the clock. 99 of 100 searches take no longer than the p99 latency. ",
            narrower, isAlone ? "To make an ef the store's own: " : "To make an ef a store's own: ",
            .element("code", [:], "cairn set \(isAlone ? subjects[0].path.shellQuoted : "STORE") --ef N"), "."
        )
    }

    /// Where the first width already finds enough, nothing says that it is the smallest that does.
    private var narrower: Markup {
        let first = rows.map(\.width).min() ?? 1
        guard subjects.contains(where: { $0.answers.contains { $0.row?.width == first } }), first > 1 else {
            return .group([])
        }
        return "No ef below \(first) was measured: if it is the answer, a smaller one may be enough. "
    }

    private var charts: Markup {
        let unit = unit, format = format, isAlone = isAlone
        let description = { (subject: RecallSubject, row: RecallRow) in
            (isAlone ? "" : "\(subject.name), ")
                + "ef \(row.width): recall \(format.text(row.recall)), \(significant(row.queriesPerSecond)) queries a second, "
                + "median \(unit.text(row.medianMicroseconds)), p99 \(unit.text(row.percentile99Microseconds))"
        }
        func drawings(_ drawn: (Plot.Format) -> Markup) -> Markup {
            .group(Plot.Format.allCases.map { .element("div", ["class": $0.style], drawn($0)) })
        }
        return .group([
            .element("h2", [:], "Speed: further up is faster, further right finds more"), legend(note: ""),
            drawings { RecallChart(subjects, $0, k: k, description: description).drawn() },
            .element("h2", [:], "Latency: how long one search takes"), legend(note: "dashed: p99"),
            drawings { LatencyChart(subjects, $0, description: description).drawn() },
        ])
    }

    /// Which curve is whose, where there are several.
    private func legend(note: String) -> Markup {
        guard !isAlone else { return .group([]) }
        let names = subjects.enumerated().map { number, subject in
            Markup.element("span", ["class": RecallSubject.style(number)], .text("● \(subject.name)"))
        }
        return .element("p", attributes: [("class", "legend")], names + [.text(note)])
    }

    private func table(_ subject: RecallSubject) -> Markup {
        let columns = RecallRow.columns, chosen = subject.chosen
        return .group([
            caption(subject),
            .element(
                "div", ["class": "scroll"],
                .element(
                    "table", ["class": "rows"],
                    .element(
                        "thead", [:],
                        .element(
                            "tr", attributes: [],
                            columns.map { column in
                                let unit = column.unit.isEmpty ? "" : " (\(column.unit))"
                                return .element("th", ["scope": "col"], .text(column.title + unit))
                            })),
                    .element(
                        "tbody", attributes: [],
                        subject.rows.map { row in
                            .element(
                                "tr", attributes: chosen.contains(row.width) ? [("class", "chosen")] : [],
                                columns.map { .element("td", [:], .text(text(of: row, in: $0))) })
                        }))),
        ])
    }

    private func text(of row: RecallRow, in column: RecallColumn) -> String {
        column.key == "recall"
            ? format.text(row.recall) : grouped(column.value(row), decimals: column.textDecimals)
    }
}
