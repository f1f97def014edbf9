import Foundation
import HNSW
import Threading

/// What came of the cases of all workers.
final class Tally: Sendable {
    private struct Counts {
        var outcomes: [String: [String: Int]] = [:]
        var cases = 0
        var problems: [String] = []
    }
    private let counts = Guarded(Counts())

    /// A case by its number.
    struct Case {
        let index: Int
        let description: String
    }

    var isClean: Bool { counts.withLock { $0.problems.isEmpty && $0.cases > 0 } }

    func report(_ problem: String) { counts.withLock { $0.problems.append(problem) } }

    /// Takes up a worker's lines. Returns the last case that it began.
    func take(_ output: String) -> Case? {
        var last: Case?
        counts.withLock { counts in
            for line in output.split(separator: "\n") {
                let (kind, rest) = Self.split(line, at: " ")
                switch kind {
                case "begin":
                    let (index, description) = Self.split(rest, at: " ")
                    last = Int(index).map { Case(index: $0, description: String(description)) }
                case "end":
                    let (call, result) = Self.split(rest, at: "|")
                    counts.outcomes[String(call), default: [:]][String(result), default: 0] += 1
                    counts.cases += 1
                case "problem":
                    counts.problems.append("\(last?.description ?? "?"): \(rest)")
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

    /// A line for each call and effect, a column for each outcome.
    func print(seconds: Double) {
        let (outcomes, cases, problems) = counts.withLock { ($0.outcomes, $0.cases, $0.problems) }
        let columns = FaultCase.Outcome.allCases.map(\.rawValue)
        func row(_ cells: [String]) -> String {
            zip(cells, [17, 12, 11, 11, 11, 16, 12]).map { cell, width in
                cell.padding(toLength: max(width, cell.count), withPad: " ", startingAt: 0)
            }.joined().trimmingCharacters(in: .whitespaces)
        }
        Swift.print(row(["call", "effect"] + columns))
        for (call, results) in outcomes.sorted(by: { $0.key < $1.key }) {
            let effects = Set(results.keys.map { $0.prefix { $0 != "|" } }).sorted()
            for effect in effects {
                Swift.print(
                    row([call, String(effect)] + columns.map { results["\(effect)|\($0)"].map(String.init) ?? "-" }))
            }
        }
        for problem in problems.prefix(40) { Swift.print("problem: \(problem)") }
        if problems.count > 40 { Swift.print("and \(problems.count - 40) more") }
        Swift.print("\(cases) cases in \(Int(seconds)) s, \(problems.count) problems")
        if !problems.isEmpty {
            Swift.print("one alone: .build/release/FaultCampaign --scenario NAME --effect EFFECT --call NUMBER")
        }
    }
}
