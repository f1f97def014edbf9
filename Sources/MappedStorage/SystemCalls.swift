package import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Every system call that can fail or change a file, as a table that a test can replace entry by entry: to fail the n-th
/// call, or to record writes and syncs. Interrupted calls are repeated here and nowhere else.
@safe
package struct SystemCalls: Sendable {
    package var open: @Sendable (_ path: FilePath, _ flags: Int32, _ mode: UInt16) throws(Errno) -> Int32
    package var close: @Sendable (_ descriptor: Int32) throws(Errno) -> Void
    package var pread: @Sendable (Int32, UnsafeMutableRawBufferPointer, _ offset: Int) throws(Errno) -> Int
    package var pwrite: @Sendable (Int32, UnsafeRawBufferPointer, _ offset: Int) throws(Errno) -> Int
    /// Makes the file at least `end` bytes long with blocks behind every byte from `offset` on (posix_fallocate).
    package var allocate: @Sendable (Int32, _ offset: Int, _ end: Int) throws(Errno) -> Void
    package var size: @Sendable (Int32) throws(Errno) -> Int
    /// The file's data and what is needed to read it again are on the medium (fdatasync; F_FULLFSYNC on macOS).
    package var synchronize: @Sendable (Int32) throws(Errno) -> Void
    package var rename: @Sendable (_ from: FilePath, _ to: FilePath) throws(Errno) -> Void
    package var unlink: @Sendable (FilePath) throws(Errno) -> Void
    package var makeDirectory: @Sendable (FilePath) throws(Errno) -> Void
    package var removeDirectory: @Sendable (FilePath) throws(Errno) -> Void
    package var lock: @Sendable (Int32, _ operation: Int32) throws(Errno) -> Void
    package var map:
        @Sendable (
            UnsafeMutableRawPointer?, _ length: Int, _ protection: Int32, _ flags: Int32,
            Int32, _ offset: Int
        ) throws(Errno) -> UnsafeMutableRawPointer

    /// The operating system's own.
    package static let system = unsafe SystemCalls(
        open: { path, flags, mode throws(Errno) in
            try retrying { unsafe path.withPlatformString { unsafe systemOpen($0, flags | O_CLOEXEC, mode_t(mode)) } }
        },
        close: { descriptor throws(Errno) in _ = try once { systemClose(descriptor) } },
        pread: { descriptor, buffer, offset throws(Errno) in
            try retrying { unsafe systemRead(descriptor, buffer.baseAddress, buffer.count, off_t(offset)) }
        },
        pwrite: { descriptor, buffer, offset throws(Errno) in
            try retrying { unsafe systemWrite(descriptor, buffer.baseAddress, buffer.count, off_t(offset)) }
        },
        allocate: { descriptor, offset, end throws(Errno) in
            try systemAllocate(descriptor, offset, end)
        },
        size: { descriptor throws(Errno) in
            var status = stat()
            _ = try once { unsafe fstat(descriptor, &status) }
            return Int(status.st_size)
        },
        synchronize: { descriptor throws(Errno) in
            #if canImport(Darwin)
            _ = try retrying { fcntl(descriptor, F_FULLFSYNC) }
            #else
            _ = try retrying { fdatasync(descriptor) }
            #endif
        },
        rename: { from, to throws(Errno) in
            _ = try once {
                unsafe from.withPlatformString { source in
                    unsafe to.withPlatformString { unsafe systemRename(source, $0) }
                }
            }
        },
        unlink: { path throws(Errno) in _ = try once { unsafe path.withPlatformString { unsafe systemUnlink($0) } } },
        makeDirectory: { path throws(Errno) in
            _ = try once { unsafe path.withPlatformString { unsafe mkdir($0, 0o777) } }
        },
        removeDirectory: { path throws(Errno) in
            _ = try once { unsafe path.withPlatformString { unsafe rmdir($0) } }
        },
        lock: { descriptor, operation throws(Errno) in _ = try retrying { flock(descriptor, operation) } },
        map: { address, length, protection, flags, descriptor, offset throws(Errno) in
            let result = unsafe mmap(address, length, protection, flags, descriptor, off_t(offset))
            guard let result = unsafe result, unsafe result != MAP_FAILED else { throw Errno(rawValue: errno) }
            return unsafe result
        })
}

private func once<Result: SignedInteger>(_ call: () -> Result) throws(Errno) -> Result {
    let result = call()
    guard result >= 0 else { throw Errno(rawValue: errno) }
    return result
}

/// The most times that a call is made which is interrupted each time: then something is wrong, and waiting for ever would hide it.
private let attempts = 100

private func retrying<Result: SignedInteger>(_ call: () -> Result) throws(Errno) -> Result {
    for _ in 1..<attempts {
        do {
            return try once(call)
        } catch .interrupted {
            continue
        }
    }
    return try once(call)
}

// Under names of their own, because inside the table `open` and the others are the table's.
private let systemOpen: @Sendable (UnsafePointer<CChar>, Int32, mode_t) -> Int32 = { unsafe open($0, $1, $2) }
private func systemClose(_ descriptor: Int32) -> Int32 { close(descriptor) }
private func systemRead(_ descriptor: Int32, _ bytes: UnsafeMutableRawPointer?, _ count: Int, _ at: off_t) -> Int {
    unsafe pread(descriptor, bytes, count, at)
}
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int, _ at: off_t) -> Int {
    unsafe pwrite(descriptor, bytes, count, at)
}
private func systemRename(_ from: UnsafePointer<CChar>, _ to: UnsafePointer<CChar>) -> Int32 { unsafe rename(from, to) }
private func systemUnlink(_ path: UnsafePointer<CChar>) -> Int32 { unsafe unlink(path) }

private func systemAllocate(_ descriptor: Int32, _ offset: Int, _ end: Int) throws(Errno) {
    #if canImport(Darwin)
    var request = fstore_t(
        fst_flags: UInt32(F_ALLOCATEALL), fst_posmode: F_PEOFPOSMODE, fst_offset: 0, fst_length: off_t(end - offset),
        fst_bytesalloc: 0)
    _ = try retrying { unsafe fcntl(descriptor, F_PREALLOCATE, &request) }
    _ = try retrying { ftruncate(descriptor, off_t(end)) }
    #else
    // posix_fallocate returns the error instead of setting errno.
    _ = try retrying {
        errno = posix_fallocate(descriptor, off_t(offset), off_t(end - offset))
        return errno == 0 ? 0 : -1
    }
    #endif
}
