#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// How much memory this process may take: the limit of its control groups, or else the machine's memory.
package enum MemoryBudget {
    /// The lower of the two.
    package static var system: Int { min(machine, MemoryControlGroup.limit ?? .max) }

    /// The machine's memory.
    package static var machine: Int { sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)) }
}
