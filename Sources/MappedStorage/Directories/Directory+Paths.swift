package import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

extension Directory {
    /// What is at a path.
    package enum Kind: Sendable { case missing, directory, other }

    /// What is at `path`; follows symbolic links.
    package static func kind(of path: FilePath) -> Kind {
        var status = stat()
        let result = unsafe path.withPlatformString { unsafe stat($0, &status) }
        guard result == 0 else { return .missing }
        return status.st_mode & S_IFMT == S_IFDIR ? .directory : .other
    }

    /// Whether a regular file is at `path`, and no device or pipe; follows symbolic links.
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
}

extension FilePath {
    /// The directory that the last component is in; "." for a bare name.
    package var parent: FilePath {
        let parent = removingLastComponent()
        return parent.isEmpty ? FilePath(".") : parent
    }

    /// The path with `suffix` behind its last component. Names need not be UTF-8, so bytes are put together, not
    /// strings.
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
