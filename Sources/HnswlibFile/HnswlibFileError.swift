package import Allocation
package import MappedStorage
package import SystemPackage

/// What can be wrong with one of hnswlib's or Chroma's files: always a path, and a message that says what to do.
package struct HnswlibFileError: Error, Sendable, Hashable {
    /// The file it is about.
    package let path: FilePath
    /// What is wrong, with the byte offset where there is one, and what to do: a clause without the path.
    package let message: String
    /// Where in the file, in bytes from its beginning, if it is about one place; the message says it too.
    package let offset: Int?
    /// The system's error number, where a system call failed.
    package let errno: Errno?

    package init(_ path: FilePath, _ message: String, offset: Int? = nil, errno: Errno? = nil) {
        self.path = path
        self.message = message
        self.offset = offset
        self.errno = errno
    }

    /// A system call that failed.
    package init(_ error: StorageError) {
        let message =
            error.errno == .noSuchFileOrDirectory
            ? "there is no such file: check the path"
            : "could not \(error.action): \(error.errno.advice ?? "\(error.errno)")"
        self.init(error.path, message, errno: error.errno)
    }
}

extension HnswlibFileError {
    /// Memory that could not be had for what is done with a file.
    package init(_ path: FilePath, _ error: OutOfMemory) { self.init(StorageError(path, error)) }
}

extension HnswlibFileError: CustomStringConvertible {
    package var description: String { "\(path): \(message)" }
}

/// Evaluates `body` and passes a want of memory on as the error of a file.
package func claimingMemory<Result>(
    for path: FilePath, _ body: @autoclosure () throws(OutOfMemory) -> Result
) throws(HnswlibFileError) -> Result {
    do {
        return try body()
    } catch {
        throw HnswlibFileError(path, error)
    }
}
