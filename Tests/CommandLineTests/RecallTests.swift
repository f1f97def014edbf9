import Foundation
import Testing

@Suite("cairn recall")
struct RecallTests {
    private struct Report: Decodable {
        struct Row: Decodable {
            let ef: Int
            let recall, qps, p50_us, p99_us: Double
        }
        let k, queries: Int
        let missing: Int
        let rows: [Row]
    }

    private let workspace: Workspace
    private let vectors: TestVectors
    private let queries = TestVectors(count: 6, dimensions: 8, seed: 2)

    init() throws {
        workspace = try Workspace()
        vectors = try workspace.buildStore()
        try workspace.write("q.npy", bytes: queries.npy)
        try writeTruth("t.npy", columns: 20) { vectors.nearest($0, 20).map { Int32($0.row) } }
    }

    private func writeTruth(_ name: String, columns: Int, _ row: ([Float]) -> [Int32]) throws {
        try workspace.write(name, bytes: Npy.file(shape: [6, columns], queries.rows.flatMap(row)))
    }

    @Test("a full search finds all of the truth")
    func json() throws {
        let report = try workspace.json(
            Report.self, "recall", "@store", "@q.npy", "@t.npy", "-k", "7", "--ef", "60,200")
        #expect(report.k == 7 && report.queries == 6)
        #expect(report.rows.map(\.ef) == [60, 200])
        #expect(report.rows.map(\.recall) == [1, 1])
        #expect(report.rows.allSatisfy { $0.qps > 0 && $0.p50_us > 0 && $0.p99_us >= $0.p50_us })
    }

    @Test(
        "a truth file of big-ann-benchmarks has labels and distances, under any name",
        arguments: ["GT.public.ibin", "groundtruth.bin", "gt"], [true, false])
    func bigAnnTruth(name: String, hasDistances: Bool) throws {
        let nearest = queries.rows.map { vectors.nearest($0, 20) }
        var file = bytes(UInt32(6)) + bytes(UInt32(20)) + nearest.flatMap { $0.flatMap { bytes(UInt32($0.row)) } }
        if hasDistances { file += nearest.flatMap { $0.flatMap { bytes($0.distance.bitPattern) } } }
        try workspace.write(name, bytes: file)
        let report = try workspace.json(Report.self, "recall", "@store", "@q.npy", "@\(name)", "-k", "7", "--ef", "200")
        #expect(report.rows.map(\.recall) == [1])
        try workspace.write(name, bytes: Array(file.dropLast()))
        #expect(try workspace.cairn("recall", "@store", "@q.npy", "@\(name)").code == 1)
    }

