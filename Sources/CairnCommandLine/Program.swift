import Allocation
import ArgumentParser
import SystemPackage

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The program `cairn`.
@main
struct Program: ParsableCommand {
    /// The version of Cairn, in this place alone: `Scripts/version` reads it for packages and manual pages, and checks
    /// that CHANGELOG.md and README.md have the same.
    static let version = "0.2.0"

    static let configuration = CommandConfiguration(
        commandName: "cairn",
        abstract: "Search for nearest neighbours in vector stores on disk.",
        discussion: """
            A store is a directory. Vector files are .npy, .fvecs, .bvecs, .ivecs, .fbin, .u8bin, .i8bin and .ibin. \
            `cairn convert` reads indexes of hnswlib and Chroma.

            Results go to standard output, progress and errors to standard error. All commands have --output, which prints \
            results as text, tab-separated, JSON or JSON lines.

            Exit codes:

              0    done
              1    failed; the message says why
              2    the store is damaged
              64   wrong arguments

            If a signal ends the program, the exit code is the shell's: 130 for Ctrl-C.

              cairn build products.cairn vectors.npy --metric cosine
              cairn search products.cairn queries.npy -k 5
            """,
        version: version,
        groupedSubcommands: [
            CommandGroup(
                name: "Store",
                subcommands: [
                    BuildCommand.self, CreateCommand.self, InfoCommand.self, SetCommand.self, VerifyCommand.self,
                    CheckpointCommand.self, QuantizeCommand.self, RepairCommand.self,
                ]),
            CommandGroup(
                name: "Data",
                subcommands: [
                    AddCommand.self, DeleteCommand.self, SearchCommand.self, GetCommand.self, LabelsCommand.self,
                    ConvertCommand.self,
                ]),
            CommandGroup(name: "Measure", subcommands: [RecallCommand.self]),
        ])

    static func main() {
        // A reader that has had enough closes the pipe: then writing fails, and the program ends by itself.
        signal(SIGPIPE, SIG_IGN)
        // As does a file that may grow no longer (ulimit -f).
        signal(SIGXFSZ, SIG_IGN)
        let arguments = CommandOptions.joiningNumbers(ArgumentText.all)
        requireMemory(arguments)
        do {
            try UsageError.check(arguments)
            var command = try parseAsRoot(arguments)
            Interruption.watch(isAtomic: command is BuildCommand || command is ConvertCommand)
            try command.run()
        } catch let code as ExitCode {
            exit(withError: code)
        } catch {
            guard let wrong = usageError(error, arguments) else { exit(withError: error) }
            wrong.print(as: OutputFormat(askedForBy: arguments))
            exit(withError: ExitCode.validationFailure)
        }
    }

    /// nil where the parser ends the program for another reason: to print help or the version.
    private static func usageError(_ error: any Error, _ arguments: [String]) -> UsageError? {
        if let error = error as? UsageError { return error }
        return exitCode(for: error) == .validationFailure ? UsageError(error, in: arguments) : nil
    }

    /// What a command takes before it takes anything for its data: without it the program would be ended somewhere on
    /// its way.
    private static let leastMemory = 16 << 20

    private static func requireMemory(_ arguments: [String]) {
        guard (try? ProcessMemory.expect(leastMemory)) == nil else { return }
        let message =
            "this process may have too little memory or addresses to do anything; raise the limits (ulimit -v, the control group's)"
        Failure(code: "full", message).print(as: OutputFormat(askedForBy: arguments))
        exit(withError: ExitCode.failure)
    }
}
