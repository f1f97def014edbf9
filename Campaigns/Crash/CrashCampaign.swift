import ArgumentParser
import Cairn
import CrashStates
import Foundation
import SystemPackage

/// `make crash STATES=n`: makes and checks n distinct states that a crash may leave.
@main
struct CrashCampaign: ParsableCommand {
    @Option(help: "How many distinct states.") var states = 20_000
    @Option(help: "Where the workloads' seeds begin.") var seed: UInt64 = 1
    @Option(help: "Threads.") var threads = 2
    @Option(help: "A directory, best in memory.") var root = "/dev/shm"
    @Flag(help: "Stop at the first violation.") var first = false
    @Flag(help: "Leave the last states where they are.") var keep = false

    @Flag(help: "Only list what the seed's workload does to the disk.") var list = false

    func run() throws {
        let directory = FilePath(root).appending("cairn-crash-\(ProcessInfo.processInfo.processIdentifier)")
        let owner = try StateDirectory(directory)
        defer { if !keep { try? owner.remove() } }
        if list {
            let work = directory.appending("work")
            try StateDirectory(work).write(DiskState(), fresh: true)
            return TraceListing(try Workload(seed: seed, root: work)).print()
        }
        let campaign = Campaign(states: states, seed: seed, stopsAtFirst: first, root: directory)
        let start = Date()
        campaign.run(threads: threads) { states in
            let line = "\(states) states in \(Int(-start.timeIntervalSinceNow)) s\n"
            FileHandle.standardError.write(Data(line.utf8))
        }
        let seconds = -start.timeIntervalSinceNow, result = campaign.result
        for violation in result.violations.prefix(20) {
            print("violation: seed \(violation.seed), \(violation.problem)")
            print(
                "  reproduce: .build/release/CrashCampaign --seed \(violation.seed) --states "
                    + "\(Campaign.statesPerWorkload) --threads 1 --first")
        }
        print("\(result.states) distinct crash states of \(result.workloads) workloads")
        print("\(result.doubles) of them after a second crash, while recovering from the first or soon after")
        print("seed \(seed), \(Int(Double(result.states) / seconds)) states a second")
        print("\(result.violations.count) violations")
        if !result.violations.isEmpty { throw ExitCode(1) }
    }
}
