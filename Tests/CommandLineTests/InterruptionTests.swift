import Foundation
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

@Suite("Interruptions", .serialized)
struct InterruptionTests {
    private let workspace: Workspace

    init() throws { workspace = try Workspace() }

    /// Starts the program, waits for a name of a file or directory that it makes, sends the signal, and returns how it ended.
    private func interrupt(
        _ arguments: [String], when isBegun: (String) -> Bool, by signal: Int32 = SIGINT, again: Bool = false,
        meanwhile: () throws -> Void = {}
    ) throws -> (status: Int32, errors: String) {
        let errors = workspace.directory.appendingPathComponent("errors")
        defer { try? FileManager.default.removeItem(at: errors) }
        let before = Set(try workspace.content)
        let process = try Program.start(
            workspace.located(arguments), output: .file(URL(fileURLWithPath: "/dev/null")), errors: .file(errors))
        var status: Int32 = 0
        while try !workspace.content.contains(where: { !before.contains($0) && isBegun($0) }) {
            if unsafe waitpid(process, &status, WNOHANG) == process {
                Issue.record("it ended before it was interrupted")
                return (status, "")
            }
            usleep(200)
        }
        try #require(kill(process, signal) == 0)
        if again {
            // Two of a kind at once are one.
            usleep(20_000)
            kill(process, signal)
        }
        try meanwhile()
        try #require(kill(process, SIGCONT) == 0)
        while unsafe waitpid(process, &status, 0) < 0 { try #require(errno == EINTR) }
        return (status, try String(contentsOf: errors, encoding: .utf8))
    }

    @Test("a build leaves nothing", arguments: [SIGINT, SIGTERM, SIGHUP])
    func build(signal: Int32) throws {
        try workspace.write("v.npy", bytes: TestVectors(count: 20_000, dimensions: 16, seed: 1).npy)
        let (status, errors) = try interrupt(
            ["build", "@s.cairn", "@v.npy"], when: { $0.hasSuffix(".building/level0") }, by: signal)
        #expect(status & 0x7f == signal && errors == "cairn: interrupted; nothing was written\n")
        #expect(try workspace.content == ["v.npy"])
    }

    @Test("a conversion leaves nothing")
    func convert() throws {
        try workspace.write("v.npy", bytes: TestVectors(count: 20_000, dimensions: 16, seed: 1).npy)
        let (status, errors) = try interrupt(
            ["convert", "@v.npy", "@o.bin", "--metric", "l2"], when: { $0.hasSuffix(".building/level0") })
        #expect(status & 0x7f == SIGINT && errors == "cairn: interrupted; nothing was written\n")
        #expect(try workspace.content == ["v.npy"])
    }

    /// Writes a BFIndex so long that there is time to interrupt its conversion.
    private func writeLongIndex() throws {
        let count = 20_000, stride = 512 * 4 + 8
        let header = [count, stride, count].flatMap { bytes(UInt64($0)) }
        try workspace.write("b.bin", bytes: header + [UInt8](repeating: 0, count: count * stride))
    }

    @Test("files of vectors and of labels go together")
    func labels() throws {
        try writeLongIndex()
        let (status, errors) = try interrupt(
            ["convert", "@b.bin", "@o.npy", "--save-labels", "@l.npy"], when: { $0.hasPrefix(".l.npy") })
        #expect(status & 0x7f == SIGINT && errors == "cairn: interrupted; nothing was written\n")
        #expect(try workspace.content == ["b.bin"])
    }

    @Test("a file of vectors that cannot get its name takes that of labels with it")
    func taken() throws {
        try writeLongIndex()
        let (status, errors) = try interrupt(
            ["convert", "@b.bin", "@o.npy", "--save-labels", "@l.npy"], when: { $0.hasPrefix(".l.npy") }, by: SIGSTOP
        ) {
            try FileManager.default.createDirectory(
                atPath: workspace.path("o.npy"), withIntermediateDirectories: false)
        }
        #expect(status == 1 << 8 && errors.contains("o.npy"))
        #expect(try workspace.content == ["b.bin", "o.npy"])
    }

    @Test("an addition ends after the batch it is at, and says how to go on", arguments: [SIGINT, SIGTERM])
    func addition(signal: Int32) throws {
        try workspace.write("v.npy", bytes: TestVectors(count: 3000, dimensions: 16, seed: 1).npy)
        try #require(try workspace.cairn("create", "@store", "--dim", "16", "--quiet").code == 0)
        let (status, errors) = try interrupt(
            ["add", "@store", "@v.npy", "--batch", "10"], when: { $0.hasPrefix("store/log/") }, by: signal)
        #expect(status & 0x7f == signal)
        let match = errors.wholeMatch(
            of:
                /cairn: interrupted; (nothing was added|rows 0 to ([0-9]+) were added, go on after them with --skip ([0-9]+))\n/
        )
        let facts = try #require(match, "\(errors)")
        let skip = facts.3.flatMap { Int($0) } ?? 0
        #expect(facts.2.flatMap { Int($0) } ?? -1 == skip - 1 && skip % 10 == 0)
        // It was closed: what the first log had is in the files.
        #expect(try workspace.cairn("labels", "@store").lines == (0..<skip).map { "\($0)" })
        #expect(try !workspace.content.contains("store/log/0000000000000001.wal") || skip == 0)
        #expect(try workspace.cairn("add", "@store", "@v.npy", "--skip", "\(skip)", "--quiet").code == 0)
        #expect(try workspace.counts() == Counts(3000))
        #expect(try workspace.cairn("verify", "@store").code == 0)
    }

    @Test("a second signal ends it at once")
    func twice() throws {
        try workspace.write("v.npy", bytes: TestVectors(count: 3000, dimensions: 16, seed: 1).npy)
        try #require(try workspace.cairn("create", "@store", "--dim", "16", "--quiet").code == 0)
        let (status, errors) = try interrupt(
            ["add", "@store", "@v.npy", "--batch", "3000"], when: { $0.hasPrefix("store/log/") }, again: true)
        #expect(status & 0x7f == SIGINT && errors.hasPrefix("cairn: interrupted; "))
        let count = try workspace.counts().count
        #expect(errors == "cairn: interrupted; nothing was added\n" ? [0, 3000].contains(count) : count == 3000)
        #expect(try workspace.cairn("verify", "@store").code == 0)
    }
}
