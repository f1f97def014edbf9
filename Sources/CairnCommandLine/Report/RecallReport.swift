/// A measurement as one page of HTML that needs nothing else: first the answers, then the curves, then all that was measured.
struct RecallReport {
    struct Fact {
        let name: String
        let value: String
    }

    /// What is searched: its name, and the path that leads to it.
    let store, path: String
    let k: Int
    let queryCount: Int
    let rounds: Int
    /// At least one, in the order of widths.
    let rows: [RecallRow]
    /// About the store, and about the machine.
    let subject, machine: [Fact]
    let date: String
    /// What makes this report again.
    let command: String

    init(
        store: String, path: String, k: Int, queryCount: Int, rounds: Int, rows: [RecallRow], subject: [Fact],
        machine: [Fact],
        date: String, command: String
    ) {
        self.store = store
        self.path = path
        self.k = k
        self.queryCount = queryCount
        self.rounds = rounds
        self.rows = rows.sorted { $0.width < $1.width }
        self.subject = subject
        self.machine = machine
        self.date = date
        self.command = command
    }

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
                .element("title", [:], "Which ef for \(store)?"), .element("style", [:], .text(Self.style))),
            .element(
                "body", [:],
                .element("main", [:], heading, answerTable, explanation, charts, table, conditions))
        ).document
    }

    private var format: RecallFormat { RecallFormat(neighbors: queryCount * k) }
    private var unit: LatencyUnit { LatencyUnit(for: rows) }
    private var answers: [RecallAnswer] { RecallAnswer.all(from: rows) }

    private var heading: Markup { .element("h1", [:], "Which ef for ", .element("b", [:], .text(store)), "?") }

    private var answerTable: Markup {
        let head = [
            "for recall of at least", "choose", "it finds", "queries a second", "median latency", "p99 latency",
        ]
        return .element(
            "table", ["class": "answers"],
            .element(
                "thead", [:], .element("tr", attributes: [], head.map { .element("th", ["scope": "col"], .text($0)) })),
            .element("tbody", attributes: [], answers.map(line)))
    }

    private func line(_ answer: RecallAnswer) -> Markup {
        let target = Markup.element("th", ["scope": "row"], .text(answer.targetText))
        guard let row = answer.row else {
            // Of equals, the narrowest.
            let best = rows.min { $0.recall > $1.recall }
            let found = best.map { ": ef \($0.width) finds \(format.text($0.recall))" } ?? ""
            return .element(
                "tr", ["class": "none"], target,
                .element("td", ["colspan": "5"], "not reached\(found); try a larger --ef"))
        }
        return .element(
            "tr", [:], target, .element("td", ["class": "choice"], "ef \(row.width)"),
            .element("td", [:], .text(format.text(row.recall))),
            .element("td", [:], .text(significant(row.queriesPerSecond))),
            .element("td", [:], .text(unit.text(row.medianMicroseconds))),
            .element("td", [:], .text(unit.text(row.percentile99Microseconds))))
    }

    private var explanation: Markup {
        .element(
            "p", [:],
            "Each line has the smallest measured ef that finds so much, and what a search with it costs, on one thread. ",
            "Recall@\(k) is the share of the \(k == 1 ? "true nearest neighbour" : "\(k) true nearest neighbours") that ",
            "a search finds. A larger ef finds more and takes longer. 99 of 100 searches take no longer than the p99 latency. ",
            narrower, "To make one the store's own: ", .element("code", [:], "cairn set \(path.shellQuoted) --ef N"),
            ".", warning
        )
    }

    /// Where the first width already finds enough, nothing says that it is the smallest that does.
    private var narrower: Markup {
        guard answers.contains(where: { $0.row?.width == rows[0].width }), rows[0].width > 1 else { return .group([]) }
        return "No ef below \(rows[0].width) was measured: a smaller one may do where this is the answer. "
    }

    private var warning: Markup {
        #if DEBUG
        .element("b", [:], " This was a debug build: a release is about ten times as fast.")
        #else
        rows.contains(where: \.isDisturbed)
            ? .element(
                "b", [:],
                " Other programs used the CPU meanwhile: trust the medians, and measure again for queries a second and p99."
            )
            : .group([])
        #endif
    }

    private var charts: Markup {
        let unit = unit, format = format
        let description = { (row: RecallRow) in
            "ef \(row.width): recall \(format.text(row.recall)), \(significant(row.queriesPerSecond)) queries a second, "
                + "median \(unit.text(row.medianMicroseconds)), p99 \(unit.text(row.percentile99Microseconds))"
        }
        return .group([
            .element("h2", [:], "Speed: further up is faster, further right finds more"),
            RecallChart(rows: rows, answers: answers, k: k, description: description).drawn(),
            .element("h2", [:], "Latency: how long one search takes"),
            LatencyChart(rows: rows, answers: answers, description: description).drawn(),
        ])
    }

    private var table: Markup {
        let columns = RecallRow.columns
        let chosen = Set(answers.compactMap { $0.row?.width })
        return .group([
            .element("h2", [:], "All that was measured"),
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
                    rows.map { row in
                        .element(
                            "tr", attributes: chosen.contains(row.width) ? [("class", "chosen")] : [],
                            columns.map { .element("td", [:], .text(text(of: row, in: $0))) })
                    })),
        ])
    }

    private func text(of row: RecallRow, in column: RecallColumn) -> String {
        column.key == "recall"
            ? format.text(row.recall) : grouped(column.value(row), decimals: column.textDecimals)
    }

    private var conditions: Markup {
        let compared = "\(grouped(queryCount)) × \(grouped(k)) = \(grouped(queryCount * k)) neighbours"
        let times = rounds == 1 ? "once" : "\(rounds) times; of each figure, the median"
        var measurement = [
            Fact(name: "queries", value: "\(grouped(queryCount)), one after the other, on one thread"),
            Fact(name: "k", value: "\(k)"), Fact(name: "compared", value: compared),
            Fact(name: "each ef", value: "\(times); after a round that does not count"),
            Fact(name: "date", value: date),
        ]
        if rows[0].width < k {
            measurement.append(Fact(name: "ef below k", value: "counts as \(k)"))
        }
        return .group([
            .element("h2", [:], "What was measured, and where"),
            .element("div", ["class": "facts"], list(subject), list(measurement), list(machine)),
            .element(
                "p", [:],
                "A result counts as found when it is no farther than the last of the true neighbours, as in ann-benchmarks. ",
                "To measure again:"
            ),
            .element("pre", [:], .element("code", [:], .text(command))),
        ])
    }

    private func list(_ facts: [Fact]) -> Markup {
        .element(
            "dl", attributes: [],
            facts.flatMap { [.element("dt", [:], .text($0.name)), .element("dd", [:], .text($0.value))] })
    }
}
