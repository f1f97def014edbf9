import MappedStorage
import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A table of system calls in which every file that is opened for reading has the same bytes, from memory. One thread at a time.
@safe
final class MemoryFile: @unchecked Sendable {
    /// The bytes that reading finds.
    private var bytes = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    /// A regular file, never read: opening looks at what kind of file a descriptor is of.
    private let descriptor: Int32

    init() {
        descriptor = unsafe open("/proc/self/exe", O_RDONLY)
        precondition(descriptor >= 0)
    }

    /// Runs `body`, for which files hold `bytes`.
    func holding<Result>(_ bytes: UnsafeRawBufferPointer, _ body: (SystemCalls) -> Result) -> Result {
        unsafe self.bytes = bytes
        defer { unsafe self.bytes = UnsafeRawBufferPointer(start: nil, count: 0) }
        return body(calls)
    }

    private lazy var calls: SystemCalls = {
        var calls = SystemCalls.system
        calls.open = { [unowned self] (_, _, _) throws(Errno) in descriptor }
        calls.close = { (_) throws(Errno) in }
        calls.size = { [unowned self] (_) throws(Errno) in unsafe bytes.count }
        unsafe calls.pread = { [unowned self] (_, buffer, offset) throws(Errno) in
            let count = unsafe max(0, min(buffer.count, bytes.count - offset))
            if count > 0 {
                unsafe buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + count)]))
            }
            return count
        }
        return calls
    }()
}
