import ArgumentParser
import Cairn
import SystemPackage

/// `cairn set`
struct SetCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Change the ef of a store.",
        discussion: """
            Searches without --ef use it from then on.

              cairn set products.cairn --ef 100
            """)

    static let advice: [String: String] = {
        let fixed = "it is fixed when a store is made"
        let again =
            "\(fixed); build a new one from the vectors: `cairn convert STORE v.npy --save-labels l.npy`, then "
            + "`cairn build NEW v.npy --labels l.npy` with the new value"
        var advice = Dictionary(
            uniqueKeysWithValues: ["-M", "--ef-construction", "--seed", "--scalar", "--dim"].map { ($0, again) })
        advice["--metric"] = "\(fixed); make a copy with another one: `cairn convert STORE COPY.cairn --metric cosine`"
        advice["--quantization"] = "`cairn quantize STORE sq8` changes the quantization"
        return advice
    }()

    @Argument(help: "The store.", completion: .directory)
    var store: FilePath

    @Option(help: ArgumentHelp("The new ef: how many candidates a search keeps, 1 to 1000000.", valueName: "n"))
    var ef: Int

    @OptionGroup var memory: MemoryOptions

    @OptionGroup var common: CommonOptions

    func perform(_ output: StandardOutput) throws {
        let kept = try VectorStore.changing(at: store, options: memory.openOptions, reporting: common) { store in
            try store.setEF(ef)
            return try store.configuration.ef
        }
        try output.facts([("ef", .number(kept))], as: common, text: ["\(store): ef is \(kept)"])
    }
}
