import ArgumentParser
import Cairn
import SystemPackage

/// `cairn labels`
struct LabelsCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "labels",
        abstract: "Print all labels, one on each line.",
        discussion: """
            In the order in which the store keeps its vectors. The lines are a file for --labels and --filter.

            Labels of vectors that are marked as deleted are left out; --deleted prints these and no others, for \
            `cairn delete --undo` to bring them back or `cairn delete --erase` to delete them for good.

              cairn labels products.cairn > labels.txt
              cairn labels products.cairn --deleted > deleted.txt
            """)

    @Argument(help: "The store.", completion: .directory)
    var store: FilePath

    @Flag(help: "Print the labels marked as deleted in the place of all others.")
    var deleted = false

    @OptionGroup var labelOptions: LabelOptions

    @OptionGroup var damage: DamageOptions

    @OptionGroup var common: CommonOptions

    func perform(_ output: StandardOutput) throws {
        let store = try VectorStore.opening(
            at: store, options: .init(logDamage: damage.logDamage), reporting: common)
        let labels = deleted ? try store.markedLabels() : try store.allLabels()
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
