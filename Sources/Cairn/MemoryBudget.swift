import MappedStorage
import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// How much memory this process may take: the control group's limit, or else the machine's memory.
enum MemoryBudget {
    static var system: Int { controlGroupLimits.reduce(machine, min) }

    /// The machine's memory.
    static var machine: Int { sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)) }

    /// Limits of the control groups, version 2 and 1, that files of this process's own group and of the root tell.
    private static var controlGroupLimits: [Int] {
        #if canImport(Glibc)
        var paths = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        for line in text("/proc/self/cgroup").split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            if fields[1].isEmpty {
                paths.append("/sys/fs/cgroup\(fields[2])/memory.max")
            } else if fields[1].split(separator: ",").contains("memory") {
                paths.append("/sys/fs/cgroup/memory\(fields[2])/memory.limit_in_bytes")
            }
        }
        return paths.compactMap { path in
            Int(text(path).split(separator: "\n").first ?? "")
        }
        #else
        return []
        #endif
    }

    private static func text(_ path: String) -> String {
        guard let file = try? File(FilePath(path), .read), let bytes = try? file.read(count: 4096, at: 0) else {
            return ""
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The processors that are on: one worker for each.
    static var processors: Int {
        max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    }
}

extension VectorStore {
    /// How many threads work on `rows` rows: no more than were asked for (nil: than there are processors), than a few for
    /// each processor, or than have enough to do to be worth starting.
    static func teamSize(_ threads: Int?, rows: Int) -> Int {
        let processors = MemoryBudget.processors
        return max(1, min(threads ?? processors, 4 * processors, (rows + 7) / 8))
    }
}
