import Foundation
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

@Suite("cairn recall --report")
struct RecallReportTests {
    private struct Measured: Decodable {
        struct Row: Decodable {
            let ef: Int
            let recall, qps, p50_us, p99_us: Double
        }
        struct Compared: Decodable {
            let store: String
            let by_vectors: Bool
            let rows: [Row]
        }
        let rows: [Row]
        let compared: [Compared]?
    }

    private static let targets = [0.9, 0.95, 0.98, 0.99, 0.995]

    private let workspace: Workspace
    private let queries = TestVectors(count: 20, dimensions: 16, seed: 2)
    private let vectors: TestVectors

    init() throws {
        workspace = try Workspace()
        // A poor graph, which narrow searches do not find everything in.
        vectors = try workspace.buildStore(count: 600, dimensions: 16, "-M", "8", "--ef-construction", "20")
        try workspace.write("q.npy", bytes: queries.npy)
        try writeTruth("t.npy") { vectors.nearest($0, 10).map { Int32($0.row) } }
    }

    private func writeTruth(_ name: String, _ row: ([Float]) -> [Int32]) throws {
        try workspace.write(name, bytes: Npy.file(shape: [20, 10], queries.rows.flatMap(row)))
    }

    private func page(_ name: String = "r.html") throws -> MarkupTree {
        try MarkupTree.parse(String(decoding: workspace.bytes(name), as: UTF8.self))
    }

    /// The two drawings of a page as they are on a screen, or on a telephone.
    private func charts(_ page: MarkupTree, _ style: String = "wide") -> [MarkupTree] {
        page.all("div", style).flatMap { $0.all("svg") }
    }

    private func measure(_ arguments: String...) throws -> Measured {
        try workspace.json(
            Measured.self, arguments: ["recall", "@store", "@q.npy", "@t.npy", "--report", "@r.html"] + arguments)
    }

    private func number(_ text: String) -> Double? {
        Double(text.replacing(",", with: "").replacing(" µs", with: "").replacing(" ms", with: ""))
    }

    @Test(
        "the answers are the narrowest widths that reach each recall, and what they cost",
        arguments: [[40, 12, 10, 20, 80, 30, 15], [30, 10, 15]])
    func answers(list: [Int]) throws {
        let measured = try measure("--ef", list.map { "\($0)" }.joined(separator: ","), "-k", "10").rows
        #expect(measured.map(\.ef) == list)
        let table = try #require(try page().all("table", "answers").first)
        let rows = table.tableRows
        #expect(rows.map { $0[0] } == ["0.90", "0.95", "0.98", "0.99", "0.995"])
        let widths = Self.targets.map { target in
            measured.filter { $0.recall >= target }.min { $0.ef < $1.ef }?.ef
        }
        #expect(Set(widths).count > 1)
        let isSlow = measured.map(\.p99_us).max()! >= 20_000
        for (width, cells) in zip(widths, rows) {
            guard let width else {
                let best = measured.max { $0.recall < $1.recall }!
                #expect(cells.count == 2 && cells[1].hasPrefix("not reached: ef "))
                #expect(cells[1].contains("finds \(String(format: "%.4f", best.recall)); try a larger --ef"))
                continue
            }
            let row = measured.first { $0.ef == width }!
            #expect(cells[1...2] == ["ef \(width)", String(format: "%.4f", row.recall)])
            let figures = [row.qps, row.p50_us / (isSlow ? 1000 : 1), row.p99_us / (isSlow ? 1000 : 1)]
            for (cell, figure) in zip(cells[3...5], figures) {
                let shown = try #require(number(cell), "\(cell)")
                #expect(abs(shown - figure) <= 0.006 * figure, "\(cell) for \(figure)")
            }
            #expect(cells[4].hasSuffix(isSlow ? " ms" : " µs") && cells[5].hasSuffix(isSlow ? " ms" : " µs"))
        }
    }

