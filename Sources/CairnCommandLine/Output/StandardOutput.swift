import ArgumentParser
import MappedStorage
import SystemPackage

/// Standard output, gathered into large writes. One thread at a time.
final class StandardOutput {
    private var buffer: [UInt8] = []
    private static let limit = 1 << 16

    /// Prints one line.
    func line(_ text: String = "") throws {
        buffer += text.utf8
        buffer.append(UInt8(ascii: "\n"))
        if buffer.count >= Self.limit { try flush() }
    }

    /// Prints one document.
    func document(_ json: JSON) throws {
        json.write(to: &buffer)
        try line()
    }

    /// Writes what was printed so far. Throws ``ExitCode/success``, which ends the program, when nobody reads on.
    func flush() throws {
        defer { buffer.removeAll(keepingCapacity: true) }
        do {
            try FileDescriptor.standardOutput.writeAll(buffer)
        } catch Errno.brokenPipe {
            throw ExitCode.success
        } catch let error as Errno {
            throw Failure(
                code: error.advice == nil ? "io" : "full",
                "could not write the results: \(error.advice ?? "\(error)")",
                path: "standard output")
        }
    }
}
