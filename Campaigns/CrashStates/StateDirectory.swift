package import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A directory that holds one state after another as real files. Best on a file system in memory.
package final class StateDirectory: Sendable {
    package let path: FilePath

    /// Makes the directory; one that exists is taken, and emptied by the first `write`.
    package init(_ path: FilePath) throws(Errno) {
        self.path = path
        let result = unsafe path.withPlatformString { unsafe mkdir($0, 0o777) }
        guard result == 0 || errno == EEXIST else { throw Errno(rawValue: errno) }
    }

    /// Replaces all that is in the directory by `state`. Files that keep their names are written over, which is two to
    /// three times as fast as making new ones; so nobody may have them open or mapped any more. With `fresh` all files
    /// are new.
    package func write(_ state: DiskState, fresh: Bool = false) throws(Errno) {
        let root = try openDirectory(AT_FDCWD, path.string)
        defer { close(root) }
        var kept: [String: Bool] = [:]
        if !fresh {
            for directory in state.directories { kept[directory] = true }
            for file in state.files { kept[file.path] = false }
        }
        try empty(root, prefix: "", keeping: kept)
        for directory in state.directories {
            let result = unsafe mkdirat(root, directory, 0o777)
            guard result == 0 || errno == EEXIST else { throw Errno(rawValue: errno) }
        }
        for file in state.files {
            let descriptor = unsafe openat(root, file.path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o666)
            guard descriptor >= 0 else { throw Errno(rawValue: errno) }
            defer { close(descriptor) }
            try file.image.write(over: descriptor)
        }
    }

    /// Removes the directory and all that is in it.
    package func remove() throws(Errno) {
        let root = try openDirectory(AT_FDCWD, path.string)
        defer { close(root) }
        try empty(root, prefix: "", keeping: [:])
        guard unsafe path.withPlatformString({ unsafe rmdir($0) }) == 0 else { throw Errno(rawValue: errno) }
    }
}

private func openDirectory(_ parent: Int32, _ name: String) throws(Errno) -> Int32 {
    let descriptor = unsafe openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    return descriptor
}

/// The names in an open directory, in order, and which of them are directories.
private func entries(of directory: Int32) throws(Errno) -> [(name: String, isDirectory: Bool)] {
    guard let stream = unsafe fdopendir(dup(directory)) else { throw Errno(rawValue: errno) }
    defer { unsafe closedir(stream) }
    unsafe rewinddir(stream)
    var entries: [(name: String, isDirectory: Bool)] = []
    while let entry = unsafe readdir(stream) {
        // In place: an entry ends with its name, a copy of all 256 bytes would read beyond it.
        let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
            unsafe String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
        }
        if name != "." && name != ".." { entries.append((name, unsafe entry.pointee.d_type == UInt8(DT_DIR))) }
    }
    return entries.sorted { $0.name < $1.name }
}

/// Removes all that is in a directory but files that `kept` has with false, and directories that it has with true.
private func empty(_ directory: Int32, prefix: String, keeping kept: [String: Bool]) throws(Errno) {
    for entry in try entries(of: directory) {
        let path = prefix + entry.name
        if entry.isDirectory {
            let inner = try openDirectory(directory, entry.name)
            defer { close(inner) }
            try empty(inner, prefix: path + "/", keeping: kept)
        }
        if kept[path] == entry.isDirectory { continue }
        guard unsafe unlinkat(directory, entry.name, entry.isDirectory ? AT_REMOVEDIR : 0) == 0 else {
            throw Errno(rawValue: errno)
        }
    }
}

extension DiskState {
    /// What a directory holds now.
    package init(reading path: FilePath) throws(Errno) {
        var directories: [String] = [], files: [File] = []
        let root = try openDirectory(AT_FDCWD, path.string)
        defer { close(root) }
        try Self.read(root, prefix: "", &directories, &files)
        self.init(directories: directories, files: files)
    }

    private static func read(
        _ directory: Int32, prefix: String, _ directories: inout [String], _ files: inout [File]
    ) throws(Errno) {
        for entry in try entries(of: directory) {
            if entry.isDirectory {
                directories.append(prefix + entry.name)
                let inner = try openDirectory(directory, entry.name)
                defer { close(inner) }
                try read(inner, prefix: prefix + entry.name + "/", &directories, &files)
            } else {
                let descriptor = unsafe openat(directory, entry.name, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
                guard descriptor >= 0 else { throw Errno(rawValue: errno) }
                defer { close(descriptor) }
                files.append(File(path: prefix + entry.name, image: try FileImage(reading: descriptor)))
            }
        }
    }
}
