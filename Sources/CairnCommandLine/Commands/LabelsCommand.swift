import ArgumentParser
import Cairn
import SystemPackage

/// `cairn labels`
struct LabelsCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "labels",
        abstract: "Print all labels, one on each line.",
        discussion: """
            They come in the order of the store. You can use the lines as a file for --labels and --filter.

            By default, labels of vectors that are marked deleted are left out. --deleted prints only these. Then \
            `cairn delete --undo` brings them back, and `cairn delete --erase` deletes them permanently.

              cairn labels products.cairn > labels.txt
              cairn labels products.cairn --deleted > deleted.txt
            """)

    @Argument(help: "The store.", completion: .directory)
    var store: FilePath

    @Flag(help: "Print the labels of vectors marked deleted, and no others.")
    var deleted = false

    @OptionGroup var labelOptions: LabelOptions

    @OptionGroup var damage: DamageOptions

    @OptionGroup var memory: MemoryOptions

    @OptionGroup var common: CommonOptions

    func perform(_ output: StandardOutput) throws {
        let store = try VectorStore.opening(
            at: store, options: .init(logDamage: damage.logDamage, memoryBudget: memory.memory?.bytes),
            reporting: common)
        let labels = deleted ? try store.deletedLabels() : try store.allLabels()
        switch common.output {
        case .json: try output.document(.object([("labels", .array(labels.map(labelOptions.json)))]))
        case .jsonl: for label in labels { try output.document(.object([("label", labelOptions.json(label))])) }
        case .tsv:
            try output.row([.string("label")])
            for label in labels { try output.row([.number(label)]) }
        case .text: for label in labels { try output.line("\(label)") }
        }
    }
}
