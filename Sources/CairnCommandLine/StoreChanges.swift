import ArgumentParser
import Cairn
import SystemPackage

extension VectorStore {
    /// Opens the store at `path`. Where a damaged log is put up with (--salvage) and there is one, standard error is
    /// told what is left out, in the format of errors. A long log takes a while, and what is missing is made again.
    static func opening(
        at path: FilePath, options: OpenOptions, forWriting: Bool = false, reporting common: CommonOptions
    ) throws -> VectorStore {
        func open(_ options: OpenOptions) throws(StoreError) -> VectorStore {
            forWriting ? try openForWriting(at: path, options: options) : try self.open(at: path, options: options)
        }
        let waiting = WaitingLine("opening the store", quiet: common.quiet)
        defer { waiting?.finish() }
        guard options.logDamage == .discardRest else { return try open(options) }
        var strict = options
        strict.logDamage = .fail
        do {
            return try open(strict)
        } catch {
            guard error.code == .corrupt else { throw error }
            let store = try open(options)
            let loss =
                forWriting
                ? "; the store is now as it was before the damage, what came after it is lost"
                : "; this is the store as it was before the damage"
            waiting?.finish()
            Failure(error, saying: error.problem, addition: loss).print(
                as: common.output, kind: "warning")
            return store
        }
    }

    /// Opens the store at `path` for writing, runs `body` and closes the store. Throws what `body` throws, else what
    /// closing does: only then is everything that was acknowledged on the disk, whatever the durability.
    static func changing<Result>(
        at path: FilePath, options: OpenOptions = .init(), reporting common: CommonOptions,
        _ body: (VectorStore) throws -> Result
    ) throws -> Result {
        let store: VectorStore
        do {
            store = try opening(at: path, options: options, forWriting: true, reporting: common)
        } catch let error as StoreError where error.code == .corrupt && !error.isSalvageable {
            throw Failure(error, addition: "; nothing was changed")
        }
        let result: Result
        do {
            result = try body(store)
        } catch {
            try? store.close()
            throw error
        }
        // The log comes into the files, and codes may be made.
        let waiting = WaitingLine("closing the store", quiet: common.quiet)
        defer { waiting?.finish() }
        do {
            try store.close()
        } catch {
            // What was acknowledged is in the log whatever closing says, unless it says that.
            guard error.code == .corrupt else { throw error }
            throw Failure(error, addition: "; the changes are made, and stay in the log")
        }
        if let failed = store.failedCheckpoint {
            printWarning(
                "\(path): the changes are safe in the log, but could not be brought into the files: \(failed.error.message)"
            )
        }
        return result
    }
}

/// What to do about a damaged log.
struct DamageOptions: ParsableArguments {
    @Flag(
        help: """
            If the log is damaged in its middle, use the store as it was before the damage. A command that writes loses \
            permanently what came after it.
            """)
    var salvage = false

    var logDamage: VectorStore.OpenOptions.LogDamage { salvage ? .discardRest : .fail }
}

/// What acknowledged changes survive.
struct DurabilityOptions: ParsableArguments {
    enum Level: String, CaseIterable, ExpressibleByArgument {
        case full, interval, none
    }

    @Option(
        help: """
            What a batch survives once it is acknowledged. full: everything, power cuts included. interval and none: a crash \
            of this program. Power cuts too, with interval after --interval, with none once the system has written the batch.
            """)
    var durability = Level.full

    @Option(
        help: ArgumentHelp(
            "With --durability interval: the most that a power cut may undo, in milliseconds; by default 100.",
            valueName: "ms"))
    var interval: Int?

    // For tests: checkpoints as often as they like.
    @Option(help: ArgumentHelp("The length of the log that calls for a checkpoint.", visibility: .hidden))
    var logBytes: ByteCount?

    func validate() throws {
        guard let interval else { return }
        if durability != .interval { throw ValidationError("--interval needs --durability interval") }
        if interval < 1 { throw ValidationError("--interval is \(interval); it must be 1 or more") }
    }

    /// Options to open a store with for writing.
    func openOptions(
        _ damage: DamageOptions?, _ memory: MemoryOptions, threads: ThreadCount? = nil
    ) -> VectorStore.OpenOptions {
        let durability: VectorStore.OpenOptions.Durability =
            switch durability {
            case .full: .full
            case .interval: .interval(.milliseconds(interval ?? 100))
            case .none: .none
            }
        var options = VectorStore.OpenOptions(
            durability: durability, logDamage: damage?.logDamage ?? .fail, memoryBudget: memory.memory?.bytes,
            threads: threads?.count)
        if let logBytes { options.logBytes = logBytes.bytes }
        return options
    }
}
