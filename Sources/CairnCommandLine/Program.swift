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
        abstract: "Nearest-neighbour search over vectors, in stores on disk.",
        discussion: """
            A store is a directory. Vector files are .npy, .fvecs, .bvecs, .ivecs, .fbin, .u8bin, .i8bin and \
            .ibin; indexes of hnswlib and Chroma come in with `cairn convert`.

            Results go to standard output, progress and errors to standard error. With --output, which all commands have, results \
            are text, tab-separated, JSON or JSON lines.

            Exit codes:
              0    done
              1    failed; the message says why
              2    the store is damaged
              64   wrong arguments
            A program that a signal ended, such as Ctrl-C, has the shell's code for that: 130 for Ctrl-C.

              cairn build products.cairn vectors.npy --metric cosine
              cairn search products.cairn queries.npy -k 5
            """,
        version: version,
        groupedSubcommands: [
            CommandGroup(
                name: "Store",
                subcommands: [
                    BuildCommand.self, CreateCommand.self, InfoCommand.self, SetCommand.self, VerifyCommand.self,
                    CheckpointCommand.self, CodesCommand.self, RepairCommand.self,
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
        do {
            var command = try parseAsRoot(ArgumentText.all)
            Interruption.watch(isAtomic: command is BuildCommand || command is ConvertCommand)
            try command.run()
        } catch let code as ExitCode {
            exit(withError: code)
        } catch {
            guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
            report(usageError: error)
            exit(withError: ExitCode.validationFailure)
        }
    }

    /// Prints what is wrong with the arguments, in the form of all other errors. The options are not parsed then, so
    /// `--output json` is looked for by hand.
    private static func report(usageError error: any Error) {
        let arguments = CommandLine.arguments.dropFirst()
        let isJSON =
            arguments.contains("--output=json")
            || zip(arguments, arguments.dropFirst()).contains { $0 == "--output" && $1 == "json" }
        if isJSON {
            Failure(code: "usage", message(for: error), exitCode: .validationFailure).print(as: .json)
        } else {
            let text = fullMessage(for: error)
            let prefix = "Error: "
            let body = text.hasPrefix(prefix) ? text.dropFirst(prefix.count) : text[...]
            _ = try? FileDescriptor.standardError.writeAll("cairn: error: \(body)\n".utf8)
        }
    }
}
