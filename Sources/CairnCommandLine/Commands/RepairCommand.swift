import ArgumentParser
import Cairn
import SystemPackage

/// `cairn repair`
struct RepairCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "repair",
        abstract: "Link vectors that searches do not find, and make lost derived files again.",
        discussion: """
            An index of hnswlib may have vectors that no link leads to, and `cairn convert` keeps its graph. This command adds links \
            to every vector that cannot be reached, or that a search for it at the store's own ef does not find. A vector that has \
            a link twice, or a link to itself, gets new links, too. Vectors, labels and deletion marks stay as they are. Derived files that are missing or damaged are made again.

            Other damage is reported, and then nothing is changed. `cairn verify --depth searches` shows beforehand what there is \
            to repair. If a repair is interrupted, run it again. The exit code is 2 if there is other damage, or if vectors are \
            still not found.

              cairn convert index.bin products.cairn --metric l2
              cairn repair products.cairn
            """)

    @Argument(help: "The store.", completion: .directory)
    var store: FilePath

    @Option(
        help: ArgumentHelp(
            "Threads that search and link; by default one for each processor that the program may use.",
            valueName: "n"
        ))
    var threads: ThreadCount?

    @OptionGroup var labelOptions: LabelOptions

    @OptionGroup var memory: MemoryOptions

    @OptionGroup var common: CommonOptions

    func perform(_ output: StandardOutput) throws {
        let start = ContinuousClock.now
        let bar = ProgressBar(quiet: common.quiet)
        defer { bar?.finish() }
        let report = try VectorStore.repair(
            at: store, options: memory.openOptions, threads: threads?.count
        ) { bar?.update($0, of: $1) }
        bar?.finish()
        let seconds = (ContinuousClock.now - start).seconds
        func numbers(_ labels: [Label]) -> JSON { .array(labels.map(labelOptions.json)) }
        try output.facts(
            [
                ("unreachable", .number(report.unreachableCount)), ("missed", .number(report.missedCount)),
                ("repeated_links", .number(report.repeatedLinkCount)),
                ("relinked", .number(report.relinkedLabels.count)),
                ("relinked_labels", numbers(report.relinkedLabels)),
                ("remaining_labels", numbers(report.remainingLabels)),
                ("files", .array(report.files.map { .string($0) })),
                ("seconds", .number(seconds, decimals: 3)),
            ], as: common, text: lines(report, seconds).map { "\(store): \($0)" })
        if !report.remainingLabels.isEmpty {
            try output.flush()
            throw ExitCode(2)
        }
    }

    private func lines(_ report: VectorStore.RepairReport, _ seconds: Double) -> [String] {
        var lines: [String] = []
        if !report.files.isEmpty { lines.append("\(report.files.joined(separator: ", ")) made again") }
        if !report.relinkedLabels.isEmpty {
            let repeated = report.repeatedLinkCount > 0 ? ", \(report.repeatedLinkCount) with a link twice" : ""
            lines.append(
                "\(counted(report.unreachableCount, "vector")) out of reach, \(report.missedCount) not found\(repeated); "
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
