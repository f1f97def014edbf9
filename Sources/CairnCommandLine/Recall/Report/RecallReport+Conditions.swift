extension RecallReport {
    /// What was measured, on what, and how to do it again.
    var conditions: Markup {
        let compared = "\(grouped(queryCount)) × \(grouped(k)) = \(grouped(queryCount * k)) neighbours"
        let times = rounds == 1 ? "once" : "\(rounds) times; of each figure, the median"
        let measurement = [
            Fact(name: "queries", value: "\(grouped(queryCount)), one after the other, on one thread"),
            Fact(name: "k", value: "\(k)"), Fact(name: "compared", value: compared),
            Fact(name: "each ef", value: "\(times); after a round that does not count"),
            Fact(name: "date", value: date),
        ]
        let lists = subjects.map(list) + [list(measurement), list(machine)]
        return .group([
            .element("h2", [:], "What was measured, and where"),
            .element("div", attributes: [("class", "facts")], lists),
            .element(
                "p", [:],
                "A result counts as found when it is no farther than the last of the true neighbours, as in ann-benchmarks. ",
                "If searches had to wait for the disk, queries a second count the time by the clock. To measure again:"
            ),
            .element("pre", [:], .element("code", [:], .text(command))),
        ])
    }

    private func list(_ subject: RecallSubject) -> Markup {
        list((subjects.count > 1 ? [Fact(name: "store", value: subject.name)] : []) + subject.facts)
    }

    private func list(_ facts: [Fact]) -> Markup {
        .element(
            "dl", attributes: [],
            facts.flatMap { [.element("dt", [:], .text($0.name)), .element("dd", [:], .text($0.value))] })
    }
}
