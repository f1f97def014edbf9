import MappedStorage
import SystemPackage

/// Where the limits of this process's control groups are told, which containers are bounded by; nothing but on Linux.
enum ControlGroup {
    /// The directories of its own group for a controller and of all groups above that: a limit of any of them holds. Those of
    /// version 2, which has one tree for all controllers, and of version 1.
    static func directories(of controller: String) -> (unified: [String], separate: [String]) {
        #if canImport(Glibc)
        let root = "/sys/fs/cgroup"
        var unified = [root], separate = ["\(root)/\(controller)"]
        for line in text("/proc/self/cgroup").split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            if fields[1].isEmpty {
                unified += groups(fields[2]).map { root + $0 }
            } else if fields[1].split(separator: ",").contains(Substring(controller)) {
                separate += groups(fields[2]).map { "\(root)/\(controller)\($0)" }
            }
        }
        return (unified, separate)
        #else
        return ([], [])
        #endif
    }

    /// A group and those above it, without the root: /a/b and /a.
    private static func groups(_ path: Substring) -> [String] {
        let names = path.split(separator: "/")
        return names.indices.reversed().map { "/" + names[...$0].joined(separator: "/") }
    }

    /// What a small file says; nothing if it cannot be read.
    static func text(_ path: String) -> String {
        guard let file = try? File(FilePath(path), .read), let bytes = try? file.read(count: 4096, at: 0) else {
            return ""
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