    @Test("text is a table, with the default widths")
    func text() throws {
        let lines = try workspace.cairn("recall", "@store", "@q.npy", "@t.npy").lines.map { $0.split(separator: " ") }
        #expect(
            lines.first == [
                "ef", "recall", "qps", "p50_us", "p99_us", "distances", "hops", "lists", "vectors", "codes", "pages",
                "bytes",
            ])
        #expect(lines.dropFirst().map { $0[0] } == ["10", "20", "50", "100", "200"])
        #expect(lines.last?[1] == "1.0000")
    }

    @Test("products too small for their distances to differ count by label")
    func smallProducts() throws {
        let scale: Float = 0x1p-18
        let small = TestVectors(vectors.rows.map { $0.map { $0 * scale } })
        try workspace.write("small.npy", bytes: small.npy)
        try workspace.write("small-q.npy", bytes: TestVectors(queries.rows.map { $0.map { $0 * scale } }).npy)
        _ = try workspace.cairn("build", "@ip", "@small.npy", "--metric", "ip")
        let products = { (query: [Float]) in
            vectors.rows.indices.map { row in
                (row: row, product: zip(vectors.rows[row], query).reduce(0) { $0 + $1.0 * $1.1 })
            }
        }
        for (isNearest, recall) in [(true, 1.0), (false, 0.0)] {
            try writeTruth("small-t.npy", columns: 5) { query in
                products(query).sorted { isNearest ? $0.product > $1.product : $0.product < $1.product }.prefix(5)
                    .map { Int32($0.row) }
            }
            let report = try workspace.json(
                Report.self, "recall", "@ip", "@small-q.npy", "@small-t.npy", "-k", "5", "--ef", "200")
            #expect(report.rows.map(\.recall) == [recall])
        }
    }

    @Test("results count by distance: up to the farthest of the first k labels of the truth")
    func distance() throws {
        // All k places name the nearest vector, so only it is near enough.
        try writeTruth("nearest.npy", columns: 5) { Array(repeating: Int32(vectors.nearest($0, 1)[0].row), count: 5) }
        let report = try workspace.json(
            Report.self, "recall", "@store", "@q.npy", "@nearest.npy", "-k", "5", "--ef", "200")
        #expect(report.rows.map(\.recall) == [0.2])
    }

    @Test("of equal vectors, any counts", arguments: ["l2", "ip", "cosine"])
    func duplicates(metric: String) throws {
        let pairs = TestVectors(vectors.rows + vectors.rows)
        try workspace.write("pairs.npy", bytes: pairs.npy)
        try #require(try workspace.cairn("build", "@pairs", "@pairs.npy", "--metric", metric, "--quiet").code == 0)
        struct Results: Decodable { let labels: [[Int32]] }
        let found = try workspace.json(Results.self, "search", "@pairs", "@q.npy", "-k", "6", "--exact")
        // The other one of each pair.
        try workspace.write(
            "others.npy", bytes: Npy.file(shape: [6, 6], found.labels.joined().map { ($0 + 200) % 400 }))
        let report = try workspace.json(
            Report.self, "recall", "@pairs", "@q.npy", "@others.npy", "-k", "6", "--ef", "400")
        #expect(report.rows.map(\.recall) == [1])
    }

    @Test("the truth may be .ivecs, or one row for one query")
    func forms() throws {
        let row = vectors.nearest(queries.rows[0], 4).map { Int32($0.row) }
        try workspace.write("one.npy", bytes: Npy.file(shape: [8], queries.rows[0]))
        try workspace.write("row.npy", bytes: Npy.file(shape: [4], row))
        try workspace.write("row.ivecs", bytes: Array(Npy.file(shape: [5], [4] + row).dropFirst(128)))
        for truth in ["@row.npy", "@row.ivecs"] {
            let report = try workspace.json(
                Report.self, "recall", "@store", "@one.npy", truth, "-k", "4", "--ef", "200")
            #expect(report.queries == 1 && report.rows.map(\.recall) == [1])
        }
    }

    /// Measures, and returns the report and what was said.
    private func measure(_ arguments: String...) throws -> (report: Report, errors: String) {
        let outcome = try workspace.cairn(["recall", "@store", "@q.npy"] + arguments + ["--output", "json"])
        try #require(outcome.code == 0, "\(outcome.errors)")
        return (try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8)), outcome.errors)
    }

    @Test("a deleted label of the truth is left out, and the next one counts")
    func deleted() throws {
        let gone = vectors.nearest(queries.rows[2], 1)[0].row
        try #require(try workspace.cairn("delete", "@store", "\(gone)").code == 0)
        let times = queries.rows.count { vectors.nearest($0, 7).contains { $0.row == gone } }
        let (report, errors) = try measure("@t.npy", "-k", "7", "--ef", "200")
        #expect(report.rows.map(\.recall) == [1] && report.missing == times)
        #expect(errors.hasPrefix("cairn: warning: \(workspace.path("t.npy")): \(times) label"))
        #expect(
            errors.hasSuffix("not in the store, perhaps deleted; the next ones of the same rows count in their place\n")
        )
        let all = try measure("@t.npy", "-k", "20", "--ef", "200")
        let short = queries.rows.count { vectors.nearest($0, 20).contains { $0.row == gone } }
        #expect(all.report.rows.map(\.recall) == [1] && all.report.missing == short)
        #expect(all.errors.contains("\(short) of the queries have fewer than 20 true neighbours left"))
        #expect(try measure("@t.npy", "-k", "7", "--ef", "200", "--report", "@r.html").errors == errors)
        let page = String(decoding: try workspace.bytes("r.html"), as: UTF8.self)
        #expect(page.contains("labels of the truth not in it"))
    }

    @Test("the truth that an exact search saves may be shorter than k")
    func padded() throws {
        let search = try workspace.cairn(
            "search", "@store", "@q.npy", "--exact", "-k", "210", "--save-labels", "@all.npy", "--quiet")
        try #require(search.code == 0)
        let (report, errors) = try measure("@all.npy", "-k", "210", "--ef", "300")
        #expect(report.rows.map(\.recall) == [1] && report.missing == 0 && errors == "")
    }

    @Test("an ef below k is raised to k, once, and that is said")
    func raised() throws {
        let (report, errors) = try measure("@t.npy", "-k", "20", "--ef", "10,15,50")
        #expect(report.rows.map(\.ef) == [20, 50])
        #expect(errors == "cairn: warning: ef 10, 15 are below -k 20: a search keeps at least k, so ef is 20 there\n")
        let one = try measure("@t.npy", "-k", "20", "--ef", "50,10")
        #expect(one.report.rows.map(\.ef) == [50, 20] && one.errors.contains("ef 10 is below -k 20"))
        let unasked = try measure("@t.npy", "-k", "15")
        #expect(unasked.report.rows.map(\.ef) == [15, 20, 50, 100, 200] && unasked.errors == "")
    }

    @Test("queries and truth the wrong way round are recognised")
    func swapped() throws {
        let outcome = try workspace.cairn("recall", "@store", "@t.npy", "@q.npy")
        #expect(outcome.code == 64 && outcome.errors.contains("the queries come before the truth"))
    }

    struct BadTruth: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        let message: String
    }

    @Test(
        "a truth that does not fit is refused",
        arguments: [
            BadTruth(
                testDescription: "labels none of which is in the store",
                bytes: Npy.file(shape: [6, 2], [Int32](200..<212)),
                message: "none of its labels, 200 for example, is in the store"),
            BadTruth(
                testDescription: "a negative label",
                bytes: Npy.file(shape: [6, 2], [1, 2, 3, 4, 5, -1, 6, 7, 8, 9, 10, 11] as [Int32]), message: "row 2"),
            BadTruth(
                testDescription: "fewer rows than queries",
                bytes: Npy.file(shape: [5, 2], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] as [Int32]),
                message: "5 rows for 6 queries"),
            BadTruth(
                testDescription: "fewer labels than k",
                bytes: Npy.file(shape: [6, 1], [1, 2, 3, 4, 5, 6] as [Int32]), message: "1 labels in a row, -k 2"),
            BadTruth(
                testDescription: "numbers that are no labels",
                bytes: Npy.file(shape: [6, 2], [Float](repeating: 1, count: 12)),
                message: "integers"),
        ])
    func badTruth(truth: BadTruth) throws {
        try workspace.write("bad.npy", bytes: truth.bytes)
        let outcome = try workspace.cairn("recall", "@store", "@q.npy", "@bad.npy", "-k", "2")
        #expect(outcome.code == 1 && outcome.output == "")
        #expect(outcome.errors.hasPrefix("cairn: error: \(workspace.path("bad.npy")): "))
        #expect(outcome.errors.contains(truth.message), "\(outcome.errors)")
    }

    @Test("a query that cannot be compared is named")
    func badQuery() throws {
        var bad = queries
        bad.rows[4][1] = .nan
        try workspace.write("nan.npy", bytes: bad.npy)
        let outcome = try workspace.cairn("recall", "@store", "@nan.npy", "@t.npy")
        #expect(outcome.code == 1)
        #expect(outcome.errors.hasPrefix("cairn: error: \(workspace.path("nan.npy")): row 4: "))
    }
}
