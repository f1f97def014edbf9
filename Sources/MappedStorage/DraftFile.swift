package import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A file that is being written: it has a temporary name next to its own until `publish`, which makes it durable and
/// puts it in the place of what has its name. Let go of before that, it is removed, and what has its name stays.
/// One thread at a time.
package final class DraftFile {
    /// The name it gets.
    package let path: FilePath
    private let name: FilePath.Component
    /// The temporary name.
    private let draft: Directory.Entry
    private let file: File
    /// Whether nothing has its name.
    private let isNew: Bool
    private var isPublished = false
    /// Bytes, from the beginning on, that are on their way to the disk; and how many are worth sending there at a time.
    private var synchronizing = 0
    private static let synchronizedAtOnce = 16 << 20

    /// Begins a file. What is at `path` must be nothing or a regular file: renaming over a device or a link would
    /// remove it rather than write to it.
    package init(_ path: FilePath, calls: SystemCalls = .system) throws(StorageError) {
        guard let name = path.lastComponent, name.kind == .regular else {
            throw StorageError(path, "write a file of this name", .isDirectory)
        }
        (self.path, self.name) = (path, name)
        let temporary = FilePath.Component(".\(path.shortName).\(getpid())-\(UInt32.random(in: 0 ... .max)).tmp")!
        let found: FileStatus?
        do throws(StorageError) {
            let directory = try Directory(path.parent, calls: calls)
            found = try directory[name].status()
            draft = directory[temporary]
        } catch {
            throw StorageError(path, "create the file", error.errno)
        }
        if let found, found.kind != .file {
            let reason: Errno = found.kind == .directory ? .isDirectory : .fileExists
            throw StorageError(path, "replace this: it is not a regular file; name another file to write", reason)
        }
        isNew = found == nil
        do {
            file = try UnfinishedFiles.together { [draft] () throws(StorageError) in
                let file = try File(draft, .create)
                UnfinishedFiles.insert(draft)
                return file
            }
        } catch {
            // The caller knows the other name.
            throw StorageError(path, error.action, error.errno)
        }
        // What only some could read stays so.
        if let found { try? calls.setMode(file.descriptor, found.attributes.mode & 0o777) }
    }

    deinit {
        guard !isPublished else { return }
        try? draft.unlink()
        UnfinishedFiles.remove(draft.path)
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

    /// Makes the file durable and gives it its name, which is durable too when this returns. A crash leaves the old
    /// file or the new one. An error leaves the old file, or nothing if there was none; only where the old one was
    /// replaced and syncing the directory failed, it leaves the new one.
    package func publish() throws(StorageError) {
        try synchronize()
        try UnfinishedFiles.publishing(draft.path, as: path) { () throws(StorageError) in
            try draft.rename(to: name, "give the finished file its name")
        }
        isPublished = true
        do throws(StorageError) {
            try draft.directory.synchronize()
        } catch {
            let entry = draft.directory[name]
            if isNew, (try? entry.leads(to: file.descriptor)) == true { try? entry.unlink() }
            throw error
        }
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
