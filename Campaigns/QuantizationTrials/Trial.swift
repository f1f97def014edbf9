import Cairn
import SystemPackage

/// The codes that searches of a store walk by, as the table names them.
func codesInUse(_ store: VectorStore) throws -> String {
    let info = try store.info
    return info.quantizationBytes > 0 ? info.quantization?.used.rawValue ?? "none" : "none"
}

/// Stores of the same rows without and with codes, searched for the same queries: of one form, made in one way.
struct Trial {
    /// What every trial has in common.
    struct Settings {
        var widths = [10, 20, 50, 100, 200]
        /// Neighbours that are asked for.
        var k = 10
        var tolerance = 0.005
        var threads = 2
    }

    let kind: Kind
    let form: Kind.Form
    let way: Way
    let samples: Samples
    let settings: Settings
    let workplace: Workplace

    /// Makes the stores one after the other, the one without codes first, and calls `report` for each with codes; twice if the
    /// first run of queries leaves it unclear.
    func run(_ report: (Result) -> Void) throws {
        defer { workplace.remove("none") }
        let (plain, plainSeconds) = try make(.none, "none")
        defer { try? plain.close() }
        let queries = try Answers(plain, samples.queries, settings)
        var further: Answers?
        for codes in form.codes {
            defer { workplace.remove("codes") }
            let (coded, seconds) = try make(codes, "codes")
            defer { try? coded.close() }
            func result(_ answers: Answers, isRepetition: Bool) throws -> Result {
                let found = try answers.found(by: coded, settings)
                let differences = settings.widths.indices.map { index in
                    Difference(
                        width: settings.widths[index], found: found[index], beside: answers.plain[index], k: settings.k)
                }
                let info = try coded.info, inUse = try codesInUse(coded), worst = differences.min { $0.mean < $1.mean }!
                return Result(
                    trial: self, codes: codes, inUse: inUse, codeBytes: info.quantizationBytes / max(info.count, 1),
                    plainRecall: answers.recall(settings), differences: differences, worst: worst,
                    plainSeconds: plainSeconds, seconds: seconds, isRepetition: isRepetition,
                    verdict: .judge(
                        worst, tolerance: settings.tolerance, isRepetition: isRepetition))
            }
            let first = try result(queries, isRepetition: false)
            report(first)
            guard first.verdict == .unclear else { continue }
            let answers = try further ?? Answers(plain, samples.furtherQueries, settings)
            further = answers
            report(try result(answers, isRepetition: true))
        }
    }

    private func make(_ codes: VectorStore.Quantization, _ name: String) throws -> (store: VectorStore, seconds: Double)
    {
        try way.make(
            samples, at: workplace.place(name),
            .init(
                dimensions: kind.dimensions, metric: form.metric, scalar: form.scalar, quantization: codes),
            threads: settings.threads)
    }

    /// What one run of queries says of one store with codes.
    struct Result {
        let trial: Trial
        let codes: VectorStore.Quantization
        let inUse: String
        /// For each vector.
        let codeBytes: Int
        /// Without codes, at each width.
        let plainRecall: [Double]
        let differences: [Difference]
        let worst: Difference
        let plainSeconds: Double
        let seconds: Double
        let isRepetition: Bool
        let verdict: Verdict
    }
}

/// The exact answers to some queries, and what a store without codes finds of them.
struct Answers {
    private let queries: [Float]
    /// For each query, the distance within which a neighbour counts: equally near ones are as good.
    private let limits: [Float]
    /// At each width, for each query.
    private(set) var plain: [[Int]] = []

    init(_ store: VectorStore, _ queries: [Float], _ settings: Trial.Settings) throws {
        self.queries = queries
        limits = try store.search(
            batch: queries, k: settings.k, options: .init(isExact: true), threads: settings.threads
        ).map { $0.last?.distance ?? -.infinity }
        plain = try found(by: store, settings)
    }

    /// How many of the nearest neighbours a store finds, at each width, for each query.
    func found(by store: VectorStore, _ settings: Trial.Settings) throws -> [[Int]] {
        let widest = settings.widths.max() ?? 0, count = try store.count
        precondition(widest < count / 10, "so small a store is not walked, but read as a whole")
        return try settings.widths.map { width in
            let found = try store.search(
                batch: queries, k: settings.k, options: .init(ef: width), threads: settings.threads)
            return zip(found, limits).map { neighbors, limit in neighbors.count { $0.distance <= limit } }
        }
    }

    /// Without codes, at each width.
    func recall(_ settings: Trial.Settings) -> [Double] {
        plain.map { Double($0.reduce(0, +)) / Double(max($0.count, 1) * settings.k) }
    }
}
