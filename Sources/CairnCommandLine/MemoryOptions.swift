import ArgumentParser
import Cairn

/// How much memory a command may use for a store that it opens.
struct MemoryOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            The most memory to use for the store, such as 4G; by default the limit of the control group, or else what the \
            machine has. A store that is larger is read from the disk as it is needed.
            """, valueName: "bytes"))
    var memory: ByteCount?

    /// Options to open a store with, for a command that has no others.
    var openOptions: VectorStore.OpenOptions { .init(memoryBudget: memory?.bytes) }
}
