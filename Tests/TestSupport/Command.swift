package import SystemPackage

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The project's directory, the one with Package.swift.
package let projectDirectory: FilePath =
    FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()

/// Runs a program, looked up in PATH, with nothing on its standard input, and waits for its end.
///
/// `status` is its exit status, or 128 and the signal's number when a signal ended it. Throws when it cannot be started,
/// `noSuchFileOrDirectory` for one that is not there.
package func run(_ command: [String]) throws -> (status: Int, output: String, errors: String) {
    let directory = try TemporaryDirectory()
    let output = directory.appending("output"), errors = directory.appending("errors")
    // Files instead of pipes: a program can fill both without anybody reading.
    try writeBytes([], to: output)
    try writeBytes([], to: errors)
    let process = try start(command, output: output, errors: errors)
    var status: Int32 = 0
    while unsafe waitpid(process, &status, 0) < 0 {
        guard errno == EINTR else { throw Errno(rawValue: errno) }
    }
    let signal = Int(status & 0x7f)
    return (
        signal == 0 ? Int(status >> 8) & 0xff : 128 + signal, String(decoding: try readBytes(output), as: UTF8.self),
        String(decoding: try readBytes(errors), as: UTF8.self)
    )
}

private func start(_ command: [String], output: FilePath, errors: FilePath) throws(Errno) -> pid_t {
    #if canImport(Glibc)
    var actions = unsafe posix_spawn_file_actions_t()
    #else
    var actions: posix_spawn_file_actions_t?
    #endif
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, 1, output.string, O_WRONLY, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, 2, errors.string, O_WRONLY, 0)
    var arguments = unsafe command.map { unsafe strdup($0) } + [nil]
    defer { unsafe arguments.forEach { unsafe free($0) } }
    var process: pid_t = 0
    let code = unsafe posix_spawnp(&process, command[0], &actions, nil, &arguments, environ)
    guard code == 0 else { throw Errno(rawValue: code) }
    return process
}
