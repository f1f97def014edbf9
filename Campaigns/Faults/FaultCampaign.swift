import ArgumentParser
import CrashStates
import Foundation
import SystemPackage

/// `make faults`: each system call of some scenarios, and each request for memory, fails, once and from then on, in every way that it
/// can.
@main
struct FaultCampaign: ParsableCommand {
    @Option(help: "Processes.") var processes = 2
    @Option(help: "A directory, best in memory.") var root = "/dev/shm"
    @Option(help: "Only the scenario of this name.") var scenario: String?
    @Option(help: "Only this effect: EIO, ENOSPC, EINTR, short or ENOMEM.") var effect: String?
    @Option(help: "Only the call of this number.") var call: Int?
    @Option(help: .hidden) var worker: Int?
    @Option(help: .hidden) var from = 0

    func run() throws {
        if let worker { return try Worker(self, number: worker).run() }
        let directory = FilePath(root).appending("cairn-faults-\(ProcessInfo.processInfo.processIdentifier)")
        let owner = try StateDirectory(directory)
        defer { try? owner.remove() }
        let start = Date()
        let tally = Tally()
        let threads = (0..<processes).map { number in
            let thread = Thread { supervise(number, directory, tally) }
            thread.start()
            return thread
        }
        while !threads.allSatisfy(\.isFinished) { Thread.sleep(forTimeInterval: 0.05) }
        tally.print(seconds: -start.timeIntervalSinceNow)
        if !tally.isClean { throw ExitCode(1) }
    }

    /// Runs the cases of one worker; where it dies, goes on behind the case that killed it.
    private func supervise(_ number: Int, _ directory: FilePath, _ tally: Tally) {
        var from = 0
        while true {
            let process = Process(), pipe = Pipe()
            process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
            process.arguments =
                [
                    "--worker", "\(number)", "--processes", "\(processes)", "--from", "\(from)", "--root",
                    directory.string,
                ]
                + (scenario.map { ["--scenario", $0] } ?? []) + (effect.map { ["--effect", $0] } ?? [])
                + (call.map { ["--call", "\($0)"] } ?? [])
            process.standardOutput = pipe
            do {
                try process.run()
            } catch {
                return tally.report("a worker could not be started: \(error)")
            }
            let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            let last = tally.take(output)
            if process.terminationReason == .exit && process.terminationStatus == 0 { return }
            let isHanging = process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGALRM
            guard let last else { return tally.report("a worker died before its first case: \(output)") }
            tally.report("\(last.description): the process \(isHanging ? "does not end" : "dies")")
            // One that hangs is rarely alone.
            from = isHanging ? (last.index / Worker.block + 1) * Worker.block : last.index + 1
        }
    }
}
