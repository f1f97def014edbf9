import ArgumentParser
import CrashStates
import Foundation
import SystemPackage
import TestSupport

/// `make damage COUNT=n`: stores of every kind are damaged, and all that can be done to a store is done to them. Any bytes must give
/// an error or a correct answer.
@main
struct DamageCampaign: ParsableCommand {
    @Option(help: "How many cases.") var count = 2000
    @Option(help: "Where the cases' random numbers begin.") var seed: UInt64 = 1
    @Option(help: "Processes.") var processes = 2
    @Option(help: "Seconds of the processor that a case may take.") var seconds = 20
    @Option(help: "Only the case of this number, step by step.") var only: Int?
    @Option(help: "The program that commands are tried with; none: the one beside this.") var program: String?
    @Option(help: "A directory, best in memory.") var root = "/dev/shm"
    @Flag(help: "Leave the last stores where they are.") var keep = false
    @Option(help: .hidden) var worker: Int?
    @Option(help: .hidden) var from = 0

    /// The program `cairn`.
    var cairn: String {
        program ?? FilePath(CommandLine.arguments[0]).removingLastComponent().appending("cairn").string
    }

    func validate() throws {
        guard FileManager.default.isExecutableFile(atPath: cairn) else {
            throw ValidationError("there is no program \(cairn); make it with swift build -c release --product cairn")
        }
    }

    func run() throws {
        if let worker { return try Worker(self, number: worker).run() }
        let directory = FilePath(root).appending("cairn-damage-\(ProcessInfo.processInfo.processIdentifier)")
        let owner = try StateDirectory(directory)
        defer { if !keep { try? owner.remove() } }
        let start = Date(), tally = Tally(seed: seed)
        let threads = (0..<(only == nil ? processes : 1)).map { number in
            let thread = Thread { supervise(number, directory, tally) }
            thread.start()
            return thread
        }
        while !threads.allSatisfy(\.isFinished) { Thread.sleep(forTimeInterval: 0.05) }
        tally.print(seconds: -start.timeIntervalSinceNow)
        if keep { print("the last stores are in \(directory)") }
        if !tally.isClean { throw ExitCode(1) }
    }

    /// Runs the cases of one worker; where it dies, goes on behind the case that killed it.
    private func supervise(_ number: Int, _ directory: FilePath, _ tally: Tally) {
        var from = only ?? number
        while from < (only.map { $0 + 1 } ?? count) {
            let command =
                [
                    CommandLine.arguments[0], "--worker", "\(number)", "--processes", "\(processes)", "--from",
                    "\(from)",
                    "--root", directory.string, "--count", "\(count)", "--seed", "\(seed)", "--seconds", "\(seconds)",
                    "--program", cairn,
                ] + (only.map { ["--only", "\($0)"] } ?? [])
            do {
                let (status, output, errors) = try TestSupport.run(command)
                if !errors.isEmpty { FileHandle.standardError.write(Data(errors.utf8)) }
                let last = tally.take(output)
                if status == 0 { return }
                guard let last else { return tally.report("a worker ended with \(status) before its first case") }
                let step = Worker.lastStep(directory, number)
                let end = status == 128 + Int(SIGALRM) ? "does not end" : "dies (\(status))"
                tally.report("\(last.description): the process \(end) in: \(step)", case: last.number)
                from = last.number + processes
            } catch {
                return tally.report("a worker could not be started: \(error)")
            }
        }
    }
}
