package import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Every system call that can fail or change a file, as a table that a test can replace entry by entry: to fail the
/// n-th call, or to record writes and syncs. Interrupted calls are repeated here and nowhere else.
///
/// A path is looked up from the directory whose descriptor is the argument before it.
@safe
package struct SystemCalls: Sendable {
    /// Opens a file (openat) under a descriptor above 2, whatever the process has closed: what is printed or said to be
    /// wrong goes to 1 and 2, and must never go into a store.
    package var open:
        @Sendable (_ directory: Int32, _ path: FilePath, _ flags: Int32, _ mode: UInt16) throws(Errno) -> Int32
    package var close: @Sendable (_ descriptor: Int32) throws(Errno) -> Void
    package var pread: @Sendable (Int32, UnsafeMutableRawBufferPointer, _ offset: Int) throws(Errno) -> Int
    package var pwrite: @Sendable (Int32, UnsafeRawBufferPointer, _ offset: Int) throws(Errno) -> Int
    /// Makes the file at least `end` bytes long with blocks behind every byte from `offset` on (posix_fallocate).
    package var allocate: @Sendable (Int32, _ offset: Int, _ end: Int) throws(Errno) -> Void
    /// What a descriptor is of (fstat) or, with a path, what has that name; a link is not followed (fstatat).
    package var status: @Sendable (Int32, _ path: FilePath?) throws(Errno) -> FileStatus
    package var setOwner: @Sendable (Int32, _ owner: UInt32, _ group: UInt32) throws(Errno) -> Void
    package var setMode: @Sendable (Int32, _ mode: UInt16) throws(Errno) -> Void
    /// The file's data and what is needed to read it again are on the medium (fdatasync; F_FULLFSYNC on macOS).
    package var synchronize: @Sendable (Int32) throws(Errno) -> Void
    package var rename: @Sendable (_ directory: Int32, _ from: FilePath, _ to: FilePath) throws(Errno) -> Void
    package var unlink: @Sendable (_ directory: Int32, FilePath) throws(Errno) -> Void
    package var makeDirectory: @Sendable (_ directory: Int32, FilePath, _ mode: UInt16) throws(Errno) -> Void
    package var removeDirectory: @Sendable (_ directory: Int32, FilePath) throws(Errno) -> Void
    /// The names in a directory that was opened for this call alone (readdir).
    package var list: @Sendable (Int32) throws(Errno) -> [FilePath.Component]
    package var lock: @Sendable (Int32, _ operation: Int32) throws(Errno) -> Void
    package var map:
        @Sendable (
            UnsafeMutableRawPointer?, _ length: Int, _ protection: Int32, _ flags: Int32,
            Int32, _ offset: Int
        ) throws(Errno) -> UnsafeMutableRawPointer

    /// In place of a directory's descriptor: paths are looked up as always (AT_FDCWD).
    package static let workingDirectory = AT_FDCWD

    /// The operating system's own.
    package static let system = unsafe SystemCalls(
        open: { directory, path, flags, mode throws(Errno) in
            let descriptor = try retrying {
                unsafe path.withPlatformString {
                    unsafe systemOpen(directory, $0, flags | O_CLOEXEC, mode_t(mode))
                }
            }
            return try aboveStandardStreams(descriptor)
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
        status: { descriptor, path throws(Errno) in
            var status = stat()
            guard let path else {
                _ = try once { unsafe fstat(descriptor, &status) }
                return FileStatus(status)
            }
            _ = try once {
                unsafe path.withPlatformString { unsafe fstatat(descriptor, $0, &status, AT_SYMLINK_NOFOLLOW) }
            }
            return FileStatus(status)
        },
        setOwner: { descriptor, owner, group throws(Errno) in _ = try once { fchown(descriptor, owner, group) } },
        setMode: { descriptor, mode throws(Errno) in _ = try once { fchmod(descriptor, mode_t(mode)) } },
        synchronize: { descriptor throws(Errno) in
            #if canImport(Darwin)
            _ = try retrying { fcntl(descriptor, F_FULLFSYNC) }
            #else
            _ = try retrying { fdatasync(descriptor) }
            #endif
        },
        rename: { directory, from, to throws(Errno) in
            _ = try once {
                unsafe from.withPlatformString { source in
                    unsafe to.withPlatformString { unsafe renameat(directory, source, directory, $0) }
                }
            }
        },
        unlink: { directory, path throws(Errno) in
            _ = try once { unsafe path.withPlatformString { unsafe unlinkat(directory, $0, 0) } }
        },
        makeDirectory: { directory, path, mode throws(Errno) in
            _ = try once { unsafe path.withPlatformString { unsafe mkdirat(directory, $0, mode_t(mode)) } }
        },
        removeDirectory: { directory, path throws(Errno) in
            _ = try once { unsafe path.withPlatformString { unsafe unlinkat(directory, $0, AT_REMOVEDIR) } }
        },
        list: { descriptor throws(Errno) in try systemList(descriptor) },
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

/// The most times that a call is made which is interrupted each time: then something is wrong, and waiting for ever
/// would hide it.
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
private let systemOpen: @Sendable (Int32, UnsafePointer<CChar>, Int32, mode_t) -> Int32 = {
    unsafe openat($0, $1, $2, $3)
}
private func systemClose(_ descriptor: Int32) -> Int32 { close(descriptor) }
private func systemRead(_ descriptor: Int32, _ bytes: UnsafeMutableRawPointer?, _ count: Int, _ at: off_t) -> Int {
    unsafe pread(descriptor, bytes, count, at)
}
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int, _ at: off_t) -> Int {
    unsafe pwrite(descriptor, bytes, count, at)
}

/// The descriptor, or another one of the same file that is none of standard input, output and error.
private func aboveStandardStreams(_ descriptor: Int32) throws(Errno) -> Int32 {
    guard descriptor <= STDERR_FILENO else { return descriptor }
    defer { _ = systemClose(descriptor) }
    return try once { fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1) }
}

private func systemAllocate(_ descriptor: Int32, _ offset: Int, _ end: Int) throws(Errno) {
    #if canImport(Darwin)
    var status = stat()
    _ = try once { unsafe fstat(descriptor, &status) }
    // ftruncate would cut a longer file short.
    guard status.st_size < end else { return }
    var request = fstore_t(
        fst_flags: UInt32(F_ALLOCATEALL), fst_posmode: F_PEOFPOSMODE, fst_offset: 0,
        fst_length: off_t(end) - status.st_size, fst_bytesalloc: 0)
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

private func systemList(_ descriptor: Int32) throws(Errno) -> [FilePath.Component] {
    // Closing the stream closes its descriptor.
    let copy = try once { fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1) }
    guard let stream = unsafe fdopendir(copy) else {
        let error = Errno(rawValue: errno)
        _ = systemClose(copy)
        throw error
    }
    defer { unsafe closedir(stream) }
    return unsafe try Directory.names(in: stream)
}

extension Directory {
    #if canImport(Darwin)
    package typealias Stream = UnsafeMutablePointer<DIR>
    #else
    package typealias Stream = OpaquePointer
    #endif

    /// The names that are still to come in an open directory. Throws where reading fails: what is missing then is not
    /// known.
    package static func names(in stream: Stream) throws(Errno) -> [FilePath.Component] {
        var names: [FilePath.Component] = []
        while true {
            // The end and an error look alike but for this.
            errno = 0
            guard let entry = unsafe readdir(stream) else { break }
            // In place: an entry ends with its name, a copy of all 256 bytes would read beyond it.
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe FilePath.Component(
                    platformString: UnsafeRawPointer($0).assumingMemoryBound(to: CInterop.PlatformChar.self))
            }
            if let name, name.kind == .regular { names.append(name) }
        }
        guard errno == 0 else { throw Errno(rawValue: errno) }
        return names
    }
}
