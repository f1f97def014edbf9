import ArgumentParser
import Cairn
import SystemPackage

/// `cairn get`
struct GetCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Print the vectors of labels.",
        discussion: """
            Each line has a label, then its components. In JSON lines each is {"label": …, "vector": […]}. If a label is not in the \
            store, nothing is printed.

              cairn get products.cairn 17 4711
            """)

    @Argument(help: "The store.", completion: .directory)
    var store: FilePath

    @Argument(help: "Labels of vectors.")
    var labels: [Label]

    @OptionGroup var labelOptions: LabelOptions

    @OptionGroup var damage: DamageOptions

    @OptionGroup var memory: MemoryOptions

    @OptionGroup var common: CommonOptions

    func perform(_ output: StandardOutput) throws {
        let store = try VectorStore.opening(
            at: store, options: .init(logDamage: damage.logDamage, memoryBudget: memory.memory?.bytes),
            reporting: common)
        let vectors = try labels.map { try store.vector(labelled: $0, self.store) }
        switch common.output {
        case .json:
            try output.document(
                .object([
                    ("labels", .array(labels.map(labelOptions.json))),
                    ("vectors", .array(vectors.map { .array($0.map { .number($0) }) })),
                ]))
        case .jsonl:
            for (label, vector) in zip(labels, vectors) {
                try output.document(
                    .object([("label", labelOptions.json(label)), ("vector", .array(vector.map { .number($0) }))]))
            }
        case .tsv:
            try output.row([.string("label")] + vectors[0].indices.map { .string("v\($0)") })
            for (label, vector) in zip(labels, vectors) {
                try output.row([.number(label)] + vector.map { .number($0) })
            }
        case .text:
            for (label, vector) in zip(labels, vectors) {
                try output.line("\(label) " + vector.map(shortest).joined(separator: " "))
            }
        }
    }
}
