import ArgumentParser
import Cairn
import SystemPackage

/// `cairn delete`
struct DeleteCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete vectors, or bring deleted ones back.",
        discussion: """
            By default, vectors are marked deleted. Searches no longer find them, but nothing is removed from the disk, and --undo \
            brings them back. --erase deletes permanently, vectors that are marked deleted too; new vectors get the space.

            By default, all of it is one batch, which is done as a whole or not at all; --batch makes smaller ones. It is an error \
            if a label is not in the store, is given twice or is marked deleted already. With --undo, it is an error if a label \
            is not marked deleted.

              cairn delete products.cairn 17 4711
              cairn delete products.cairn 17 --undo
              cairn delete products.cairn --labels sold-out.txt --erase
            """)

    @Argument(help: "The store.", completion: .directory)
    var store: FilePath

    @Argument(help: "The labels to delete.")
    var labels: [Label] = []

    @Option(
        name: .customLong("labels"),
        help: ArgumentHelp(
            "A file of labels, or - for standard input: an .npy array of integers, or text with one on each line.",
            valueName: "file"),
        completion: .file(extensions: ["npy", "txt"]))
    var labelFile: InputPath?

    @Flag(help: "Bring vectors back that are marked deleted.")
    var undo = false

    @Flag(help: "Delete permanently.")
    var erase = false

    @Option(help: ArgumentHelp("Labels in a batch; by default all are one batch.", valueName: "n"))
    var batch: Int?

    @OptionGroup var durability: DurabilityOptions

    @OptionGroup var memory: MemoryOptions

    @OptionGroup var common: CommonOptions

    func validate() throws {
        switch (labels.isEmpty, labelFile) {
        case (true, nil): throw ValidationError("give labels, or a file of them with --labels")
        case (false, _?): throw ValidationError("give labels, or a file of them with --labels, not both")
        default: break
        }
        if undo && erase { throw ValidationError("--undo and --erase exclude each other") }
        if let batch, batch < 1 { throw ValidationError("--batch is \(batch); it must be 1 or more") }
    }

    func perform(_ output: StandardOutput) throws {
        let labels = try labelFile.map { try readLabels($0.path) } ?? labels
        try expectMemory(32 * labels.count)
        var seen: Set<Label> = []
        for label in labels where !seen.insert(label).inserted {
            var failure = Failure(
                code: StoreError.Code.duplicateLabel.description,
                "label \(label) is given twice; nothing was changed", path: labelFile?.path)
            failure.progress = ("changed", 0)
            throw failure
        }
        let options = durability.openOptions(nil, memory)
        let info = try VectorStore.changing(at: store, options: options, reporting: common) { store in
            try Interruption.inSteps { try change(labels, of: store) }
            return try store.info
        }
        Interruption.endIfRequested()
        try summarise(labels.count, info, output)
    }

    /// Changes batch after batch, until all are done or it is interrupted.
    private func change(_ labels: [Label], of store: VectorStore) throws {
        let bar = ProgressBar(quiet: common.quiet)
        defer { bar?.finish() }
        var done = 0
        Interruption.note(progress(done))
        while done < labels.count && !Interruption.isRequested {
            let end = done + min(batch ?? .max, labels.count - done)
            do throws(StoreError) {
                try changeBatch(Array(labels[done..<end]), of: store)
            } catch {
                throw failure(error, changed: done)
            }
            done = end
            Interruption.note(progress(done))
            bar?.update(done, of: labels.count)
        }
    }

    private func changeBatch(_ labels: [Label], of store: VectorStore) throws(StoreError) {
        if undo {
            try store.unmarkDeleted(labels)
        } else if erase {
            try store.erase(labels)
        } else {
            try store.markDeleted(labels)
        }
    }

    private func progress(_ changed: Int) -> String {
        switch changed {
        case 0: "nothing was changed"
        case 1: "the first label was changed"
        default: "the first \(changed) labels were changed"
        }
    }

    /// The error with what was done before it.
    private func failure(_ error: StoreError, changed: Int) -> Failure {
        let path: FilePath? = error.code == .unknownLabel ? labelFile?.path ?? store : nil
        var failure = Failure(error, path: path, addition: "; \(progress(changed))")
        failure.progress = ("changed", changed)
        return failure
    }

    private func summarise(_ changed: Int, _ info: VectorStore.Info, _ output: StandardOutput) throws {
        let action =
            if undo { "brought back" } else if erase { "erased" } else { "marked deleted" }
        try output.facts(
            [
                ("changed", .number(changed)),
                ("count", .number(info.count)),
                ("deleted", .number(info.deletedCount)),
                ("free", .number(info.freeSlotCount)),
            ], as: common, text: ["\(store): \(counted(changed, "vector")) \(action), \(info.count) in all"])
    }
}
