import MappedStorage
import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A table of system calls in which every file that is opened for reading has the same bytes, from memory, or each name its
/// own. One thread at a time.
@safe
final class MemoryFile: @unchecked Sendable {
    /// A file's name and the bytes that reading it finds.
    typealias Named = (name: String, bytes: UnsafeRawBufferPointer)

    private var files: [Named] = unsafe []
    /// Whether the first file stands for all names.
    private var isAnyName = true
    /// Of a regular file that is never read, one for each file: opening looks at what kind of file a descriptor is of.
    private let descriptors: [Int32]
    /// Of any directory.
    private let directory: Int32

    init() {
        directory = unsafe open("/", O_RDONLY | O_DIRECTORY)
        descriptors = (0..<4).map { _ in unsafe open("/proc/self/exe", O_RDONLY) }
        precondition(descriptors.allSatisfy { $0 >= 0 })
    }

    /// Runs `body`, for which files hold `bytes`, whatever their name is.
    func holding<Result>(_ bytes: UnsafeRawBufferPointer, _ body: (SystemCalls) -> Result) -> Result {
        isAnyName = true
        return unsafe hold([("", bytes)], body)
    }

    /// Runs `body`, for which there are just these files, four at most.
    func holding<Result>(files: [Named], _ body: (SystemCalls) -> Result) -> Result {
        isAnyName = false
        return unsafe hold(files, body)
    }

    private func hold<Result>(_ files: [Named], _ body: (SystemCalls) -> Result) -> Result {
        unsafe self.files = files
        defer { unsafe self.files = [] }
        return body(calls)
    }

    private func bytes(_ descriptor: Int32) -> UnsafeRawBufferPointer {
        unsafe files[descriptors.firstIndex(of: descriptor)!].bytes
    }

    private lazy var calls: SystemCalls = {
        var calls = SystemCalls.system
        calls.open = { [unowned self] (_, path, flags, _) throws(Errno) in
            if flags & O_DIRECTORY != 0 { return directory }
            let name = path.lastComponent?.string
            let index = isAnyName ? 0 : unsafe files.firstIndex { unsafe $0.name == name }
            guard let index else { throw .noSuchFileOrDirectory }
            return descriptors[index]
        }
        calls.close = { (_) throws(Errno) in }
        calls.status = { [unowned self] (descriptor, path) throws(Errno) in
            var status = try SystemCalls.system.status(descriptor, path)
            if descriptor != directory { status.size = unsafe bytes(descriptor).count }
            return status
        }
        unsafe calls.pread = { [unowned self] (descriptor, buffer, offset) throws(Errno) in
            let bytes = unsafe bytes(descriptor)
            let count = max(0, min(buffer.count, bytes.count - offset))
            if count > 0 {
                unsafe buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + count)]))
            }
            return count
        }
        return calls
    }()
}
