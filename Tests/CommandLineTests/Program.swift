import Foundation
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The built program, run as a process of its own.
enum Program {
    /// What a run left on its streams, and how it ended.
    struct Outcome {
        let output: String
        let errors: String
        /// The exit code; negative for the signal that ended it.
        let code: Int32

        /// The lines of the output, without the empty one at its end.
        var lines: [String] {
            output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
        }
    }

    /// Where a stream of the process goes.
    enum Stream {
        case file(URL)
        case descriptor(Int32)
    }

    /// It stands beside the test bundle, wherever the build directory is.
    static let path: String? = {
        let mentioned = CommandLine.arguments.filter { $0.contains(".xctest") || $0 == CommandLine.arguments[0] }
        let starts =
            mentioned.map { URL(fileURLWithPath: $0) }
            + [Bundle.main.bundleURL, Bundle.main.executableURL].compactMap { $0 }
        for start in starts {
            var directory = start
            // A bundle of macOS has its executable three levels down.
            for _ in 0..<5 {
                let candidate = directory.appendingPathComponent("cairn").path
                var isDirectory: ObjCBool = false
                if unsafe FileManager.default.fileExists(atPath: candidate, isDirectory: &isDirectory),
                    !isDirectory.boolValue,
                    FileManager.default.isExecutableFile(atPath: candidate)
                {
                    return candidate
                }
                directory.deleteLastPathComponent()
            }
        }
        return nil
    }()

    /// Runs it, or another program, to its end; returns the exit code, or less than 0: the signal that ended it.
    static func run(
        _ arguments: [String], of program: String? = nil, output: Stream, errors: Stream
    ) throws -> Int32 {
        let process = try start(arguments, of: program, output: output, errors: errors)
        var status: Int32 = 0
        while unsafe waitpid(process, &status, 0) < 0 { try #require(errno == EINTR) }
        return status & 0x7f == 0 ? status >> 8 & 0xff : -(status & 0x7f)
    }

    /// Starts it; the caller waits for its end.
    static func start(
        _ arguments: [String], of program: String? = nil, output: Stream, errors: Stream
    ) throws -> pid_t {
        let cairn = try #require(path, "the program cairn is not beside the tests; run `swift build --product cairn`")
        let path = program ?? cairn
        var environment = ProcessInfo.processInfo.environment
        environment["SWIFT_BACKTRACE"] = "enable=no"
        environment["cairn"] = cairn
        let variables = environment.map { "\($0.key)=\($0.value)" }
        #if canImport(Glibc)
        var actions = unsafe posix_spawn_file_actions_t()
        #else
        var actions: posix_spawn_file_actions_t?
        #endif
        unsafe posix_spawn_file_actions_init(&actions)
        defer { _ = unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        for (number, stream) in [(Int32(1), output), (2, errors)] {
            switch stream {
            case .file(let file):
                unsafe posix_spawn_file_actions_addopen(
                    &actions, number, file.path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
            case .descriptor(let descriptor):
                unsafe posix_spawn_file_actions_adddup2(&actions, descriptor, number)
            }
        }
        // Whatever the tests were started under: a shell in the background, nohup.
        #if canImport(Glibc)
        var attributes = posix_spawnattr_t()
        #else
        var attributes: posix_spawnattr_t?
        #endif
        unsafe posix_spawnattr_init(&attributes)
        defer { _ = unsafe posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        for signal in [SIGINT, SIGTERM, SIGHUP] { unsafe sigaddset(&signals, signal) }
        unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
        var process: pid_t = 0
        let result = unsafe withCStrings([path] + arguments) { arguments in
            unsafe withCStrings(variables) { variables in
                unsafe posix_spawn(&process, path, &actions, &attributes, arguments, variables)
            }
        }
        try #require(result == 0, "posix_spawn failed: \(result)")
        return process
    }

    /// Calls `body` with the strings as C has them: an array that ends in nil.
    private static func withCStrings<Result>(
        _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        var pointers = unsafe strings.map { unsafe strdup($0) } + [nil]
        defer { unsafe pointers.forEach { unsafe free($0) } }
        return unsafe pointers.withUnsafeMutableBufferPointer { unsafe body($0.baseAddress!) }
    }
}
