import Foundation
import HNSW
import Threading

/// What came of the cases of all workers.
final class Tally: Sendable {
    private struct Counts {
        var cases = 0
        /// By what was damaged.
        var outcomes: [String: [String: Int]] = [:]
        var problems: [(number: Int?, text: String)] = []
    }
    private let counts = Guarded(Counts())
    private let seed: UInt64

    init(seed: UInt64) {
        self.seed = seed
    }

    /// A case that a worker began.
    struct Case {
        let number: Int
        var description = "it was not made"
    }

    var isClean: Bool { counts.withLock { $0.problems.isEmpty && $0.cases > 0 } }

    func report(_ problem: String, case number: Int? = nil) {
        counts.withLock { counts in
            counts.problems.append((number, problem))
            counts.cases += number == nil ? 0 : 1
        }
    }

    /// Takes up a worker's lines. Returns the last case that it began.
    func take(_ output: String) -> Case? {
        var last: Case?
        counts.withLock { counts in
            for line in output.split(separator: "\n") {
                let (kind, rest) = Self.split(line, at: " ")
                switch kind {
                case "begin": last = Int(rest).map { Case(number: $0) }
                case "case": last?.description = String(rest)
                case "end":
                    let (damage, outcome) = Self.split(rest, at: "|")
                    counts.outcomes[String(damage), default: [:]][String(outcome), default: 0] += 1
                    counts.cases += 1
                case "problem":
                    counts.problems.append((last?.number, "\(last?.description ?? "?"): \(rest)"))
                    counts.cases += 1
                default: break
                }
            }
        }
        return last
    }

    private static func split(_ text: Substring, at separator: Character) -> (Substring, Substring) {
        let parts = text.split(separator: separator, maxSplits: 1)
        return (parts.first ?? "", parts.count > 1 ? parts[1] : "")
    }

    /// A line for each kind of damage, a column for each outcome.
    func print(seconds: Double) {
        let (outcomes, cases, problems) = counts.withLock { ($0.outcomes, $0.cases, $0.problems) }
        let columns = Outcome.allCases.map(\.rawValue)
        func row(_ cells: [String]) -> String {
            zip(cells, [26] + columns.map { max(10, $0.count + 2) }).map { cell, width in
                cell.padding(toLength: max(width, cell.count), withPad: " ", startingAt: 0)
            }.joined().trimmingCharacters(in: .whitespaces)
        }
        Swift.print(row(["damage"] + columns))
        for (damage, results) in outcomes.sorted(by: { $0.key < $1.key }) {
            Swift.print(row([damage] + columns.map { results[$0].map(String.init) ?? "-" }))
        }
        for problem in problems.prefix(40) {
            Swift.print("violation: \(problem.text)")
            if let number = problem.number {
                Swift.print("  reproduce: \(CommandLine.arguments[0]) --seed \(seed) --only \(number)")
            }
        }
        if problems.count > 40 { Swift.print("and \(problems.count - 40) more") }
        Swift.print("\(cases) cases in \(Int(seconds)) s, seed \(seed), \(problems.count) violations")
    }
}
