import ArgumentParser
import Cairn
import SystemPackage

/// `cairn checkpoint`
struct CheckpointCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "checkpoint",
        abstract: "Write the changes in the log to the files of the store.",
        discussion: """
            Commands that change a store do this when they end. A command that was killed leaves its changes in the log, and every \
            command reads that log again until one writes, such as this one.

              cairn checkpoint products.cairn
              cairn checkpoint damaged.cairn --salvage
            """)

    @Argument(help: "The store.", completion: .directory)
    var store: FilePath

    @OptionGroup var damage: DamageOptions

    @OptionGroup var memory: MemoryOptions

    @OptionGroup var common: CommonOptions

    func perform(_ output: StandardOutput) throws {
        let start = ContinuousClock.now
        let count = try VectorStore.changing(
            at: store, options: .init(logDamage: damage.logDamage, memoryBudget: memory.memory?.bytes),
            reporting: common
        ) { store in
            let waiting = WaitingLine("bringing the log into the files", quiet: common.quiet)
            defer { waiting?.finish() }
            try store.checkpoint()
            return try store.count
        }
        let seconds = (ContinuousClock.now - start).seconds
        try output.facts(
            [("count", .number(count)), ("seconds", .number(seconds, decimals: 3))], as: common,
            text: ["\(store): \(counted(count, "vector")), all in the files after \(fixed(seconds, decimals: 1)) s"])
    }
}
