package import SystemPackage

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A directory of its own for one test, in $TMPDIR or /tmp; it removes itself and all that is in it when it is let go of.
package final class TemporaryDirectory: Sendable {
    package let path: FilePath

    package init() throws(Errno) {
        let parent = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
        var template = Array(FilePath(parent).appending("cairn-test-XXXXXX").string.utf8CString)
        guard unsafe template.withUnsafeMutableBufferPointer({ unsafe mkdtemp($0.baseAddress!) != nil }) else {
            throw Errno(rawValue: errno)
        }
        path = FilePath(String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }

    deinit { removeTree(path) }

    /// The path of `name` in the directory.
    package func appending(_ name: String) -> FilePath { path.appending(name) }
}

/// What is in a directory, in order; nothing where there is none.
package func names(in directory: FilePath) -> [String] {
    guard let stream = unsafe directory.withPlatformString({ unsafe opendir($0) }) else { return [] }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while let entry = unsafe readdir(stream) {
        // In place: an entry ends with its name, a copy of all 256 bytes would read beyond it.
        let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
            unsafe String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
        }
        if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
}

/// Removes a file, or a directory and all that is in it, as far as that goes.
package func removeTree(_ path: FilePath) {
    if unsafe path.withPlatformString({ unsafe unlink($0) }) == 0 { return }
    for name in names(in: path) { removeTree(path.appending(name)) }
    _ = unsafe path.withPlatformString { unsafe rmdir($0) }
}

/// Copies a directory of files, which has files and nothing else in it, to a new one.
package func copyFiles(from source: FilePath, to destination: FilePath) throws {
    guard unsafe destination.withPlatformString({ unsafe mkdir($0, 0o777) }) == 0 else { throw Errno(rawValue: errno) }
    let files = names(in: source)
    guard !files.isEmpty else { throw Errno.noSuchFileOrDirectory }
    for name in files { try writeBytes(readBytes(source.appending(name)), to: destination.appending(name)) }
}

/// The bytes of a whole file.
package func readBytes(_ path: FilePath) throws -> [UInt8] {
    let file = try FileDescriptor.open(path, .readOnly)
    return try file.closeAfter {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = try unsafe chunk.withUnsafeMutableBytes { try unsafe file.read(into: $0) }
            if count == 0 { return bytes }
            bytes += chunk[..<count]
        }
    }
}

/// Writes a whole file, over an older one of that name.
package func writeBytes(_ bytes: [UInt8], to path: FilePath) throws {
    let file = try FileDescriptor.open(
        path, .writeOnly, options: [.create, .truncate], permissions: [.ownerReadWrite, .groupRead, .otherRead])
    _ = try file.closeAfter { try file.writeAll(bytes) }
}
