import ArgumentParser
import Cairn
import SystemPackage

/// `cairn set`
struct SetCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Change what a store keeps about searching.",
        discussion: """
              cairn set products.cairn --ef 100
            """)

    @Argument(help: "The store.", completion: .directory)
    var store: FilePath

    @Option(help: ArgumentHelp("The width of searches that name none.", valueName: "n"))
    var ef: Int

    @OptionGroup var common: CommonOptions

    func perform(_ output: StandardOutput) throws {
        let kept = try VectorStore.changing(at: store) { store in
            try store.setSearchWidth(ef)
            return try store.configuration.searchWidth
        }
        try output.facts([("ef", .number(kept))], as: common, text: ["\(store): ef is \(kept)"])
    }
}
