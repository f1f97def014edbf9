import HNSW
import MappedStorage
import SystemPackage
import Threading

/// The system's calls, counted by file; they can be made to fail, and syncs can be held up, at any moment.
///
/// Nothing waits for the disk. A file is named by its last component, "log" for every log file.
final class WatchedSystem: Sendable {
    private struct Key: Hashable {
        let call: SystemCall
        let name: String
    }

    private struct State {
        var names: [Int32: String] = [:]
        var counts: [Key: Int] = [:]
        var errors: [Key: Errno] = [:]
        /// Files with bytes that were written after their last sync.
        var unsynced: Set<String> = []
        var beforeSync: (@Sendable (String) -> Void)?
    }

    private let state = Guarded(State())

    private static func name(_ path: FilePath) -> String {
        path.extension == "wal" ? "log" : path.lastComponent?.string ?? ""
    }

    /// How many calls there were.
    func count(_ call: SystemCall, _ name: String) -> Int {
        state.withLock { $0.counts[Key(call: call, name: name)] ?? 0 }
    }

    /// From now on these calls fail; nil: no longer.
    func fail(_ call: SystemCall, _ name: String, with error: Errno?) {
        state.withLock { $0.errors[Key(call: call, name: name)] = error }
    }

    /// Called before every sync, without a lock, with the file's name.
    func beforeSync(_ body: (@Sendable (String) -> Void)?) { state.withLock { $0.beforeSync = body } }

    /// The files whose last write no sync followed.
    var unsynced: Set<String> { state.withLock { $0.unsynced } }

    private func pass(_ call: SystemCall, _ name: String) throws(Errno) {
        let error = state.withLock { state in
            let key = Key(call: call, name: name)
            state.counts[key, default: 0] += 1
            return state.errors[key]
        }
        if let error { throw error }
    }

    private func name(_ descriptor: Int32) -> String { state.withLock { $0.names[descriptor] ?? "" } }

    var calls: SystemCalls {
        let system = SystemCalls.system
        var calls = system
        calls.open = { (directory, path, flags, mode) throws(Errno) in
            try self.pass(.open, Self.name(path))
            let descriptor = try system.open(directory, path, flags, mode)
            self.state.withLock { $0.names[descriptor] = Self.name(path) }
            return descriptor
        }
        unsafe calls.pwrite = { (descriptor, buffer, offset) throws(Errno) in
            let name = self.name(descriptor)
            try self.pass(.pwrite, name)
            let count = try unsafe system.pwrite(descriptor, buffer, offset)
            self.state.withLock { _ = $0.unsynced.insert(name) }
            return count
        }
        calls.allocate = { (descriptor, offset, end) throws(Errno) in
            try self.pass(.allocate, self.name(descriptor))
            try system.allocate(descriptor, offset, end)
        }
        calls.synchronize = { (descriptor) throws(Errno) in
            let name = self.name(descriptor)
            self.state.withLock { $0.beforeSync }?(name)
            try self.pass(.synchronize, name)
            self.state.withLock { _ = $0.unsynced.remove(name) }
        }
        calls.rename = { (directory, from, to) throws(Errno) in
            try self.pass(.rename, Self.name(to))
            try system.rename(directory, from, to)
            self.state.withLock { state in
                for (descriptor, name) in state.names where name == Self.name(from) {
                    state.names[descriptor] = Self.name(to)
                }
                if state.unsynced.remove(Self.name(from)) != nil { state.unsynced.insert(Self.name(to)) }
            }
        }
        return calls
    }
}
