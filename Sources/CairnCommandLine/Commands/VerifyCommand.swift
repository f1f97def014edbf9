import ArgumentParser
import Cairn
import SystemPackage
import VectorFiles

/// `cairn verify`
struct VerifyCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check that a store is sound.",
        discussion: """
            It writes nothing. It prints a line for each problem, and the exit code is 2. Without a problem the exit code is 0.

            Each depth includes the ones before it:

              header      headers, and whether journal and log can be read
              checksums   everything, read once
              graph       every slot and link, and whether every vector can be reached
              searches    a search for every vector by itself

            The searches ask for ten neighbours at the store's own ef. Vectors that are not found are no damage: `cairn repair` \
            links them again.

            For a damaged page, it prints ten of the labels whose vectors, links or lengths are on the page. --save-labels writes \
            all labels that are damaged, cannot be reached or are not found to a file. --output json prints all of them. You can \
            use the file as --labels.

              cairn verify products.cairn
              cairn verify products.cairn --depth checksums --output json
              cairn verify products.cairn --save-labels damaged.npy
            """)

    @Argument(help: "The store.", completion: .directory)
    var store: FilePath

    @Option(help: "How much to check.")
    var depth = VectorStore.VerifyReport.Depth.graph

    @Option(
        help: ArgumentHelp(
            "Save the labels of vectors that are damaged, cannot be reached or are not found: .npy, u64.",
            valueName: "file"),
        completion: .file(extensions: ["npy"]))
    var saveLabels: FilePath?

    @OptionGroup var labelOptions: LabelOptions

    @OptionGroup var damage: DamageOptions

    @OptionGroup var memory: MemoryOptions

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if saveLabels == "-" { throw ValidationError("--save-labels -: name a file; --output json prints them") }
    }

    /// What was found. Without a report and facts about the store where it is too damaged to be opened.
    private struct Finding {
        var problems: [String]
        var report: VectorStore.VerifyReport?
        var info: VectorStore.Info?

        var damagedLabels: [Label] { report?.damagedLabels ?? [] }
        var unreachableLabels: [Label] { report?.unreachableLabels ?? [] }
        var missedLabels: [Label] { report?.missedLabels ?? [] }
        var warnings: [String] { report?.warnings ?? [] }

        /// Labels that --save-labels writes, ascending.
        var labels: [Label] { Set(damagedLabels + unreachableLabels + missedLabels).sorted() }
    }

    func perform(_ output: StandardOutput) throws {
        if let saveLabels { try Destination(path: saveLabels, mayReplace: true).check(inputs: []) }
        let labels = try saveLabels.map { try NpyStream<Label>($0) }
        let finding = try look()
        // Of a store that could not be opened nothing is known.
        if var labels, finding.info != nil {
            try labels.append(finding.labels)
            try labels.finish()
        }
        if common.output == .text {
            for line in lines(finding) { try output.line(line) }
        } else {
            try output.facts(facts(finding), as: common, text: [])
        }
        guard !finding.problems.isEmpty else { return }
        do {
            try output.flush()
        } catch let code as ExitCode where code == .success {
            // Nobody reads on, which makes the store no better.
        }
        throw ExitCode(2)
    }

    private func look() throws -> Finding {
        do throws(StoreError) {
            let store = try VectorStore.open(
                at: store, options: .init(logDamage: damage.logDamage, memoryBudget: memory.memory?.bytes))
            let bar = ProgressBar(quiet: common.quiet, unit: .steps)
            defer { bar?.finish() }
            let report = try store.verify(depth: depth) { bar?.update($0, of: $1) }
            return Finding(problems: report.problems.map(named), report: report, info: try store.info)
        } catch {
            guard error.code == .corrupt else { throw error }
            return Finding(problems: [named((error.path.map { "\($0): " } ?? "") + error.commandLineMessage)])
        }
    }

    /// A problem with the name of the file in the store that it is about, not the whole path.
    private func named(_ problem: String) -> String {
        let place = store.string + "/"
        return problem.hasPrefix(place) ? String(problem.dropFirst(place.count)) : problem
    }

    private func facts(_ finding: Finding) -> [(key: String, value: JSON)] {
        func number(_ value: Int?) -> JSON { value.map { .number($0) } ?? .null }
        func numbers(_ values: [Label]) -> JSON { .array(values.map(labelOptions.json)) }
        let report = finding.report
        let pages = (report?.damagedPages ?? []).map { page in
            JSON.object([
                ("byte", .number(page.offset)), ("content", .string(page.content.rawValue)),
                ("labels", numbers(page.labels)),
            ])
        }
        return [
            ("ok", .bool(finding.problems.isEmpty)),
            ("depth", .string(depth.rawValue)),
            ("problems", .array(finding.problems.map { .string($0) })),
            ("warnings", .array(finding.warnings.map { .string($0) })),
            ("unreachable", number(report?.unreachableCount)),
            ("unreachable_labels", numbers(finding.unreachableLabels)),
            ("missed", number(report?.missedCount)),
            ("missed_labels", numbers(finding.missedLabels)),
            ("damaged_labels", numbers(finding.damagedLabels)),
            ("damaged_pages", .array(pages)),
            ("count", number(finding.info?.count)),
            ("deleted", number(finding.info?.deletedCount)),
            ("free", number(finding.info?.freeSlotCount)),
        ] + InfoCommand.codeFacts(report?.quantization)
    }

    /// How much of a damaged store there is to see to.
    private func summary(_ finding: Finding) -> [String] {
        guard !common.quiet, !finding.labels.isEmpty else { return [] }
        let damaged = counted(finding.damagedLabels.count, "vector") + " damaged"
        let unreachable = "\(finding.unreachableLabels.count) out of reach"
        let advice = saveLabels == nil ? "; --save-labels writes their labels to a file" : ""
        let missed = finding.report?.missedCount.map { $0 > 0 ? ", \($0) not found" : "" } ?? ""
        return ["\(store): \(damaged), \(unreachable)\(missed)\(advice)"]
    }

    private func lines(_ finding: Finding) -> [String] {
        guard finding.problems.isEmpty else { return finding.problems.map { "\(store): \($0)" } + summary(finding) }
        guard !common.quiet, let info = finding.info else { return [] }
        let warnings = finding.warnings.map { "\(store): warning: \($0)" }
        let checked =
            switch depth {
            case .header: "headers and log were read"
            case .checksums: "headers, log and checksums were checked"
            case .graph: "headers, log, checksums and graph were checked"
            case .searches: "headers, log, checksums and graph were checked, and each vector was searched for"
            }
        return warnings + summary(finding) + [
            "\(store): ok, \(counted(info.count, "vector")), \(info.deletedCount) marked deleted, "
                + "\(counted(info.freeSlotCount, "free slot")): \(checked)"
        ] + (finding.report?.quantization?.measurement.map { ["\(store): \($0)"] } ?? [])
    }
}
