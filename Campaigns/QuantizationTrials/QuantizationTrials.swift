import ArgumentParser
import Cairn
import Foundation

/// `make quantization-trials`: what searches by codes lose of the recall of searches without, on many kinds of data.
@main
struct QuantizationTrials: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Compares the recall of stores with codes with that of stores of the same rows without, on many kinds of data.",
        discussion: """
            Every store is made twice: built at once, and filled in batches. A line marked ? seems to lose too much, but may owe
            it to its queries; the line below it has four times as many and decides. Exits 1 when codes lose more than
            --tolerance.
            """)

    @Option(help: "Kinds of data, with commas between them; gauss* is all that begin so. All if not given.")
    var kinds: String?
    @Option(help: "Rows of a store; some kinds have half or a fifth of them.") var rows: Int?
    @Option(help: "Queries of a first run.") var queries: Int?
    @Option(help: "Seeds the data.") var seed: UInt64 = 1
    @Option(help: "The loss of recall that is allowed at any width.") var tolerance = 0.005
    @Option(help: "Threads that build, add and search.") var threads = 2
    @Flag(help: "A dozen kinds, each in its first form, 3,000 rows and 100 queries.") var short = false
    @Flag(help: "Prints the names of all kinds and their forms.") var list = false

    func run() throws {
        let kinds = try chosen()
        if list {
            for kind in kinds {
                let forms = kind.forms.map { "\($0.scalar.rawValue) \($0.metricName)" }.joined(separator: ", ")
                print("\(kind.name): \(kind.dimensions) dimensions, \(forms)")
            }
            return
        }
        let settings = Trial.Settings(tolerance: tolerance, threads: threads), workplace = try Workplace()
        defer { workplace.removeAll() }
        var report = Report(settings)
        for kind in kinds {
            let samples = Samples(
                kind, rows: rows ?? (short ? 3000 : 20_000), queries: queries ?? (short ? 100 : 500), seed: seed)
            for form in short ? Array(kind.forms.prefix(1)) : kind.forms {
                for way in Way.allCases {
                    let trial = Trial(
                        kind: kind, form: form, way: way, samples: samples, settings: settings, workplace: workplace)
                    do {
                        try trial.run { report.add($0) }
                    } catch {
                        report.add(error, trial)
                    }
                }
            }
        }
        report.printSummary()
        if !report.failures.isEmpty { throw ExitCode(1) }
    }

    func validate() throws {
        if let rows, rows < 2500 { throw ValidationError("--rows is 2500 or more: smaller stores are not walked") }
        if let queries, queries < 2 { throw ValidationError("--queries is 2 or more") }
        if threads < 1 { throw ValidationError("--threads is 1 or more") }
    }

    private func chosen() throws -> [Kind] {
        guard let kinds else { return short ? Kind.all.filter(\.isTelling) : Kind.all }
        do {
            return try Kind.named(kinds.split(separator: ",").map { String($0) })
        } catch let problem as Kind.UnknownKind {
            throw ValidationError("there is no kind '\(problem.name)'; --list prints their names")
        }
    }
}
