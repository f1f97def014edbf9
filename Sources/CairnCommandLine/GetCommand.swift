import ArgumentParser
import Cairn
import SystemPackage

/// `cairn get`
struct GetCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Print the vectors of labels.",
        discussion: """
            A line for each: the label, then the components. When one of the labels is not in the store, nothing is printed.

              cairn get products.cairn 17 4711
            """)

    @Argument(help: "The store.", completion: .directory)
    var store: FilePath

    @Argument(help: "Labels of vectors.")
    var labels: [Label]

    @OptionGroup var damage: DamageOptions

    @OptionGroup var common: CommonOptions

    func perform(_ output: StandardOutput) throws {
        let store = try VectorStore.opening(
            at: store, options: .init(logDamage: damage.logDamage), reporting: common.output)
        let vectors = try labels.map { label in
            guard let vector = try store.vector(for: label) else {
                throw Failure(code: "notFound", "there is no label \(label) in the store", path: self.store)
            }
            return vector
        }
        switch common.output {
        case .json:
            try output.document(
                .object([
                    ("labels", .array(labels.map { .number($0) })),
                    ("vectors", .array(vectors.map { .array($0.map { .number($0) }) })),
                ]))
        case .text:
            for (label, vector) in zip(labels, vectors) {
                try output.line("\(label) " + vector.map(shortest).joined(separator: " "))
            }
        }
    }
}
