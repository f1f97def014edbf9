import ArgumentParser
import SystemPackage

/// A file to read, or a pipe; `-` is standard input.
struct InputPath: ExpressibleByArgument {
    let path: FilePath

    init?(argument: String) {
        guard let path = FilePath(argument: argument) else { return nil }
        self.path = path == "-" ? "/dev/stdin" : path
    }

    /// Throws where standard input is given twice: the second one would find nothing left.
    static func checkOnce(_ inputs: InputPath?...) throws {
        guard inputs.count(where: { $0?.isStandardInput == true }) > 1 else { return }
        throw ValidationError("standard input is given twice: it can be read once, use a file for the other")
    }

    private var isStandardInput: Bool { path == "/dev/stdin" || path == "/dev/fd/0" || path == "/proc/self/fd/0" }
}
