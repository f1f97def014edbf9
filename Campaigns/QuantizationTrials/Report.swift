import Cairn
import Foundation

/// The table of results, a line each as it comes, and the count of them.
struct Report {
    private let settings: Trial.Settings
    private(set) var results = 0
    private(set) var failures: [String] = []
    private var walksWithout = 0
    private var doubts = 0

    init(_ settings: Trial.Settings) {
        self.settings = settings
        let differences = settings.widths.map { text("\($0)", 7) }.joined()
        print(
            "Recall@\(settings.k) without codes at two widths, and what searching by codes adds to it at each; the worst of "
                + "these with its standard error; seconds to make the store, without codes and with them.")
        print(
            name("kind", 30), text("dims", 4), name(" form", 11), name("way", 5), name("codes", 5), name("used", 5),
            text("bytes", 5), text("none@50", 8), text("@200", 6), differences, text("worst", 8), text("+-", 7),
            text("s none", 7), text("codes", 6))
        flush()
    }

    mutating func add(_ result: Trial.Result) {
        let trial = result.trial
        let differences = result.differences.map { text(signed($0.mean), 7) }.joined()
        let title = result.isRepetition ? "  \(Samples.repetition) times the queries" : trial.kind.name
        print(
            name(title, 30), text("\(trial.kind.dimensions)", 4),
            name(" \(trial.form.scalar.rawValue) \(trial.form.metricName)", 11), name(trial.way.rawValue, 5),
            name(result.codes.rawValue, 5), name(result.inUse, 5), text("\(result.codeBytes)", 5),
            text(recall(result, 50), 8), text(recall(result, 200), 6), differences,
            text(String(format: "%+.4f", result.worst.mean), 8),
            text(String(format: "%.4f", result.worst.standardError), 7),
            text(String(format: "%.1f", result.plainSeconds), 7), text(String(format: "%.1f", result.seconds), 6),
            result.verdict.mark)
        flush()
        results += result.isRepetition ? 0 : 1
        walksWithout += result.inUse == "none" && !result.isRepetition ? 1 : 0
        doubts += result.verdict == .unclear ? 1 : 0
        if result.verdict == .failed { failures.append(Self.title(trial) + " " + result.codes.rawValue) }
    }

    /// A trial that could not be made.
    mutating func add(_ error: any Error, _ trial: Trial) {
        print("\(Self.title(trial)): \(error)")
        flush()
        failures.append(Self.title(trial))
    }

    func printSummary() {
        print(
            "\(results) stores with codes, \(walksWithout) of them searched without; \(doubts) asked twice; \(failures.count) "
                + "failed: they lose more than \(settings.tolerance) of recall, or could not be made")
        for failure in failures { print("  " + failure) }
    }

    private static func title(_ trial: Trial) -> String {
        "\(trial.kind.name) \(trial.form.scalar.rawValue) \(trial.form.metricName) \(trial.way.rawValue)"
    }

    private func recall(_ result: Trial.Result, _ width: Int) -> String {
        guard let index = settings.widths.firstIndex(of: width) else { return "" }
        return String(format: "%.3f", result.plainRecall[index])
    }

    private func signed(_ value: Double) -> String { String(format: "%+.3f", value) }
    private func text(_ value: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - value.count)) + value
    }
    private func name(_ value: String, _ width: Int) -> String {
        value + String(repeating: " ", count: max(0, width - value.count))
    }
    /// Whoever watches a file of it sees each line at once.
    private func flush() { fflush(nil) }
}
