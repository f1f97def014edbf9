import Allocation

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// How many processors this process may use: those that are on, or fewer where it may not run on all of them (taskset,
/// cpusets) or its control groups get the time of fewer (the CPU limit of a container).
enum ProcessorBudget {
    /// As it was when it was first asked for.
    static let count = current

    static var current: Int {
        let online = Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        return max(1, ([online, affinity] + quotas).compactMap { $0 }.min() ?? 1)
    }

    /// The processors that the main thread may run on, and with it all that do not choose others.
    private static var affinity: Int? { processors(inStatus: ControlGroup.text("/proc/self/status")) }

    /// How many processors the mask in a process's status has, which is hexadecimal; nil if there is none.
    static func processors(inStatus text: String) -> Int? {
        let name = "Cpus_allowed:"
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(name) }) else { return nil }
        let count = line.dropFirst(name.count).reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) }
        return count == 0 ? nil : count
    }

    private static var quotas: [Int] {
        let (unified, separate) = ControlGroup.directories(of: "cpu")
        return unified.compactMap { processors(ofQuota: ControlGroup.text("\($0)/cpu.max")) }
            + separate.compactMap { directory in
                let quota = ControlGroup.text("\(directory)/cpu.cfs_quota_us")
                return processors(ofQuota: "\(quota) \(ControlGroup.text("\(directory)/cpu.cfs_period_us"))")
            }
    }

    /// How many processors can be kept busy with so many microseconds in each period of so many, rounded up; nil for no
    /// limit.
    static func processors(ofQuota text: String) -> Int? {
        let numbers = text.split { $0.isWhitespace }.map { Int($0) }
        guard numbers.count == 2, let quota = numbers[0], let period = numbers[1], quota > 0, period > 0 else {
            return nil
        }
        return (quota - 1) / period + 1
    }
}

extension VectorStore {
    /// How many threads work on `rows` rows: no more than were asked for (nil: than there are processors to use), than
    /// a few for each processor, or than have enough to do to be worth starting.
    static func teamSize(_ threads: Int?, rows: Int) -> Int {
        let processors = ProcessorBudget.count
        return max(1, min(threads ?? processors, 4 * processors, (rows + 7) / 8))
    }
}
