import Allocation
import CReadRing
package import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// An open file: reads and writes at explicit offsets, whole or not at all, and says in its errors what failed where.
/// The descriptor is closed with the last reference.
package final class File: Sendable {
    package let path: FilePath
    package let calls: SystemCalls
    package let descriptor: Int32
    /// The longest that the process may make a file. Writing beyond it ends a process that does not expect it
    /// (SIGXFSZ).
    private let lengthLimit: Int

    /// How a file is opened.
    package enum Mode: Sendable {
        case read
        case readWrite
        /// Creates the file; one that exists is an error.
        case create
        /// Opens the file, creating it when missing.
        case openOrCreate

        fileprivate var flags: Int32 {
            // Without O_NONBLOCK a named pipe in a file's place would make the open wait for ever.
            switch self {
            case .read: O_RDONLY | O_NONBLOCK
            case .readWrite: O_RDWR | O_NONBLOCK
            case .create: O_RDWR | O_CREAT | O_EXCL
            case .openOrCreate: O_RDWR | O_CREAT | O_NONBLOCK
            }
        }
    }

    /// Opens the file at `path`, wherever links lead.
    package init(_ path: FilePath, _ mode: Mode, calls: SystemCalls = .system) throws(StorageError) {
        (self.path, self.calls, lengthLimit) = (path, calls, Self.lengthLimit)
        do throws(Errno) {
            descriptor = try calls.open(SystemCalls.workingDirectory, path, mode.flags, 0o666)
        } catch {
            throw StorageError(path, mode == .create ? "create the file" : "open the file", error)
        }
        // Everything is set, so `deinit` closes the descriptor.
        _ = try checkKind()
    }

    /// Opens a file of a store, which only the store may have: no link leads to it, and one that is written has no
    /// other name and no other owner. A file that is made is like the directory's others.
    package init(_ entry: Directory.Entry, _ mode: Mode) throws(StorageError) {
        let calls = entry.directory.calls
        (path, self.calls, lengthLimit) = (entry.path, calls, Self.lengthLimit)
        let isNew: Bool
        do throws(Errno) {
            (descriptor, isNew) = try Self.open(entry, mode)
        } catch {
            let isLink = error == .tooManySymbolicLinkLevels
            let action =
                mode == .create
                ? "create the file" : isLink ? "open this: it is a link; put the file here" : "open the file"
            throw StorageError(entry.path, action, error)
        }
        do throws(StorageError) {
            let status = try checkKind()
            if isNew {
                try entry.directory.model?.apply(to: descriptor, status, calls, path)
            } else if mode != .read {
                try checkBelongs(to: entry.directory, status)
            }
        } catch {
            if isNew { try? entry.unlink() }
            throw error
        }
    }

    /// Opens a file of a store to write to it; nil if it is gone, or something that the store must not write to: a copy
    /// made of hard links needs it as it is.
    package static func toWrite(_ entry: Directory.Entry) throws(StorageError) -> File? {
        do {
            return try File(entry, .readWrite)
        } catch {
            let isForeign = [
                .noSuchFileOrDirectory, .tooManyLinks, .notPermitted, .tooManySymbolicLinkLevels, .isDirectory,
                .invalidArgument,
            ].contains(error.errno)
            guard isForeign else { throw error }
            return nil
        }
    }

    private static func open(
        _ entry: Directory.Entry, _ mode: Mode
    ) throws(Errno) -> (descriptor: Int32, isNew: Bool) {
        func open(_ mode: Mode) throws(Errno) -> Int32 {
            let directory = entry.directory
            return try directory.calls.open(
                directory.descriptor, entry.file, mode.flags | O_NOFOLLOW, directory.model?.mode ?? 0o666)
        }
        guard mode == .openOrCreate else { return (try open(mode), mode == .create) }
        // Each further attempt means that somebody has just made or removed it.
        for _ in 0..<100 {
            do throws(Errno) {
                let descriptor = try open(.readWrite)
                guard try isAbandoned(descriptor, in: entry.directory) else { return (descriptor, false) }
                try entry.directory.calls.unlink(entry.directory.descriptor, entry.file)
            } catch .noSuchFileOrDirectory {}
            do throws(Errno) {
                return (try open(.create), true)
            } catch .fileExists {}
        }
        throw .fileExists
    }

    /// Closes such a file, and one of which nothing can be found out.
    private static func isAbandoned(_ descriptor: Int32, in directory: Directory) throws(Errno) -> Bool {
        guard let model = directory.model else { return false }
        do throws(Errno) {
            guard try model.isAbandoned(directory.calls.status(descriptor, nil)) else { return false }
        } catch {
            try? directory.calls.close(descriptor)
            throw error
        }
        try? directory.calls.close(descriptor)
        return true
    }

    private func checkKind() throws(StorageError) -> FileStatus {
        let status = try attempt("look at the file") { () throws(Errno) in try calls.status(descriptor, nil) }
        guard status.kind == .file else {
            throw StorageError(path, "use this as a file: it is not a regular one", .invalidArgument)
        }
        return status
    }

    private func checkBelongs(to directory: Directory, _ status: FileStatus) throws(StorageError) {
        guard status.links <= 1 else {
            throw StorageError(
                path,
                "write to this file: it has another name too (a hard link), and what has that would change; put a copy here",
                .tooManyLinks)
        }
        guard directory.model?.allowsWriting(status) ?? true else { throw FileModel.refusal(path) }
    }

    deinit { try? calls.close(descriptor) }

    private static var lengthLimit: Int {
        var limit = rlimit()
        #if canImport(Glibc)
        let found = unsafe getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
        #else
        let found = unsafe getrlimit(RLIMIT_FSIZE, &limit)
        #endif
        return found == 0 ? Int(clamping: limit.rlim_cur) : .max
    }

    /// The file's length in bytes.
    package func size() throws(StorageError) -> Int {
        try attempt("find the size of the file") { () throws(Errno) in try calls.status(descriptor, nil) }.size
    }

    /// Fills `buffer` from `offset` on. Returns how many bytes there were: fewer only at the end of the file.
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(StorageError) -> Int {
        try attempt("read the file") { () throws(Errno) in
            var done = 0
            while done < buffer.count {
                let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
                let count = try unsafe calls.pread(descriptor, rest, offset + done)
                if count == 0 { break }
                done += count
            }
            return done
        }
    }

    /// Up to `count` bytes from `offset` on; fewer only at the end of the file.
    package func read(count: Int, at offset: Int) throws(StorageError) -> [UInt8] {
        if count >= ProcessMemory.uncheckedBytes {
            try claiming(path, ProcessMemory.expect(count))
        }
        var bytes = [UInt8](repeating: 0, count: count)
        let done = unsafe bytes.withUnsafeMutableBytes { (buffer) -> Result<Int, StorageError> in
            Result { () throws(StorageError) in try unsafe read(into: buffer, at: offset) }
        }
        bytes.removeLast(count - (try done.get()))
        return bytes
    }

    /// Writes all of `bytes` from `offset` on.
    package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(StorageError) {
        try attempt("write the file") { () throws(Errno) in
            guard offset + bytes.count <= lengthLimit else { throw .fileTooLarge }
            var done = 0
            while done < bytes.count {
                let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[done...])
                let count = try unsafe calls.pwrite(descriptor, rest, offset + done)
                // A write of nothing without an error would repeat for ever.
                guard count > 0 else { throw .ioError }
                done += count
            }
        }
    }

    /// Writes all of `bytes` from `offset` on.
    package func write(_ bytes: [UInt8], at offset: Int) throws(StorageError) {
        let result = unsafe bytes.withUnsafeBytes { (buffer) -> Result<Void, StorageError> in
            Result { () throws(StorageError) in try unsafe write(buffer, at: offset) }
        }
        try result.get()
    }

    /// Makes the file reach to `end`, with blocks of the disk behind each byte from `offset` on.
    package func allocate(from offset: Int, to end: Int) throws(StorageError) {
        try attempt("make room in the file") { () throws(Errno) in
            guard end <= lengthLimit else { throw .fileTooLarge }
            try calls.allocate(descriptor, offset, end)
        }
    }

    /// Everything written so far survives a power cut once this returns. A failure must not be tried again: the kernel
    /// may already have dropped the pages it could not write.
    package func synchronize() throws(StorageError) {
        try attempt("write the file to the disk") { () throws(Errno) in try calls.synchronize(descriptor) }
    }

    /// Whether both are the same file, whatever its name.
    func isSame(as other: File) -> Bool {
        guard let status = try? calls.status(descriptor, nil), let others = try? calls.status(other.descriptor, nil)
        else { return false }
        return status.isSameFile(as: others)
    }

    /// From now on reads go past the page cache, and must be of whole pages. False where that cannot be.
    func bypassCache() -> Bool {
        cairn_bypass_cache(descriptor)
    }

    /// For who reads a file from its beginning to its end: has the kernel read these bytes from the disk meanwhile.
    package func expectReading(from offset: Int, length: Int) {
        #if canImport(Glibc)
        _ = posix_fadvise(descriptor, off_t(offset), off_t(length), POSIX_FADV_WILLNEED)
        #endif
    }

    /// For who has read and will not soon again, where memory is short: lets the kernel use it.
    package func releaseCache(from offset: Int, length: Int) {
        #if canImport(Glibc)
        _ = posix_fadvise(descriptor, off_t(offset), off_t(length), POSIX_FADV_DONTNEED)
        #endif
    }

    /// For who writes much and waits for the disk at the end: has the kernel begin to write these bytes to it.
    package func beginSynchronizing(from offset: Int, length: Int) {
        #if canImport(Glibc)
        // Linux writes what is dirty in the range, and lets go only of what is on the disk already: of nothing that is
        // new.
        _ = posix_fadvise(descriptor, off_t(offset), off_t(length), POSIX_FADV_DONTNEED)
        #endif
    }

    /// Maps `length` bytes from `offset` on over the address range at `address`.
    package func map(
        at address: UnsafeMutableRawPointer, length: Int, offset: Int, _ writing: ColumnMemory.Writing
    ) throws(StorageError) {
        try attempt("map the file") { () throws(Errno) in
            let protection = writing == .none ? PROT_READ : PROT_READ | PROT_WRITE
            let sharing = writing == .copied ? MAP_PRIVATE | MAP_NORESERVE : MAP_SHARED
            _ = try unsafe calls.map(address, length, protection, sharing | MAP_FIXED, descriptor, offset)
        }
    }

    private func attempt<Result>(
        _ action: String, _ body: () throws(Errno) -> Result
    ) throws(StorageError) -> Result {
        do {
            return try body()
        } catch {
            throw StorageError(path, action, error)
        }
    }
}
