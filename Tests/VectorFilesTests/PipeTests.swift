import SystemPackage
import Testing
import VectorFiles

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What comes through pipes is read like files.
@Suite struct PipeTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// Calls `body` with the name of a pipe into which a process writes `bytes`, some of them after a while.
    private func pipe<Result>(_ name: String, _ bytes: [UInt8], _ body: (FilePath) throws -> Result) throws -> Result {
        let pipe = directory.path.appending(name), source = try directory.file("source", bytes)
        let made = unsafe pipe.withPlatformString { unsafe mkfifo($0, 0o600) }
        try #require(made == 0)
        let script = "exec 3> '\(pipe)'; head -c 70 '\(source)' >&3; sleep 0.05; tail -c +71 '\(source)' >&3"
        var process: pid_t = 0
        let command = ["/bin/sh", "-c", script]
        var arguments = unsafe command.map { unsafe strdup($0) } + [nil]
        defer { unsafe arguments.forEach { unsafe free($0) } }
        let started = unsafe posix_spawn(&process, command[0], nil, nil, &arguments, environ)
        try #require(started == 0)
        defer {
            var status: Int32 = 0
            unsafe waitpid(process, &status, 0)
        }
        return try body(pipe)
    }

    @Test func `arrays`() throws {
        let values = (0..<60_000).map { Float($0) / 7 }
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (20000, 3), }"
        let file = try pipe("a", npy(header, data: values.flatMap { bytes($0) })) { try VectorFile($0) }
        #expect(file.shape == [20_000, 3])
        #expect(try file.floats(19_999..<20_000) == Array(values.suffix(3)))
        #expect(try file.floats() == values)
        #expect(directory.names == ["a", "source"])
    }

    @Test func `labels and documents`() throws {
        let text = (0..<50).map { "\($0 * 3)\n" }.joined()
        #expect(try pipe("labels", Array(text.utf8)) { try LabelFile.read($0) } == (0..<50).map { $0 * 3 })
        #expect(
            try pipe("documents", Array(text.utf8)) { try DocumentFile.read($0) } == .inOrder((0..<50).map { $0 * 3 }))
    }

    @Test func `what is wrong with them`() throws {
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 30), }"
        let short = npy(header, data: [UInt8](repeating: 0, count: 100))
        #expect(try pipe("a", short) { pipe in message { _ = try VectorFile(pipe) } }.contains("truncated"))
        #expect(try pipe("b", []) { pipe in message { _ = try VectorFile(pipe) } }.contains("it is empty"))
        #expect(try pipe("c", [1, 2, 3]) { pipe in message { _ = try VectorFile(pipe) } }.contains("no extension"))
    }
}
