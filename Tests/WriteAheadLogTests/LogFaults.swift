import MappedStorage
import Synchronization
import SystemPackage

/// The system's calls, of which the n-th of one name fails; counts them.
final class LogFaults: Sendable {
    private let call: String
    private let number: Int
    private let error: Errno
    private let made = Mutex<[String]>([])

    /// `number`: which call fails, from 1.
    init(call: String, number: Int, error: Errno = .ioError) {
        self.call = call
        self.number = number
        self.error = error
    }

    /// The names of the calls made, in order.
    var names: [String] { made.withLock { $0 } }

    /// Whether the call that was to fail came.
    var hasFired: Bool { names.count { $0 == call } >= number }

    private func pass(_ name: String) throws(Errno) {
        let count = made.withLock { made in
            made.append(name)
            return made.count { $0 == name }
        }
        if name == call && count == number { throw error }
    }

    var calls: SystemCalls {
        let system = SystemCalls.system
        var calls = system
        calls.open = { [self] directory, path, flags, mode throws(Errno) in
            try pass("open")
            return try system.open(directory, path, flags, mode)
        }
        unsafe calls.pread = { [self] descriptor, bytes, offset throws(Errno) in
            try pass("pread")
            return try unsafe system.pread(descriptor, bytes, offset)
        }
        unsafe calls.pwrite = { [self] descriptor, bytes, offset throws(Errno) in
            try pass("pwrite")
            return try unsafe system.pwrite(descriptor, bytes, offset)
        }
        calls.allocate = { [self] descriptor, offset, end throws(Errno) in
            try pass("allocate")
            try system.allocate(descriptor, offset, end)
        }
        calls.status = { [self] descriptor, path throws(Errno) in
            try pass("status")
            return try system.status(descriptor, path)
        }
        calls.synchronize = { [self] descriptor throws(Errno) in
            try pass("synchronize")
            try system.synchronize(descriptor)
        }
        calls.rename = { [self] directory, from, to throws(Errno) in
            try pass("rename")
            try system.rename(directory, from, to)
        }
        calls.unlink = { [self] directory, path throws(Errno) in
            try pass("unlink")
            try system.unlink(directory, path)
        }
        return calls
    }
}
