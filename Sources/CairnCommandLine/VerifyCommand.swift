import ArgumentParser
import Cairn
import SystemPackage

/// `cairn verify`
struct VerifyCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check that a store is sound.",
        discussion: """
            Nothing is written. What is wrong is printed, a line for each problem, and the exit code is 2; it is 0 when \
            nothing is.

            Each depth includes the ones before it. header looks at the headers and whether journal and log can be read; \
            checksums reads everything once; graph also looks at every slot and every link, and whether every vector can be \
            reached.

              cairn verify products.cairn
              cairn verify products.cairn --depth checksums --output json
            """)

    @Argument(help: "The store.", completion: .directory)
    var store: FilePath

    @Option(help: "How much to check.")
    var depth = VerifyReport.Depth.graph

    @OptionGroup var damage: DamageOptions

    @OptionGroup var common: CommonOptions

    /// What was found. Without facts about the store where it is too damaged to be opened.
    private struct Finding {
        var problems: [String]
        var warnings: [String] = []
        var unreachable: Int?
        var codes: CodeReport?
        var info: StoreInfo?
    }

    func perform(_ output: StandardOutput) throws {
        let finding = try look()
        switch common.output {
        case .json: try output.document(document(finding))
        case .text: for line in lines(finding) { try output.line(line) }
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
            let store = try VectorStore.open(at: store, options: .init(logDamage: damage.logDamage))
            let report = try store.verify(depth: depth)
            return Finding(
                problems: report.problems.map(named), warnings: report.warnings, unreachable: report.unreachable,
                codes: report.codes, info: try store.info)
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

    private func document(_ finding: Finding) -> JSON {
        func number(_ value: Int?) -> JSON { value.map { .number($0) } ?? .null }
        return .object(
            [
                ("ok", .bool(finding.problems.isEmpty)),
                ("depth", .string(depth.rawValue)),
                ("problems", .array(finding.problems.map { .string($0) })),
                ("warnings", .array(finding.warnings.map { .string($0) })),
                ("unreachable", number(finding.unreachable)),
                ("count", number(finding.info?.count)),
                ("deleted", number(finding.info?.deleted)),
                ("free", number(finding.info?.free)),
            ] + InfoCommand.codeFacts(finding.codes))
    }

    private func lines(_ finding: Finding) -> [String] {
        guard finding.problems.isEmpty else { return finding.problems.map { "\(store): \($0)" } }
        guard !common.quiet, let info = finding.info else { return [] }
        let warnings = finding.warnings.map { "\(store): warning: \($0)" }
        let checked =
            switch depth {
            case .header: "headers and log were read"
            case .checksums: "headers, log and checksums were checked"
            case .graph: "headers, log, checksums and graph were checked"
            }
        return warnings + [
            "\(store): ok, \(counted(info.count, "vector")), \(info.deleted) marked as deleted, "
                + "\(counted(info.free, "free slot")): \(checked)"
        ] + (finding.codes?.measurement.map { ["\(store): \($0)"] } ?? [])
    }
}
