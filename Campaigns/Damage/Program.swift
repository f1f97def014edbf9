import SystemPackage
import TestSupport

/// Runs commands of the program `cairn`.
struct Program {
    private let path: String
    private let note: (String) -> Void

    init(_ path: String, note: @escaping (String) -> Void) { (self.path, self.note) = (path, note) }

    /// Returns the exit status, and what it says on standard output and standard error. Throws where it dies, takes too long or fails without a word.
    @discardableResult
    func run(_ command: [String]) throws -> (status: Int, output: String, errors: String) {
        let words = command.map { FilePath($0).lastComponent?.string ?? $0 }.joined(separator: " ")
        note("cairn " + words)
        // Of the processor's time: the machine may be busy. For one that waits for ever there is the watchdog.
        let limited = ["sh", "-c", "ulimit -t 10; exec \"$0\" \"$@\"", path]
        let (status, output, errors) = try TestSupport.run(limited + command)
        guard [0, 1, 2, 64].contains(status), status == 0 || !(errors + output).isEmpty else {
            throw Violation("cairn \(words) ends with \(status): \(errors.prefix(300))")
        }
        return (status, output, errors)
    }
}
