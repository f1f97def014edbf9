#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Where the limits of this process's control groups are told, which containers are bounded by; nothing but on Linux.
package enum ControlGroup {
    /// The directories of its own group for a controller and of all groups above that: a limit of any of them holds.
    /// Those of version 2, which has one tree for all controllers, and of version 1.
    package static func directories(of controller: String) -> (unified: [String], separate: [String]) {
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
    package static func text(_ path: String) -> String {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 16 << 10), count = 0
        while count < bytes.count {
            let part = unsafe bytes.withUnsafeMutableBytes { buffer in
                unsafe read(descriptor, buffer.baseAddress.map { unsafe $0 + count }, buffer.count - count)
            }
            guard part > 0 else { break }
            count += part
        }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}