    @Test("every row is a point of both charts, with its ef, and a line of the table")
    func points() throws {
        let measured = try measure("--ef", "12,20,80,300").rows
        let page = try page(), charts = charts(page)
        #expect(charts.count == 2 && self.charts(page, "narrow").count == 2 && page.all("svg").count == 4)
        for (chart, curves) in zip(charts + self.charts(page, "narrow"), [1, 2, 1, 2]) {
            let titles = chart.all("circle").map(\.text)
            #expect(titles.count == 4 * curves)
            for row in measured { #expect(titles.count { $0.hasPrefix("ef \(row.ef): recall ") } == curves) }
        }
        let texts = charts[0].all("text").map(\.text)
        // Where two points are as fast and as good, one of them has no room for its name; how fast they are is chance.
        #expect(measured.count { texts.contains("ef \($0.ef)") } >= 2)
        // Further right finds more, further up is faster.
        let circles = try measured.map { row in
            let circle = try #require(charts[0].all("circle").first { $0.text.hasPrefix("ef \(row.ef): ") })
            return (
                x: try #require(Double(circle.attributes["cx"] ?? "")),
                y: try #require(Double(circle.attributes["cy"] ?? ""))
            )
        }
        for (one, next) in zip(zip(measured, circles), zip(measured, circles).dropFirst()) {
            #expect((one.0.recall < next.0.recall) == (one.1.x < next.1.x))
            #expect((one.0.qps > next.0.qps) == (one.1.y < next.1.y) || abs(one.1.y - next.1.y) < 0.2)
        }
        let rows = try #require(page.all("table", "rows").first).tableRows
        #expect(rows.map { number($0[0]) } == measured.map { Double($0.ef) })
        for (cells, row) in zip(rows, measured) {
            #expect(cells[1] == String(format: "%.4f", row.recall))
            for (cell, figure) in zip(cells[2...], [row.qps, row.p50_us, row.p99_us]) {
                #expect(abs(try #require(number(cell)) - figure) <= 0.5)
            }
        }
    }

    @Test(
        "a page is drawn of any rows",
        arguments: [
            "600", "12", "600,590,580", "10,10", "11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30",
            "1000000",
        ])
    func extremes(widths: String) throws {
        let measured = try measure("--ef", widths, "--rounds", "1").rows
        try expectDrawn(measured.count)
    }

    @Test("a page is drawn where all recalls are low and equal, and says that no ef reaches more")
    func equal() throws {
        try writeTruth("t.npy") { Array(repeating: Int32(vectors.nearest($0, 1)[0].row), count: 10) }
        #expect(try measure("--ef", "300,600").rows.map(\.recall) == [0.1, 0.1])
        try expectDrawn(2)
        let answers = try #require(try page().all("table", "answers").first).tableRows
        #expect(answers.allSatisfy { $0[1] == "not reached: ef 300 finds 0.1000; try a larger --ef" })
    }

    /// All that is drawn is within its picture; what is no number is nowhere.
    private func expectDrawn(_ rows: Int) throws {
        let page = try page()
        for (chart, curves) in zip(charts(page) + charts(page, "narrow"), [1, 2, 1, 2]) {
            let size = try #require(chart.attributes["viewBox"]).split(separator: " ").compactMap { Double($0) }
            let lines = chart.all("line"), circles = chart.all("circle")
            #expect(circles.count == curves * rows)
            for (elements, keys) in [
                (lines, ["x1", "y1", "x2", "y2"]), (circles, ["cx", "cy"]), (chart.all("text"), ["x", "y"]),
            ] {
                for element in elements {
                    for key in keys {
                        let text = try #require(element.attributes[key])
                        let value = try #require(Double(text), "\(key) is \(text)")
                        #expect(value.isFinite && value >= 0 && value <= size[key.contains("x") ? 2 : 3], "\(text)")
                    }
                }
            }
            // At least some labels at either axis.
            #expect(chart.all("text", "end").count >= 2)
        }
        let text = page.text.lowercased()
        for word in ["nan ", "nan,", "infinity", "inf "] { #expect(!text.contains(word)) }
    }

    @Test("on a telephone the drawings are narrow, and each figure has its head beside it")
    func telephone() throws {
        try #require(try measure("--ef", "12,20,300").rows.count == 3)
        let page = try page()
        for (style, width) in [("wide", "960.0"), ("narrow", "400.0")] {
            #expect(charts(page, style).allSatisfy { $0.attributes["viewBox"]?.hasPrefix("0 0 \(width) ") == true })
        }
        let cells = page.all("table", "answers")[0].all("td").compactMap { $0.attributes["data-head"] }
        #expect(cells.count % 4 == 0 && Set(cells).contains("p99 latency") && Set(cells).count == 4)
        let style = try #require(page.all("style").first).text
        #expect(!style.contains("min-width: 640px") && style.contains("attr(data-head)"))
        // What is wider than the screen can be moved.
        #expect(page.all("div", "scroll").map { $0.all("table", "rows").count } == [1])
    }

    @Test("codes on and off, and other stores, are in one report")
    func several() throws {
        _ = try workspace.cairn("quantize", "@store", "sq8", "--quiet")
        let other = try workspace.cairn("build", "@other", "@vectors.npy", "-M", "32", "--quiet")
        try #require(other.code == 0)
        let measured = try measure("--ef", "12,20,80", "--by-vectors", "--compare", "@other", "--rounds", "1")
        let compared = try #require(measured.compared)
        #expect(compared.map(\.store) == ["store", "store", "other"].map { workspace.path($0) })
        #expect(compared.map(\.by_vectors) == [false, true, false])
        #expect(compared.allSatisfy { $0.rows.map(\.ef) == [12, 20, 80] } && measured.rows.map(\.ef) == [12, 20, 80])
        let page = try page()
        let names = ["store, by sq8", "store, by vectors", "other"].map { workspace.path($0) }
        #expect(page.all("h3").map(\.text) == names + names)
        #expect(page.all("table", "answers").count == 3 && page.all("table", "rows").count == 3)
        for (tables, rows) in zip(page.all("table", "rows"), compared) {
            #expect(tables.tableRows.map { $0[1] } == rows.rows.map { String(format: "%.4f", $0.recall) })
        }
        for (chart, curves) in zip(charts(page) + charts(page, "narrow"), [1, 2, 1, 2]) {
            for name in names {
                #expect(chart.all("circle").count { $0.text.hasPrefix("\(name), ef ") } == 3 * curves)
            }
        }
        #expect(
            page.all("p", "legend").map { $0.all("span").map(\.text) }
                == Array(repeating: names.map { "● \($0)" }, count: 2))
        let command = try #require(page.all("pre").first).text
        #expect(command.contains("--compare ") && command.contains("--by-vectors"))
        // The same without a report: a table for each.
        let text = try workspace.cairn(
            "recall", "@store", "@q.npy", "@t.npy", "--ef", "20", "--by-vectors", "--compare", "@other")
        #expect(text.lines.count == 9 && text.lines[0] == "\(names[0]):" && text.lines[3] == "\(names[1]):")
    }

    @Test("searches by vectors read no codes, and find what a store without finds")
    func byVectors() throws {
        struct Counts: Decodable {
            struct Row: Decodable { let recall, codes, vectors, distances: Double }
            struct Compared: Decodable { let rows: [Row] }
            let rows: [Row]
            let compared: [Compared]?
        }
        let arguments = ["recall", "@store", "@q.npy", "@t.npy", "--ef", "15,40"]
        let plain = try workspace.json(Counts.self, arguments: arguments)
        // Without codes there is nothing to compare.
        #expect(try workspace.json(Counts.self, arguments: arguments + ["--by-vectors"]).compared == nil)
        _ = try workspace.cairn("quantize", "@store", "sq8", "--quiet")
        let both = try #require(try workspace.json(Counts.self, arguments: arguments + ["--by-vectors"]).compared)
        #expect(
            both.count == 2 && both[0].rows.allSatisfy { $0.codes > 0 } && both[1].rows.allSatisfy { $0.codes == 0 })
        for (one, other) in zip(both[1].rows, plain.rows) {
            #expect(one.recall == other.recall && one.distances == other.distances && one.vectors == other.vectors)
        }
    }

