import HNSW
import SystemPackage
import Threading

@testable import MappedStorage

/// The entries of the table that can fail.
enum SystemCall: String, CaseIterable, Sendable {
    case open, close, pread, pwrite, allocate, status, setOwner, setMode, synchronize, rename, unlink, makeDirectory
    case removeDirectory, list, lock, map
}

/// Fails the n-th call of one entry.
final class Fault: Sendable {
    private let call: SystemCall
    private let error: Errno
    private let remaining: Guarded<Int>

    /// `number`: which call fails, from 1.
    init(_ call: SystemCall, number: Int, _ error: Errno) {
        self.call = call
        self.error = error
        remaining = Guarded(number)
    }

    /// Whether the call that was to fail came.
    var hasFired: Bool { remaining.withLock { $0 <= 0 } }

    private func pass(_ called: SystemCall) throws(Errno) {
        guard called == call else { return }
        let fails = remaining.withLock { count in
            count -= 1
            return count == 0
        }
        if fails { throw error }
    }

    /// The system's calls with the fault among them.
    var calls: SystemCalls {
        let system = SystemCalls.system
        return unsafe SystemCalls(
            open: { (directory, path, flags, mode) throws(Errno) in
                try self.pass(.open)
                return try system.open(directory, path, flags, mode)
            },
            close: { (descriptor) throws(Errno) in
                // The descriptor is gone even when closing fails.
                try system.close(descriptor)
                try self.pass(.close)
            },
            pread: { (descriptor, buffer, offset) throws(Errno) in
                try self.pass(.pread)
                return try unsafe system.pread(descriptor, buffer, offset)
            },
            pwrite: { (descriptor, buffer, offset) throws(Errno) in
                try self.pass(.pwrite)
                return try unsafe system.pwrite(descriptor, buffer, offset)
            },
            allocate: { (descriptor, offset, end) throws(Errno) in
                try self.pass(.allocate)
                try system.allocate(descriptor, offset, end)
            },
            status: { (descriptor, path) throws(Errno) in
                try self.pass(.status)
                return try system.status(descriptor, path)
            },
            setOwner: { (descriptor, owner, group) throws(Errno) in
                try self.pass(.setOwner)
                try system.setOwner(descriptor, owner, group)
            },
            setMode: { (descriptor, mode) throws(Errno) in
                try self.pass(.setMode)
                try system.setMode(descriptor, mode)
            },
            synchronize: { (descriptor) throws(Errno) in
                try self.pass(.synchronize)
                try system.synchronize(descriptor)
            },
            rename: { (directory, from, to) throws(Errno) in
                try self.pass(.rename)
                try system.rename(directory, from, to)
            },
            unlink: { (directory, path) throws(Errno) in
                try self.pass(.unlink)
                try system.unlink(directory, path)
            },
            makeDirectory: { (directory, path, mode) throws(Errno) in
                try self.pass(.makeDirectory)
                try system.makeDirectory(directory, path, mode)
            },
            removeDirectory: { (directory, path) throws(Errno) in
                try self.pass(.removeDirectory)
                try system.removeDirectory(directory, path)
            },
            list: { (descriptor) throws(Errno) in
                try self.pass(.list)
                return try system.list(descriptor)
            },
            lock: { (descriptor, operation) throws(Errno) in
                try self.pass(.lock)
                try system.lock(descriptor, operation)
            },
            map: { (address, length, protection, flags, descriptor, offset) throws(Errno) in
                try self.pass(.map)
                return try unsafe system.map(address, length, protection, flags, descriptor, offset)
            })
    }
}
