import HNSW
import SystemPackage
import Threading

@testable import MappedStorage

/// Fails one call of a kind, counted from when the test says so.
final class LateFault: Sendable {
    private struct State {
        var remaining: Int?
        var hasFired = false
        var names: [Int32: String] = [:]
    }

    private let call: SystemCall
    private let error: Errno
    /// The last component of the path of what fails; nil for anything.
    private let name: String?
    /// The last component of the path of what never fails.
    private let exception: String?
    private let state = Guarded(State())

    init(_ call: SystemCall, _ error: Errno, of name: String? = nil, exceptOf exception: String? = nil) {
        (self.call, self.error, self.name, self.exception) = (call, error, name, exception)
    }

    /// From now on the `number`-th call fails; nil: none does.
    func arm(_ number: Int?) { state.withLock { $0.remaining = number } }

    /// Whether a call has failed.
    var hasFired: Bool { state.withLock { $0.hasFired } }

    private func pass(_ called: SystemCall, _ path: FilePath) throws(Errno) {
        try pass(called, name: path.lastComponent?.string ?? "")
    }

    private func pass(_ called: SystemCall, _ descriptor: Int32) throws(Errno) {
        try pass(called, name: state.withLock { $0.names[descriptor] ?? "" })
    }

    private func pass(_ called: SystemCall, name: String) throws(Errno) {
        guard called == call, self.name == nil || self.name == name, exception != name else { return }
        let fails = state.withLock { state in
            guard let remaining = state.remaining else { return false }
            state.remaining = remaining - 1
            if remaining == 1 { state.hasFired = true }
            return remaining == 1
        }
        if fails { throw error }
    }

    /// The system's calls with the fault among them.
    var calls: SystemCalls {
        let system = SystemCalls.system
        var calls = system
        calls.open = { (directory, path, flags, mode) throws(Errno) in
            try self.pass(.open, path)
            let descriptor = try system.open(directory, path, flags, mode)
            self.state.withLock { $0.names[descriptor] = path.lastComponent?.string ?? "" }
            return descriptor
        }
        unsafe calls.pread = { (descriptor, buffer, offset) throws(Errno) in
            try self.pass(.pread, descriptor)
            return try unsafe system.pread(descriptor, buffer, offset)
        }
        unsafe calls.pwrite = { (descriptor, buffer, offset) throws(Errno) in
            try self.pass(.pwrite, descriptor)
            return try unsafe system.pwrite(descriptor, buffer, offset)
        }
        calls.allocate = { (descriptor, offset, end) throws(Errno) in
            try self.pass(.allocate, descriptor)
            try system.allocate(descriptor, offset, end)
        }
        calls.status = { (descriptor, path) throws(Errno) in
            if let path { try self.pass(.status, path) } else { try self.pass(.status, descriptor) }
            return try system.status(descriptor, path)
        }
        calls.synchronize = { (descriptor) throws(Errno) in try self.pass(.synchronize, descriptor) }
        calls.rename = { (directory, from, to) throws(Errno) in
            try self.pass(.rename, to)
            try system.rename(directory, from, to)
        }
        calls.unlink = { (directory, path) throws(Errno) in
            try self.pass(.unlink, path)
            try system.unlink(directory, path)
        }
        unsafe calls.map = { (address, length, protection, flags, descriptor, offset) throws(Errno) in
            try self.pass(.map, descriptor)
            return try unsafe system.map(address, length, protection, flags, descriptor, offset)
        }
        return calls
    }
}