    @Test("what makes figures worth less is said before them")
    func banner() throws {
        try #require(try measure("--ef", "10").rows.count == 1)
        let main = try #require(try page().all("main").first)
        let place = main.children.firstIndex { $0.attributes["class"] == "banner" }
        #if DEBUG
        #expect(place == 1 && main.children[1].text.contains("debug build"))
        #else
        #expect(place == nil || main.children[1].text.contains("Other programs used the CPU"))
        #endif
        // A program that is stopped for two thirds of the time has no processor meanwhile.
        // Several times in a round, so an optimised build needs more queries.
        #if DEBUG
        let copies = 1
        #else
        let copies = 400
        #endif
        var many = queries
        many.rows = (0..<copies).flatMap { _ in queries.rows }
        try workspace.write("many.npy", bytes: many.npy)
        let truth = queries.rows.flatMap { vectors.nearest($0, 10).map { Int32($0.row) } }
        try workspace.write(
            "truth.npy", bytes: Npy.file(shape: [20 * copies, 10], (0..<copies).flatMap { _ in truth }))
        let arguments = [
            "recall", "@store", "@many.npy", "@truth.npy", "--ef", "100", "--rounds", "9", "--report", "@s.html",
        ]
        let streams = workspace.directory
        let process = try Program.start(
            workspace.located(arguments), output: .file(streams.appendingPathComponent("out")),
            errors: .file(streams.appendingPathComponent("err")))
        var status: Int32 = 0
        while unsafe waitpid(process, &status, WNOHANG) == 0 {
            kill(process, SIGSTOP)
            usleep(10_000)
            kill(process, SIGCONT)
            usleep(5000)
        }
        try #require(status == 0)
        let banner = try page("s.html").all("p", "banner").first?.text
        #expect(banner?.contains("Other programs used the CPU") == true, "\(banner ?? "no banner")")
    }

