import SystemPackage

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What comes out of a pipe, brought into a temporary file: from there it can be read in any order and by several
/// threads, as any other file.
enum PipedInput {
    /// Reads `source` to its end. Returns a file without a name, which is gone once its descriptor is closed, and its
    /// size.
    static func spooled(_ source: Int32, _ path: FilePath) throws(VectorFileError) -> (descriptor: Int32, size: Int) {
        let file = try temporaryFile(path)
        do throws(VectorFileError) {
            return (file, try copy(source, to: file, path))
        } catch {
            close(file)
            throw error
        }
    }

    private static var directory: String {
        guard let name = unsafe getenv("TMPDIR"), unsafe name.pointee != 0 else { return "/tmp" }
        return unsafe String(cString: name)
    }

    private static func temporaryFile(_ path: FilePath) throws(VectorFileError) -> Int32 {
        var name = Array("\(directory)/cairn-XXXXXX".utf8CString)
        let file = unsafe name.withUnsafeMutableBufferPointer { name in
            let file = unsafe mkstemp(name.baseAddress!)
            if file >= 0 { unsafe unlink(name.baseAddress!) }
            return file
        }
        guard file >= 0 else { throw noRoom(path, errno) }
        _ = fcntl(file, F_SETFD, FD_CLOEXEC)
        return file
    }

    private static func copy(
        _ source: Int32, to file: Int32, _ path: FilePath
    ) throws(VectorFileError) -> Int {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
        defer { unsafe buffer.deallocate() }
        var size = 0
        while true {
            let count = retryingOnInterrupt { unsafe read(source, buffer.baseAddress!, buffer.count) }
            guard count >= 0 else { throw VectorFileError(path, doing: "read it", errno: errno) }
            if count == 0 { return size }
            var written = 0
            while written < count {
                let more = retryingOnInterrupt {
                    unsafe write(file, buffer.baseAddress! + written, count - written)
                }
                guard more >= 0 else { throw noRoom(path, errno) }
                written += more
            }
            size += count
        }
    }

    private static func noRoom(_ path: FilePath, _ errno: Int32) -> VectorFileError {
        VectorFileError(
            path,
            "what comes through this pipe is kept in a temporary file, which could not be written in \(directory): "
                + "\(Errno(rawValue: errno)); set TMPDIR to a directory with room, or save the data to a file",
            errno: errno)
    }
}
