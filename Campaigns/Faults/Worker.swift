import Cairn
import CrashStates
import Foundation
import SystemPackage

/// Runs its share of the cases and writes a line before and after each: so the process that reads them knows at which one this
/// process died.
struct Worker {
    private let options: FaultCampaign
    private let number: Int
    /// A case that takes longer than this hangs.
    private static let seconds: UInt32 = 10
    /// Cases are numbered by scenario and effect, then by call.
    static let block = 100_000

    init(_ options: FaultCampaign, number: Int) {
        self.options = options
        self.number = number
    }

    func run() throws {
        let root = FilePath(options.root).appending("worker\(number)")
        let directory = try StateDirectory(root)
        try directory.write(DiskState(), fresh: true)
        let scenarios = try Scenario.all(root)
        var block = 0
        for scenario in scenarios {
            for effect in FaultCase.Effect.allCases {
                for isSticky in [false, true] {
                    defer { block += 1 }
                    guard options.scenario ?? scenario.name == scenario.name,
                        options.effect ?? effect.rawValue == effect.rawValue
                    else { continue }
                    try run(scenario, effect, isSticky, first: block * Self.block, directory)
                }
            }
        }
    }

    private func run(
        _ scenario: Scenario, _ effect: FaultCase.Effect, _ isSticky: Bool, first: Int, _ directory: StateDirectory
    ) throws {
        // Every so manieth call, so that workers have equal shares of the long scenarios.
        for number in stride(from: number + 1, to: Self.block, by: options.processes) {
            if options.from > first + number || options.call ?? number != number { continue }
            let fault = FaultCase(scenario: scenario, effect: effect, isSticky: isSticky, number: number)
            emit("begin \(first + number) \(fault.description)")
            alarm(Self.seconds)
            let (call, outcome, problem) = try fault.run(directory)
            if let problem {
                emit("problem \(call ?? "no call"): \(problem)")
            } else if let call {
                emit("end \(call)|\(effect.rawValue)\(isSticky ? " on" : "")|\(outcome.rawValue)")
            }
            if call == nil { break }
        }
        alarm(0)
    }

    /// At once, because the process may die.
    private func emit(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }
}
