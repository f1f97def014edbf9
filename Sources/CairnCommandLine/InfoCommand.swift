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

              cairn info products.cairn --output json
            """)

    @Argument(help: "The store.", completion: .directory)
    var store: FilePath

    @OptionGroup var damage: DamageOptions

    @OptionGroup var common: CommonOptions

    func perform(_ output: StandardOutput) throws {
        let facts = try Self.facts(
            VectorStore.opening(
                at: store, options: .init(logDamage: damage.logDamage), reporting: common.output
            ).info)
        switch common.output {
        case .json: try output.document(.object(facts))
        case .text:
            let width = facts.map(\.key.count).max() ?? 0
            for (key, value) in facts {
                let text = if case .string(let string) = value { string } else { value.text }
                try output.line(key + String(repeating: " ", count: width + 2 - key.count) + text)
            }
        }
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
