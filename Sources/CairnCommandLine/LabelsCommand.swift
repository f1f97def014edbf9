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

              cairn labels products.cairn > labels.txt
            """)

    @Argument(help: "The store.", completion: .directory)
    var store: FilePath

    @OptionGroup var damage: DamageOptions

    @OptionGroup var common: CommonOptions

    func perform(_ output: StandardOutput) throws {
        let labels = try VectorStore.open(at: store, options: .init(logDamage: damage.logDamage)).allLabels()
        switch common.output {
        case .json: try output.document(.object([("labels", .array(labels.map { .number($0) }))]))
        case .text: for label in labels { try output.line("\(label)") }
        }
    }
}