    @Test("the page needs nothing but itself")
    func selfContained() throws {
        try #require(try measure("--ef", "10,600").rows.count == 2)
        let page = String(decoding: try workspace.bytes("r.html"), as: UTF8.self).lowercased()
        #expect(page.hasPrefix("<!doctype html>\n<html"))
        for text in ["http:", "https:", "//", "src=", "href", "<script", "<link", "url(", "@import", "<img", "<iframe"]
        {
            #expect(!page.contains(text), "\(text)")
        }
        #expect(page.contains("prefers-color-scheme: dark") && page.contains("@media print"))
    }

    @Test("names are shown as they are, and the command repeats the measurement")
    func names() throws {
        let name = "a <b>&amp; \"c' é$HOME.cairn"
        try FileManager.default.moveItem(atPath: workspace.path("store"), toPath: workspace.path(name))
        let outcome = try workspace.cairn(
            "recall", "@\(name)", "@q.npy", "@t.npy", "-k", "7", "--ef", "9,90", "--report", "@<i>r'.html")
        try #require(outcome.code == 0, "\(outcome.errors)")
        let first = try page("<i>r'.html")
        #expect(first.all("h1").map(\.text) == ["Which ef for \(name)?"])
        #expect(first.all("title").first?.text == "Which ef for \(name)?")
        #expect(first.all("i").isEmpty && first.all("b").map(\.text).contains(name))
        let command = try #require(first.all("pre").first).text.trimmingCharacters(in: .newlines)
        #expect(command.hasPrefix("cairn recall '") && command.contains(" -k 7 --ef 9,90 --rounds 3 --report "))

        try FileManager.default.removeItem(atPath: workspace.path("<i>r'.html"))
        let shell = Process()
        shell.executableURL = URL(fileURLWithPath: "/bin/sh")
        shell.arguments = ["-c", "cairn() { \"$PROGRAM\" \"$@\" >/dev/null; }; \(command)"]
        shell.environment = ["PROGRAM": try #require(Program.path)]
        try shell.run()
        shell.waitUntilExit()
        #expect(shell.terminationStatus == 0)
        #expect(
            try page("<i>r'.html").all("table", "rows")[0].tableRows.map { $0.prefix(2) }
                == first.all("table", "rows")[0].tableRows.map { $0.prefix(2) })
    }

