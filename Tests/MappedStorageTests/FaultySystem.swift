import MappedStorage
import Synchronization
import SystemPackage

/// The operating system's calls, counted by name; one of those that change a file can be made to fail.
final class FaultySystem: Sendable {
    private let log = Mutex<[String]>([])
    private let failingCall: Int
    private let error: Errno

    /// `failing`: the number of the call to fail, from 0 on; nothing is done in its place.
    init(failing: Int = .max, with error: Errno = .ioError) {
        failingCall = failing
        self.error = error
    }

    /// What was called, in order.
    var names: [String] { log.withLock { $0 } }

    private func note(_ name: String) throws(Errno) {
        let number = log.withLock { log in
            log.append(name)
            return log.count - 1
        }
        if number == failingCall { throw error }
    }

    var calls: SystemCalls {
        var calls = SystemCalls.system
        let system = SystemCalls.system
        calls.open = { [self] directory, path, flags, mode throws(Errno) in
            try note("open \(path.lastComponent?.string ?? "")")
            return try system.open(directory, path, flags, mode)
        }
        unsafe calls.pwrite = { [self] descriptor, bytes, offset throws(Errno) in
            try note("pwrite \(offset)")
            return try unsafe system.pwrite(descriptor, bytes, offset)
        }
        calls.allocate = { [self] descriptor, offset, end throws(Errno) in
            try note("allocate \(offset)..<\(end)")
            try system.allocate(descriptor, offset, end)
        }
        calls.synchronize = { [self] descriptor throws(Errno) in
            try note("synchronize")
            try system.synchronize(descriptor)
        }
        calls.rename = { [self] directory, from, to throws(Errno) in
            try note("rename \(to.lastComponent?.string ?? "")")
            try system.rename(directory, from, to)
        }
        return calls
    }
}
