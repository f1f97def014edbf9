import ArgumentParser
import Cairn
import SystemPackage

/// `cairn repair`
struct RepairCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "repair",
        abstract: "Link vectors that searches do not find, and make lost files again.",
        discussion: """
            An index of hnswlib may hold vectors that no link leads to, and convert keeps its graph. repair gives links of its own \
            to every vector that cannot be reached, or that a search for it at the store's own ef does not find. Vectors, labels and \
            marks stay as they are. Files that can be made from the others are made again where they are missing or damaged.

            Other damage is told, and nothing is changed. cairn verify --depth searches says beforehand what there is to do. A repair \
            that was interrupted can be run again. Exit code 2: damage, or vectors that are still not found.

              cairn convert index.bin products.cairn --metric l2
              cairn repair products.cairn
            """)

    @Argument(help: "The store.", completion: .directory)
    var store: FilePath

    @Option(help: "How many threads search and link; one per processor if not given.")
    var threads: ThreadCount?

    @OptionGroup var common: CommonOptions

    func perform(_ output: StandardOutput) throws {
        let start = ContinuousClock.now
        let bar = ProgressBar(quiet: common.quiet)
        defer { bar?.finish() }
        let report = try VectorStore.repair(at: store, threads: threads?.count) { bar?.update($0, of: $1) }
        bar?.finish()
        let seconds = (ContinuousClock.now - start).seconds
        switch common.output {
        case .json:
            try output.document(
                .object([
                    ("unreachable", .number(report.unreachable)), ("missed", .number(report.missed)),
                    ("relinked", .number(report.relinkedLabels.count)),
                    ("relinked_labels", .array(report.relinkedLabels.map { .number($0) })),
                    ("remaining_labels", .array(report.remainingLabels.map { .number($0) })),
                    ("files", .array(report.files.map { .string($0) })),
                    ("seconds", .number(seconds, decimals: 3)),
                ]))
        case .text where !common.quiet: for line in lines(report, seconds) { try output.line("\(store): \(line)") }
        case .text: break
        }
        if !report.remainingLabels.isEmpty {
            try output.flush()
            throw ExitCode(2)
        }
    }

    private func lines(_ report: RepairReport, _ seconds: Double) -> [String] {
        var lines: [String] = []
        if !report.files.isEmpty { lines.append("\(report.files.joined(separator: ", ")) made again") }
        if !report.relinkedLabels.isEmpty {
            lines.append(
                "\(counted(report.unreachable, "vector")) out of reach, \(report.missed) not found; "
                    + "\(counted(report.relinkedLabels.count, "vector")) linked again in \(fixed(seconds, decimals: 1)) s"
            )
        }
        if !report.remainingLabels.isEmpty {
            lines.append(
                "\(counted(report.remainingLabels.count, "vector")) still not found: a larger M, --ef-construction or --ef finds more"
            )
        }
        return lines.isEmpty ? ["nothing to repair"] : lines
    }
}