    @Test("it says what was measured, where and how")
    func conditions() throws {
        try #require(try measure("--ef", "12,600", "--rounds", "2").rows.count == 2)
        let page = try page()
        let facts = Dictionary(
            zip(page.all("dt").map(\.text), page.all("dd").map(\.text)), uniquingKeysWith: { first, _ in first })
        for (name, value) in [
            ("vectors", "600"), ("dimensions", "16"), ("metric", "l2"), ("scalar", "f32"), ("M", "8"),
            ("ef_construction", "20"), ("k", "10"), ("compared", "20 × 10 = 200 neighbours"),
        ] { #expect(facts[name] == value, "\(name): \(facts[name] ?? "missing")") }
        #expect(facts["queries"]?.hasPrefix("20, ") == true && facts["each ef"]?.hasPrefix("2 times") == true)
        #expect(facts["CPU"]?.isEmpty == false && facts["system"]?.isEmpty == false)
        #expect(Int(facts["cores"] ?? "") == ProcessInfo.processInfo.activeProcessorCount)
        #expect(facts["date"]?.wholeMatch(of: /20\d\d-\d\d-\d\d \d\d:\d\d UTC/) != nil)
    }

    @Test("without --ef it sweeps twelve widths and the store's own, and the terminal shows them too")
    func sweep() throws {
        let outcome = try workspace.cairn(
            "recall", "@store", "@q.npy", "@t.npy", "--report", "@r.html", "--rounds", "1")
        #expect(outcome.code == 0 && outcome.errors == "")
        let widths = outcome.lines.dropFirst().map { String($0.split(separator: " ")[0]) }
        #expect(widths == ["10", "15", "20", "30", "40", "50", "60", "80", "120", "160", "200", "300", "400"])
        #expect(try page().all("table", "rows")[0].tableRows.map { $0[0] } == widths)
    }

    @Test("a report takes the place of an older one, and one that fails leaves it")
    func replacement() throws {
        try workspace.write("r.html", "old")
        let before = try workspace.content
        try workspace.write("bad.npy", bytes: Npy.file(shape: [5, 1], [1, 2, 3, 4, 5] as [Int32]))
        let failed = try workspace.cairn("recall", "@store", "@q.npy", "@bad.npy", "--report", "@r.html")
        #expect(failed.code == 1)
        #expect(try workspace.bytes("r.html") == Array("old".utf8))
        try #require(try measure("--ef", "10").rows.count == 1)
        #expect(try page().all("h1").count == 1)
        #expect(try workspace.content == (before + ["bad.npy"]).sorted())
    }

    @Test(
        "a file that cannot be written is known before anything is measured",
        arguments: [
            ("missing/r.html", "notFound", "no such directory"), ("store", "alreadyExists", "something is here"),
            ("store/r.html", "invalidArgument", "this is a store"), ("q.npy", "invalidArgument", "would replace"),
            ("t.npy", "invalidArgument", "would replace"), ("link.html", "alreadyExists", "symbolic link"),
        ])
    func refusal(name: String, code: String, message: String) throws {
        try FileManager.default.createSymbolicLink(
            atPath: workspace.path("link.html"), withDestinationPath: workspace.path("q.npy"))
        let before = try workspace.content
        let outcome = try workspace.cairn(
            "recall", "@store", "@q.npy", "@t.npy", "--report", "@\(name)", "--output", "json")
        #expect(outcome.code == 1 && outcome.output == "")
        let error = try ErrorDocument(outcome.errors).error
        #expect(error.code == code && error.message.contains(message), "\(error)")
        #expect(try workspace.content == before)
        #expect(try workspace.bytes("q.npy") == queries.npy)
    }

    @Test("rounds are 1 or more", arguments: ["0", "-1", "1001", "x"])
    func rounds(count: String) throws {
        let outcome = try workspace.cairn("recall", "@store", "@q.npy", "@t.npy", "--rounds=\(count)")
        #expect(outcome.code == 64 && outcome.output == "")
    }
}
