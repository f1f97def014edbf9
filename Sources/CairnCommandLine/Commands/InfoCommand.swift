import ArgumentParser
import Cairn
import SystemPackage

/// `cairn info`
struct InfoCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "info",
        abstract: "Print the settings, counts and sizes of a store.",
        discussion: """
            count is the number of vectors. deleted is the number of vectors marked deleted. free is the number of slots that new \
            vectors will get.

            Sizes are in bytes. file_bytes is the size of all files. log_bytes is the size of the log: changes, and room for more. \
            heap_bytes is memory in use besides the mapped files. quantization_bytes is the size of the quantization, or 0 if \
            searches do not use it.

            quantization is what you asked for, quantization_used what searches use, and quantization_reason why they differ. \
            quantization_lost is the most recall@10 that searches lose, at the ef quantization_lost_at_ef. It was measured by \
            searches for quantization_measured_queries of the vectors, when the store had quantization_measured_count.

            quantization_losses has the loss at each ef, in JSON and tsv only. There, recall is relative to everything that the \
            measured searches found together.

              cairn info products.cairn --output json
            """)

    @Argument(help: "The store.", completion: .directory)
    var store: FilePath

    @OptionGroup var damage: DamageOptions

    @OptionGroup var memory: MemoryOptions

    @OptionGroup var common: CommonOptions

    func perform(_ output: StandardOutput) throws {
        let info = try VectorStore.opening(
            at: store, options: .init(logDamage: damage.logDamage, memoryBudget: memory.memory?.bytes),
            reporting: common
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
    static func codeFacts(_ report: VectorStore.QuantizationReport?) -> [(key: String, value: JSON)] {
        guard let report else { return [] }
        var facts: [(key: String, value: JSON)] = [("quantization_used", .string(report.used.rawValue))]
        if let reason = report.reason { facts.append(("quantization_reason", .string(reason))) }
        guard let worst = report.worst else { return facts }
        let losses = report.losses.map { loss in
            JSON.object([
                ("ef", .number(loss.ef)), ("recall", .number(loss.recall, decimals: 4)),
                ("lost", .number(loss.lost, decimals: 4)),
            ])
        }
        return facts + [
            ("quantization_lost", .number(max(worst.lost, 0), decimals: 4)),
            ("quantization_lost_at_ef", .number(worst.ef)),
            ("quantization_measured_queries", .number(report.queries)),
            ("quantization_measured_count", .number(report.measuredCount)),
            ("quantization_losses", .array(losses)),
        ]
    }

    static func facts(_ info: VectorStore.Info) -> [(key: String, value: JSON)] {
        let configuration = info.configuration
        return [
            ("count", .number(info.count)),
            ("deleted", .number(info.deletedCount)),
            ("free", .number(info.freeSlotCount)),
            ("dimensions", .number(configuration.dimensions)),
            ("metric", .string(configuration.metric.name)),
            ("scalar", .string(configuration.scalar.rawValue)),
            ("m", .number(configuration.m)),
            ("ef_construction", .number(configuration.efConstruction)),
            ("ef", .number(configuration.ef)),
            ("seed", .number(configuration.seed)),
            ("quantization", .string(configuration.quantization.rawValue)),
            ("quantization_bytes", .number(info.quantizationBytes)),
        ] + codeFacts(info.quantization) + [
            ("memory_plan", .string(info.memoryPlan.rawValue)),
            ("file_bytes", .number(info.fileBytes)),
            ("log_bytes", .number(info.logBytes)),
            ("heap_bytes", .number(info.heapBytes)),
            ("format_version", .number(info.formatVersion)),
            ("position", .number(info.position)),
            ("uuid", .string(info.identifier)),
            ("maximum_level", .number(info.maximumLevel)),
        ]
    }
}
