import SystemPackage

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A file open for reading at given offsets, and the size it had when it was opened. Reads keep no position, so threads
/// may share it. A pipe is read to its end when it is opened, and what came through it is the file.
struct InputFile: ~Copyable, Sendable {
    let path: FilePath
    let size: Int
    private let descriptor: Int32

    /// Opens it. What is neither a file nor a pipe is refused, and not waited for.
    init(_ path: FilePath) throws(VectorFileError) {
        let opened = try Self.open(path)
        do {
            if let size = try Self.regularSize(of: opened, path) {
                (descriptor, self.size) = (opened, size)
            } else {
                (descriptor, size) = try PipedInput.spooled(opened, path)
                close(opened)
            }
        } catch {
            close(opened)
            throw error
        }
        self.path = path
    }

    deinit { close(descriptor) }

    private static func open(_ path: FilePath) throws(VectorFileError) -> Int32 {
        let descriptor = retryingOnInterrupt {
            if let number = standardDescriptor(path) { return fcntl(number, F_DUPFD_CLOEXEC, 3) }
            // A pipe with a name is opened once its writer has opened it. Opened without waiting it would look as if it
            // had ended, and opened twice it may be after its writer has gone.
            let waiting = isNamedPipe(path) ? 0 : O_NONBLOCK
            let opened = unsafe path.withPlatformString { name in
                #if canImport(Glibc)
                unsafe Glibc.open(name, O_RDONLY | O_CLOEXEC | waiting)
                #else
                unsafe Darwin.open(name, O_RDONLY | O_CLOEXEC | waiting)
                #endif
            }
            // From a terminal it is read as it is typed.
            if opened >= 0 && waiting != 0 { _ = fcntl(opened, F_SETFL, 0) }
            return opened
        }
        if descriptor >= 0 { return descriptor }
        let code = errno
        guard code == ENOENT else { throw VectorFileError(path, doing: "open it", errno: code) }
        throw VectorFileError(path, "there is no such file: check the path", errno: code)
    }

    /// Standard input, under its names. Linux opens these again: a pipe with a name would wait for another writer.
    private static func standardDescriptor(_ path: FilePath) -> Int32? {
        ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"].contains(path) ? STDIN_FILENO : nil
    }

    private static func isNamedPipe(_ path: FilePath) -> Bool {
        var status = stat()
        let result = unsafe path.withPlatformString { unsafe stat($0, &status) }
        return result == 0 && status.st_mode & S_IFMT == S_IFIFO
    }

    /// The size of a regular file; nil for a pipe, and a terminal that somebody types at.
    private static func regularSize(of descriptor: Int32, _ path: FilePath) throws(VectorFileError) -> Int? {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw VectorFileError(path, doing: "read its size", errno: errno)
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return Int(status.st_size)
        case S_IFIFO: return nil
        case S_IFCHR where isatty(descriptor) == 1: return nil
        case S_IFDIR: throw VectorFileError(path, "it is a directory: name a file", errno: EISDIR)
        default: throw VectorFileError(path, "it is neither a file nor a pipe: save the data to a file first")
        }
    }

    func error(_ message: String) -> VectorFileError { VectorFileError(path, message) }

    /// Fills `buffer` from `offset` on, whatever signals and short reads come in between; throws if the file has
    /// become too short since it was opened.
    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(VectorFileError) {
        var done = 0
        while done < buffer.count {
            // Darwin refuses requests of 2 GiB and more.
            let count = min(buffer.count - done, 1 << 30)
            let got = retryingOnInterrupt {
                unsafe pread(descriptor, buffer.baseAddress! + done, count, off_t(offset + done))
            }
            if got < 0 { throw VectorFileError(path, doing: "read at byte offset \(offset + done)", errno: errno) }
            if got == 0 {
                throw error(
                    "it now ends at or before byte offset \(offset + done) but had \(size) bytes when it was opened: "
                        + "do not change it while it is read")
            }
            done += got
        }
    }

    /// A few bytes of a header; `offset` and `count` must lie within the size.
    func bytes(at offset: Int, count: Int) throws(VectorFileError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var failure: VectorFileError?
        unsafe bytes.withUnsafeMutableBytes { buffer in
            do throws(VectorFileError) { unsafe try read(at: offset, into: buffer) } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }

    /// The four bytes at `offset`.
    func u32(at offset: Int) throws(VectorFileError) -> UInt32 {
        try bytes(at: offset, count: 4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
}

/// Calls again for as long as a signal interrupts it.
func retryingOnInterrupt<Result: SignedInteger>(_ call: () -> Result) -> Result {
    while true {
        let result = call()
        if result >= 0 || errno != EINTR { return result }
    }
}
