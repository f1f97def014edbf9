#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// How much memory this process may take: the limit of its control groups, or else the machine's memory.
enum MemoryBudget {
    static var system: Int { controlGroupLimits.reduce(machine, min) }

    /// The machine's memory.
    static var machine: Int { sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)) }

    private static var controlGroupLimits: [Int] {
        let (unified, separate) = ControlGroup.directories(of: "memory")
        let files = unified.map { "\($0)/memory.max" } + separate.map { "\($0)/memory.limit_in_bytes" }
        return files.compactMap { Int(ControlGroup.text($0).split(separator: "\n").first ?? "") }
    }
}
