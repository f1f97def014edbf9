import ArgumentParser
import Cairn
import SystemPackage

/// `cairn create`
struct CreateCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make a new store without vectors.",
        discussion: """
            Fill the store with `cairn add`. If you have a file of vectors, `cairn build` makes a store from it, which is faster.

              cairn create products.cairn --dim 384 --metric cosine
            """)

    @Argument(help: "The directory to make. It must not exist, or must be empty.", completion: .directory)
    var store: FilePath

    @Option(help: ArgumentHelp("Dimensions of the vectors, 1 to 65536.", valueName: "n"))
    var dim: Int

    @OptionGroup var creation: CreationOptions

    @OptionGroup var common: CommonOptions

    func perform(_ output: StandardOutput) throws {
        let made: VectorStore
        do {
            made = try VectorStore.create(at: store, configuration: creation.configuration(dimensions: dim))
        } catch {
            throw Failure(
                error,
                addition: error.code == .alreadyExists
                    ? "; `cairn create` makes a new directory, `cairn add` fills a store that is there" : "")
        }
        let info = try made.info
        try made.close()
        try output.facts(
            info.creationFacts + [("file_bytes", .number(info.fileBytes))], as: common,
            text: ["\(store): no vectors yet, of \(counted(info.configuration.dimensions, "dimension"))"])
    }
}
