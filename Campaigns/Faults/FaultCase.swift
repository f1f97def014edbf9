import CInterruptions
import CRefusals
import Cairn
import CrashStates
import MappedStorage
import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// One call of a scenario that fails, and what must come of it.
struct FaultCase {
    enum Effect: String, CaseIterable {
        case io = "EIO"
        case full = "ENOSPC"
        case interrupted = "EINTR"
        case short = "short"
        /// A request for memory, addresses or a thread, which no entry of the table makes.
        case memory = "ENOMEM"

        /// Whether nobody may notice it: what was begun can be finished.
        func isInvisible(isSticky: Bool) -> Bool { self == .short || self == .interrupted && !isSticky }
    }

    let scenario: Scenario
    let effect: Effect
    let isSticky: Bool
    let number: Int

    var description: String {
        "\(scenario.name), call \(number)\(isSticky ? " and all after it" : ""), \(effect.rawValue)"
    }

    /// What came of it.
    enum Outcome: String, CaseIterable {
        case unnoticed = "unnoticed"
        /// A step failed, and succeeded when it was tried again.
        case repeated = "repeated"
        /// A step failed, and the handle wrote nothing more.
        case stopped = "stopped"
        case closingFailed = "closing failed"
        /// The store could not be made or opened.
        case notOpened = "not opened"
    }

    private var fault: Fault? {
        switch effect {
        case .io: Fault(number: number, .error(.ioError), isSticky: isSticky)
        case .full: Fault(Fault.callsForSpace, number: number, .error(.noSpace), isSticky: isSticky)
        case .short: Fault([.pread, .pwrite], number: number, .short, isSticky: isSticky)
        case .interrupted, .memory: nil
        }
    }

    /// Runs it in `directory`. Returns the entry of the table that failed (nil when the scenario has fewer calls), what came of
    /// it, and what is wrong with that.
    func run(_ directory: StateDirectory) throws -> (call: String?, outcome: Outcome, problem: String?) {
        try directory.write(scenario.state)
        if scenario.isForeign { try giveAway(directory.path) }
        let digest = try DiskState(reading: directory.path).digest
        let system = FaultySystem(fault)
        var run = FaultRun(self, directory.path.appending(Scenario.storeName), system.calls)
        if effect == .interrupted { cairn_interrupt(number, isSticky ? 1 : 0) }
        if effect == .memory { cairn_refuse(number, isSticky ? 1 : 0, 0) }
        let result = Result { try run.perform() }
        let interrupted = unsafe cairn_interrupted_call().map { unsafe String(cString: $0) }
        cairn_interrupt(0, 0)
        let refused = cairn_has_refused(0) != 0 ? "memory" : nil
        cairn_refuse(0, 0, 0)
        let call = interrupted ?? refused ?? system.firstFired?.rawValue
        do {
            try result.get()
            try run.checkAfterwards(directory, digestBefore: digest)
            return (call, run.outcome, nil)
        } catch {
            return (call, run.outcome, "\(error)")
        }
    }

    /// Makes it a store for which whoever makes files in it has to set their owner and their permissions.
    private func giveAway(_ path: FilePath) throws {
        let calls = SystemCalls.system
        for name in scenario.state.directories + scenario.state.files.map(\.path) {
            let flags = scenario.state.directories.contains(name) ? O_RDONLY | O_DIRECTORY : O_RDONLY
            let descriptor = try calls.open(SystemCalls.workingDirectory, path.pushing(FilePath(name)), flags, 0)
            defer { try? calls.close(descriptor) }
            if geteuid() == 0 { try calls.setOwner(descriptor, 54_321, 54_321) }
            if name.hasSuffix("level0") { try calls.setMode(descriptor, 0o660) }
        }
    }
}
