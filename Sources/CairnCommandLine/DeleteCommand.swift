import ArgumentParser
import Cairn
import SystemPackage

/// `cairn delete`
struct DeleteCommand: Command {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete vectors, or bring deleted ones back.",
        discussion: """
            Deleted vectors are marked, so that searches no longer find them: that is quick, takes nothing off the disk and \
            can be undone. --erase deletes for good, marked vectors too; the space goes to new ones.

            All of it is one batch, which is done as a whole or not at all, unless --batch says otherwise. A label that is not \
            in the store is an error, as are a label given twice, one that is marked already and, with --undo, one that is not marked.

              cairn delete products.cairn 17 4711
              cairn delete products.cairn 17 --undo
              cairn delete products.cairn --labels sold-out.txt --erase
            """)

    @Argument(help: "The store.", completion: .directory)
    var store: FilePath

    @Argument(help: "Labels of vectors.")
    var labels: [Label] = []

    @Option(
        name: .customLong("labels"),
        help: ArgumentHelp(
            "Labels in a file, or - for standard input: an .npy array of integers, or text with one on each line.",
            valueName: "file"),
        completion: .file(extensions: ["npy", "txt"]))
    var labelFile: InputPath?

    @Flag(help: "Bring vectors back that are marked as deleted.")
    var undo = false

    @Flag(help: "Delete for good.")
    var erase = false

    @Option(help: ArgumentHelp("Labels of a batch; all in one if not given.", valueName: "n"))
    var batch: Int?

    @OptionGroup var durability: DurabilityOptions

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
        let info = try VectorStore.changing(at: store, options: durability.openOptions(), reporting: common) { store in
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
            try store.unmark(labels)
        } else if erase {
            try store.erase(labels)
        } else {
            try store.mark(labels)
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
        // The label says which change of the batch it was.
        let message = error.commandLineMessage.replacing(/\ \(change [0-9]+\)/, with: "")
        var failure = Failure(error, saying: message, path: path, addition: "; \(progress(changed))")
        failure.progress = ("changed", changed)
        return failure
    }

    private func summarise(_ changed: Int, _ info: StoreInfo, _ output: StandardOutput) throws {
        let action =
            if undo { "brought back" } else if erase { "erased" } else { "marked as deleted" }
        try output.facts(
            [
                ("changed", .number(changed)),
                ("count", .number(info.count)),
                ("deleted", .number(info.deleted)),
                ("free", .number(info.free)),
            ], as: common, text: ["\(store): \(counted(changed, "vector")) \(action), \(info.count) in all"])
    }
}
