package import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A file that is being written: it has a temporary name beside its own until `publish`, which makes it durable and puts it in
/// the place of what has its name. Let go of before that, it is removed, and what stands at its name stays. One thread at a
/// time.
package final class DraftFile {
    /// The name it gets.
    package let path: FilePath
    private let file: File
    private var isPublished = false
    /// Bytes, from the beginning on, that are on their way to the disk; and how many are worth sending there at a time.
    private var synchronizing = 0
    private static let synchronizedAtOnce = 16 << 20

    /// Begins a file. What stands at `path` must be nothing or a regular file: renaming over a device or a link would
    /// remove it rather than write to it.
    package init(_ path: FilePath, calls: SystemCalls = .system) throws(StorageError) {
        var status = stat()
        let found = unsafe path.withPlatformString { unsafe lstat($0, &status) }
        if found == 0 && status.st_mode & S_IFMT != S_IFREG {
            let reason: Errno = status.st_mode & S_IFMT == S_IFDIR ? .isDirectory : .fileExists
            throw StorageError(path, "replace this: it is not a regular file; name another file to write", reason)
        }
        self.path = path
        let name =
            ".\(path.shortName).\(getpid())-\(UInt32.random(in: 0 ... .max)).tmp"
        do {
            file = try UnfinishedFiles.together { () throws(StorageError) in
                let file = try File(path.removingLastComponent().appending(name), .create, calls: calls)
                UnfinishedFiles.insert(file: file.path)
                return file
            }
        } catch {
            // The caller knows the other name.
            throw StorageError(path, error.action, error.errno)
        }
        // What only some could read stays so.
        if found == 0 { _ = fchmod(file.descriptor, status.st_mode & 0o777) }
    }

    deinit {
        guard !isPublished else { return }
        try? file.calls.unlink(file.path)
        UnfinishedFiles.remove(file.path)
    }

    /// Writes all of `bytes` from `offset` on.
    package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(StorageError) {
        try named { () throws(StorageError) in try unsafe file.write(bytes, at: offset) }
        let end = offset + bytes.count
        guard offset >= synchronizing && end - synchronizing >= Self.synchronizedAtOnce else { return }
        file.beginSynchronizing(from: synchronizing, length: end - synchronizing)
        synchronizing = end
    }

    /// Writes all of `bytes` from `offset` on.
    package func write(_ bytes: [UInt8], at offset: Int) throws(StorageError) {
        try named { () throws(StorageError) in try file.write(bytes, at: offset) }
    }

    /// Makes what was written durable, under the temporary name.
    package func synchronize() throws(StorageError) {
        try named { () throws(StorageError) in try file.synchronize() }
    }

    /// Makes the file durable and gives it its name, which is durable too when this returns. A crash leaves the old file
    /// or the new one; so does an error, the new one only where syncing the directory is what failed.
    package func publish() throws(StorageError) {
        try synchronize()
        try UnfinishedFiles.publishing(file.path, as: path) { () throws(StorageError) in
            do throws(Errno) {
                try file.calls.rename(file.path, path)
            } catch {
                throw StorageError(path, "give the finished file its name", error)
            }
        }
        isPublished = true
        try Directory(path.parent, calls: file.calls).synchronize()
    }

    /// Reports what fails under the name that the file will get.
    private func named(_ body: () throws(StorageError) -> Void) throws(StorageError) {
        do {
            try body()
        } catch {
            throw StorageError(path, error.action, error.errno)
        }
    }
}
