import ArgumentParser

/// A subcommand: prints its results, or throws what is reported in the form that was asked for.
protocol Command: ParsableCommand {
    var common: CommonOptions { get }

    /// What to say of options that this command does not have and that people look for here, by their names.
    static var advice: [String: String] { get }

    /// Does the work. Only what was flushed by then is printed when it throws.
    func perform(_ output: StandardOutput) throws
}

extension Command {
    static var advice: [String: String] { [:] }

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
    @Option(help: "How to print results. With json and jsonl, errors are JSON too.")
    var output = OutputFormat.text

    @Flag(help: "Print no progress and no summary.")
    var quiet = false
}

/// How labels are printed in JSON.
struct LabelOptions: ParsableArguments {
    @Flag(
        help: """
            In JSON, print labels as strings. Use this for labels above 9007199254740992: jq and JavaScript round such \
            numbers.
            """)
    var stringLabels = false

    func json(_ label: UInt64) -> JSON { .label(label, asString: stringLabels) }
}

extension JSON {
    static func label(_ label: UInt64, asString: Bool) -> JSON { asString ? .string("\(label)") : .number(label) }
}
