import Foundation
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The program while it runs: a test reads its output line by line, and kills it.
final class RunningProgram {
    let process: pid_t
    private let output: Int32
    private var buffer: [UInt8] = []
    private var isRunning = true

    /// Starts it; an argument that begins with `@` is a file of `workspace`. Errors are lost.
    init(_ workspace: Workspace, arguments: [String]) throws {
        var ends: [Int32] = [-1, -1]
        try #require(unsafe pipe(&ends) == 0)
        // Not for processes that other tests start: the reader would wait for them too.
        for end in ends { try #require(fcntl(end, F_SETFD, FD_CLOEXEC) == 0) }
        output = ends[0]
        defer { close(ends[1]) }
        process = try Program.start(
            workspace.located(arguments), output: .descriptor(ends[1]),
            errors: .file(URL(fileURLWithPath: "/dev/null")))
    }

    deinit {
        kill()
        close(output)
    }

    /// The next line of its output; nil at the end.
    func line() throws -> String? {
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                defer { buffer.removeSubrange(...end) }
                return String(decoding: buffer[..<end], as: UTF8.self)
            }
            var chunk = [UInt8](repeating: 0, count: 4096)
            let count = unsafe read(output, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            try #require(count >= 0)
            if count == 0 { return nil }
            buffer += chunk[..<count]
        }
    }

    /// Ends it as kill -9 does, and waits until it is gone.
    func kill() {
        guard isRunning else { return }
        send(SIGKILL)
        _ = wait()
    }

    func send(_ signal: Int32) {
        #if canImport(Glibc)
        Glibc.kill(process, signal)
        #else
        Darwin.kill(process, signal)
        #endif
    }

    /// Waits for its end. Returns the exit code, or less than 0: the signal that ended it.
    func wait() -> Int32 {
        var status: Int32 = 0
        while unsafe waitpid(process, &status, 0) < 0 && errno == EINTR {}
        isRunning = false
        return status & 0x7f == 0 ? status >> 8 & 0xff : -(status & 0x7f)
    }
}

extension Workspace {
    /// Adds `rows` to `store` one by one, in a process that is killed once it has acknowledged `count` of them; returns how
    /// many it acknowledged. What they did stands in the log.
    func killAdding(_ rows: String, after count: Int, _ options: String...) throws -> Int {
        let program = try RunningProgram(
            self, arguments: ["add", "@store", rows, "--batch", "1", "--print-acknowledged"] + options)
        var acknowledged = 0
        while acknowledged < count { acknowledged = try #require(try program.line().flatMap { Int($0) }) }
        program.kill()
        while let line = try program.line() { acknowledged = try #require(Int(line)) }
        return acknowledged
    }
}
