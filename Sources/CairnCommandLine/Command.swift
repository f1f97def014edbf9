import ArgumentParser

/// A subcommand: prints its results, or throws what is reported in the form that was asked for.
protocol Command: ParsableCommand {
    var common: CommonOptions { get }

    /// Does the work. Only what was flushed by then is printed when it throws.
    func perform(_ output: StandardOutput) throws
}

extension Command {
    func run() throws {
        let output = StandardOutput()
        do {
            try perform(output)
            try output.flush()
        } catch let code as ExitCode {
            throw code
        } catch {
            let failure = Failure(reporting: error)
            failure.print(as: common.output)
            throw failure.exitCode
        }
    }
}

/// The options of every subcommand.
struct CommonOptions: ParsableArguments {
    enum Format: String, CaseIterable, ExpressibleByArgument {
        case text, json
    }

    @Option(help: "How to print results and errors.")
    var output = Format.text

    @Flag(help: "Print no progress and no summary.")
    var quiet = false
}
