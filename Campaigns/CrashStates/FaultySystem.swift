import HNSW
package import MappedStorage
package import SystemPackage
import Threading

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Which calls fail, when, and how.
package struct Fault: Sendable {
    /// An entry of the table of calls.
    package enum Call: String, CaseIterable, Sendable {
        case open, close, pread, pwrite, allocate, status, setOwner, setMode, synchronize, rename, unlink
        case makeDirectory, removeDirectory, list, lock, map
    }

    package enum Effect: Sendable, Hashable {
        /// The call does nothing and throws; only `close` closes all the same.
        case error(Errno)
        /// A read or write of two bytes or more transfers the first half. Other calls are not counted.
        case short
    }

    /// The calls that are counted.
    package var calls: Set<Call>
    /// The one that fails, from 1.
    package var number: Int
    package var effect: Effect
    /// Whether those after it fail too.
    package var isSticky: Bool

    package init(_ calls: Set<Call> = Set(Call.allCases), number: Int, _ effect: Effect, isSticky: Bool = false) {
        self.calls = calls
        self.number = number
        self.effect = effect
        self.isSticky = isSticky
    }

    /// The calls that change what is on the disk. When they all fail from one on, that one is the moment a process is killed.
    package static let changingCalls: Set<Call> = [
        .open, .pwrite, .allocate, .setOwner, .setMode, .synchronize, .rename, .unlink, .makeDirectory,
        .removeDirectory,
    ]

    /// The calls that need space on the disk; `open` only where it may create a file.
    package static let callsForSpace: Set<Call> = [
        .open, .pwrite, .allocate, .synchronize, .rename, .makeDirectory,
    ]
}

/// Passes calls on, but for those that are to fail; and counts them. A campaign raises the fault's number until a run
/// comes in which it does not fire.
package final class FaultySystem: Sendable {
    private let next: SystemCalls
    private let counts = Guarded(Counts())

    private struct Counts: Sendable {
        var fault: Fault?
        var byCall: [Fault.Call: Int] = [:]
        var matching = 0
        var fired = 0
        var firstFired: Fault.Call?
    }

    /// nil: counts only.
    package init(_ fault: Fault? = nil, over next: SystemCalls = .system) {
        self.next = next
        arm(fault)
    }

    /// From now on this fault is waited for, nil for none; its number counts from here.
    package func arm(_ fault: Fault?) {
        counts.withLock { counts in
            counts.fault = fault
            counts.matching = 0
            counts.fired = 0
            counts.firstFired = nil
        }
    }

    /// Calls seen so far.
    package var count: Int { counts.withLock { $0.byCall.values.reduce(0, +) } }

    /// Calls of one entry seen so far.
    package func count(of call: Fault.Call) -> Int { counts.withLock { $0.byCall[call] ?? 0 } }

    /// How many calls the present fault has failed.
    package var firedCount: Int { counts.withLock { $0.fired } }

    package var hasFired: Bool { firedCount > 0 }

    /// The entry of the first call that the present fault has failed.
    package var firstFired: Fault.Call? { counts.withLock { $0.firstFired } }

    /// Counts a call. Returns the length to transfer, of `length` asked for.
    @discardableResult
    private func pass(_ call: Fault.Call, length: Int = 0, creates: Bool = true) throws(Errno) -> Int {
        let effect = counts.withLock { (counts) -> Fault.Effect? in
            counts.byCall[call, default: 0] += 1
            guard let fault = counts.fault, fault.calls.contains(call), fault.effect != .short || length > 1,
                creates || fault.effect != .error(.noSpace)
            else { return nil }
            counts.matching += 1
            guard counts.matching == fault.number || fault.isSticky && counts.matching > fault.number else {
                return nil
            }
            counts.fired += 1
            if counts.firstFired == nil { counts.firstFired = call }
            return fault.effect
        }
        switch effect {
        case nil: return length
        case .short: return length / 2
        case .error(let error): throw error
        }
    }

    /// The calls to give to the workload.
    package var calls: SystemCalls {
        let next = next
        var calls = next
        calls.open = { (directory, path, flags, mode) throws(Errno) in
            try self.pass(.open, creates: flags & O_CREAT != 0)
            return try next.open(directory, path, flags, mode)
        }
        calls.close = { (descriptor) throws(Errno) in
            // The descriptor is gone even when closing fails.
            try next.close(descriptor)
            try self.pass(.close)
        }
        unsafe calls.pread = { (descriptor, buffer, offset) throws(Errno) in
            let length = try self.pass(.pread, length: buffer.count)
            return try unsafe next.pread(descriptor, UnsafeMutableRawBufferPointer(rebasing: buffer[..<length]), offset)
        }
        unsafe calls.pwrite = { (descriptor, buffer, offset) throws(Errno) in
            let length = try self.pass(.pwrite, length: buffer.count)
            return try unsafe next.pwrite(descriptor, UnsafeRawBufferPointer(rebasing: buffer[..<length]), offset)
        }
        calls.allocate = { (descriptor, offset, end) throws(Errno) in
            try self.pass(.allocate)
            try next.allocate(descriptor, offset, end)
        }
        calls.status = { (descriptor, path) throws(Errno) in
            try self.pass(.status)
            return try next.status(descriptor, path)
        }
        calls.setOwner = { (descriptor, owner, group) throws(Errno) in
            try self.pass(.setOwner)
            try next.setOwner(descriptor, owner, group)
        }
        calls.setMode = { (descriptor, mode) throws(Errno) in
            try self.pass(.setMode)
            try next.setMode(descriptor, mode)
        }
        calls.synchronize = { (descriptor) throws(Errno) in
            try self.pass(.synchronize)
            try next.synchronize(descriptor)
        }
        calls.rename = { (directory, from, to) throws(Errno) in
            try self.pass(.rename)
            try next.rename(directory, from, to)
        }
        calls.unlink = { (directory, path) throws(Errno) in
            try self.pass(.unlink)
            try next.unlink(directory, path)
        }
        calls.makeDirectory = { (directory, path, mode) throws(Errno) in
            try self.pass(.makeDirectory)
            try next.makeDirectory(directory, path, mode)
        }
        calls.removeDirectory = { (directory, path) throws(Errno) in
            try self.pass(.removeDirectory)
            try next.removeDirectory(directory, path)
        }
        calls.list = { (descriptor) throws(Errno) in
            try self.pass(.list)
            return try next.list(descriptor)
        }
        calls.lock = { (descriptor, operation) throws(Errno) in
            try self.pass(.lock)
            try next.lock(descriptor, operation)
        }
        unsafe calls.map = { (address, length, protection, flags, descriptor, offset) throws(Errno) in
            try self.pass(.map)
            return try unsafe next.map(address, length, protection, flags, descriptor, offset)
        }
        return calls
    }
}
