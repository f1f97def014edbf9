import HNSW
import MappedStorage
import SystemPackage
import Threading

/// Counts the bytes that go to each file of a store, and the syncs.
final class WriteCounter: Sendable {
    struct Counts: Sendable {
        /// Bytes written, by the file's name; "log" for all logs.
        var bytes: [String: Int] = [:]
        var syncs = 0

        var total: Int { bytes.values.reduce(0, +) }

        static func - (after: Counts, before: Counts) -> Counts {
            var difference = after
            for (name, bytes) in before.bytes { difference.bytes[name, default: 0] -= bytes }
            difference.syncs -= before.syncs
            return difference
        }
    }

    private let state = Guarded<(counts: Counts, names: [Int32: String])>((Counts(), [:]))

    var counts: Counts { state.withLock { $0.counts } }

    var calls: SystemCalls {
        var calls = SystemCalls.system
        let state = state
        calls.open = { (directory, path, flags, mode) throws(Errno) in
            let descriptor = try SystemCalls.system.open(directory, path, flags, mode)
            state.withLock { $0.names[descriptor] = Self.kind(of: path) }
            return descriptor
        }
        unsafe calls.pwrite = { (descriptor, bytes, offset) throws(Errno) in
            let count = try unsafe SystemCalls.system.pwrite(descriptor, bytes, offset)
            state.withLock { $0.counts.bytes[$0.names[descriptor] ?? "?", default: 0] += count }
            return count
        }
        calls.synchronize = { (descriptor) throws(Errno) in
            try SystemCalls.system.synchronize(descriptor)
            state.withLock { $0.counts.syncs += 1 }
        }
        return calls
    }

    private static func kind(of path: FilePath) -> String {
        let name = path.lastComponent?.string ?? "?"
        if name.hasSuffix(".wal") { return "log" }
        return name.hasSuffix(".new") ? String(name.dropLast(4)) : name
    }
}
