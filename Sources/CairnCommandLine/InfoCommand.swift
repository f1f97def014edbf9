import ArgumentParser
import Cairn
import SystemPackage

/// `cairn info`
struct InfoCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "info",
        abstract: "Say what a store is and how large.",
        discussion: """
            count is the number of vectors, deleted that of vectors marked as deleted, free that of slots that new vectors \
            will get. Sizes are in bytes: file_bytes of all files, log_bytes of changes in the log and of room for more, \
            heap_bytes of memory beside the mapped files, code_bytes of the codes that searches go by: 0 while they go by the \
            vectors.

            codes is what the store asks for, codes_used what searches go by, and codes_reason why that is something else. \
            codes_lost is the most that searches lose by them of recall@10, at codes_lost_at_ef: measured when the store had \
            codes_measured_count vectors, by searches for codes_measured_queries of them. codes_losses has each ef, but not in text; \
            its recall is of what the measured searches found together.

              cairn info products.cairn --output json
            """)

    @Argument(help: "The store.", completion: .directory)
    var store: FilePath

    @OptionGroup var damage: DamageOptions

    @OptionGroup var common: CommonOptions

    func perform(_ output: StandardOutput) throws {
        let info = try VectorStore.opening(
            at: store, options: .init(logDamage: damage.logDamage), reporting: common
        ).info
        // Twice as long as what calls for a checkpoint.
        if info.logBytes > 2 * VectorStore.OpenOptions().logBytes {
            printWarning(
                "\(store): the log has grown to \(info.logBytes) bytes, because no checkpoint was made; `cairn checkpoint` makes one, "
                    + "or says why it cannot")
        }
        let facts = Self.facts(info)
        // Here the facts are the results, and --quiet keeps them.
        guard common.output == .text else { return try output.facts(facts, as: common, text: []) }
        let width = facts.map(\.key.count).max() ?? 0
        for (key, value) in facts {
            if case .array = value { continue }
            let text = if case .string(let string) = value { string } else { value.text }
            try output.line(key + String(repeating: " ", count: width + 2 - key.count) + text)
        }
    }

    /// What the codes are, and what was measured of them; nothing for a store that has none yet.
    static func codeFacts(_ report: CodeReport?) -> [(key: String, value: JSON)] {
        guard let report else { return [] }
        var facts: [(key: String, value: JSON)] = [("codes_used", .string(report.used.rawValue))]
        if let reason = report.reason { facts.append(("codes_reason", .string(reason))) }
        guard let worst = report.worst else { return facts }
        let losses = report.losses.map { loss in
            JSON.object([
                ("ef", .number(loss.width)), ("recall", .number(loss.recall, decimals: 4)),
                ("lost", .number(loss.lost, decimals: 4)),
            ])
        }
        return facts + [
            ("codes_lost", .number(max(worst.lost, 0), decimals: 4)),
            ("codes_lost_at_ef", .number(worst.width)),
            ("codes_measured_queries", .number(report.queries)),
            ("codes_measured_count", .number(report.measuredCount)),
            ("codes_losses", .array(losses)),
        ]
    }

    static func facts(_ info: StoreInfo) -> [(key: String, value: JSON)] {
        let configuration = info.configuration
        return [
            ("count", .number(info.count)),
            ("deleted", .number(info.deleted)),
            ("free", .number(info.free)),
            ("dimensions", .number(configuration.dimensions)),
            ("metric", .string(configuration.metric.name)),
            ("scalar", .string(configuration.scalar.rawValue)),
            ("m", .number(configuration.connectivity)),
            ("ef_construction", .number(configuration.constructionWidth)),
            ("ef", .number(configuration.searchWidth)),
            ("seed", .number(configuration.seed)),
            ("codes", .string(configuration.codes.rawValue)),
            ("code_bytes", .number(info.codeBytes)),
        ] + codeFacts(info.codes) + [
            ("memory_plan", .string(info.memoryPlan.rawValue)),
            ("file_bytes", .number(info.fileBytes)),
            ("log_bytes", .number(info.logBytes)),
            ("heap_bytes", .number(info.heapBytes)),
            ("format_version", .number(info.formatVersion)),
            ("uuid", .string(info.identifier)),
            ("maximum_level", .number(info.maximumLevel)),
        ]
    }
}
