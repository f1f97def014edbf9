package import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// What is done to directories and to the names in them.
package struct Directory: Sendable {
    package let path: FilePath
    package let calls: SystemCalls

    package init(_ path: FilePath, calls: SystemCalls = .system) {
        self.path = path
        self.calls = calls
    }

    /// What stands at a path.
    package enum Kind: Sendable { case missing, directory, other }

    /// What stands at `path`; follows symbolic links.
    package static func kind(of path: FilePath) -> Kind {
        var status = stat()
        let result = unsafe path.withPlatformString { unsafe stat($0, &status) }
        guard result == 0 else { return .missing }
        return status.st_mode & S_IFMT == S_IFDIR ? .directory : .other
    }

    /// Whether a regular file stands at `path`, and no device or pipe; follows symbolic links.
    package static func isRegularFile(_ path: FilePath) -> Bool {
        var status = stat()
        let result = unsafe path.withPlatformString { unsafe stat($0, &status) }
        return result == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// Whether two paths lead to one file or directory; follows symbolic links.
    package static func areSame(_ one: FilePath, _ other: FilePath) -> Bool {
        var first = stat(), second = stat()
        let found = unsafe one.withPlatformString { unsafe stat($0, &first) }
        let otherFound = unsafe other.withPlatformString { unsafe stat($0, &second) }
        return found == 0 && otherFound == 0 && first.st_dev == second.st_dev && first.st_ino == second.st_ino
    }

    /// Whether `path` itself is a symbolic link, wherever it leads.
    package static func isSymbolicLink(_ path: FilePath) -> Bool {
        var status = stat()
        let result = unsafe path.withPlatformString { unsafe lstat($0, &status) }
        return result == 0 && status.st_mode & S_IFMT == S_IFLNK
    }

    /// Creates the directory; one that exists is an error.
    package func create() throws(StorageError) {
        do {
            try calls.makeDirectory(path)
        } catch {
            throw StorageError(path, "create the directory", error)
        }
    }

    /// The names in the directory.
    package func names() throws(StorageError) -> [String] {
        guard let stream = unsafe path.withPlatformString({ unsafe opendir($0) }) else {
            throw StorageError(path, "list the directory", Errno(rawValue: errno))
        }
        defer { unsafe closedir(stream) }
        do throws(Errno) {
            return unsafe try Self.names(in: stream)
        } catch {
            throw StorageError(path, "list the directory", error)
        }
    }

    #if canImport(Darwin)
    package typealias Stream = UnsafeMutablePointer<DIR>
    #else
    package typealias Stream = OpaquePointer
    #endif

    /// The names that are still to come in an open directory. Throws where reading fails: what is missing then is not known.
    package static func names(in stream: Stream) throws(Errno) -> [String] {
        var names: [String] = []
        while true {
            // The end and an error look alike but for this.
            errno = 0
            guard let entry = unsafe readdir(stream) else { break }
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) {
                    unsafe String(cString: $0)
                }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        guard errno == 0 else { throw Errno(rawValue: errno) }
        return names
    }

    /// The names in the directory survive a power cut once this returns.
    package func synchronize() throws(StorageError) {
        do {
            let descriptor = try calls.open(path, O_RDONLY | O_DIRECTORY, 0)
            defer { try? calls.close(descriptor) }
            try calls.synchronize(descriptor)
        } catch {
            throw StorageError(path, "write the directory to the disk", error)
        }
    }

    /// Gives the directory its final name and makes that durable.
    package func publish(as destination: FilePath) throws(StorageError) {
        try UnfinishedFiles.publishing(path, as: destination) { () throws(StorageError) in
            do throws(Errno) {
                try calls.rename(path, destination)
            } catch {
                throw StorageError(destination, "give the finished store its name", error)
            }
        }
        try Directory(destination.parent, calls: calls).synchronize()
    }
}

extension FilePath {
    /// The directory that the last component stands in; "." for a bare name.
    package var parent: FilePath {
        let parent = removingLastComponent()
        return parent.isEmpty ? FilePath(".") : parent
    }

    /// The path with `suffix` behind its last component. Names need not be UTF-8, so bytes are put together, not strings.
    package func appending(suffix: String) -> FilePath {
        let bytes = unsafe withPlatformString { name in
            unsafe UnsafeBufferPointer(start: name, count: length)
                + suffix.utf8.map { CInterop.PlatformChar(truncatingIfNeeded: $0) }
        }
        return FilePath(platformString: bytes + [0])
    }

    /// The last component, cut off where a longer name made of it would be too long for a file system.
    package var shortName: String { String(decoding: (lastComponent?.string ?? "").utf8.prefix(180), as: UTF8.self) }
}
