package import Allocation
package import SystemPackage

/// A system call that failed, on which file, and why.
package struct StorageError: Error, Sendable, Hashable {
    package let path: FilePath
    /// What was being done, in words that complete "could not …".
    package let action: String
    package let errno: Errno

    package init(_ path: FilePath, _ action: String, _ errno: Errno) {
        self.path = path
        self.action = action
        self.errno = errno
    }
}

extension StorageError {
    /// Memory that could not be had for what is done with the file.
    package init(_ path: FilePath, _ error: OutOfMemory) {
        self.init(path, error.bytes == 0 ? "start a thread" : "take \(error.bytes) bytes of memory", .noMemory)
    }

    /// Whether something was lacking that there may be again: space, memory, open files. What failed for want of it has
    /// done nothing, and says nothing of what it was done to.
    package var isShortage: Bool { errno.advice != nil }
}

extension Errno {
    /// What to do where a call failed for want of something that a process may have more of; nil for other failures.
    package var advice: String? {
        switch self {
        case .noSpace, .diskQuotaExceeded: "the disk is full: make room and try again"
        case .fileTooLarge:
            "the file would be longer than this process or the file system allows: raise the limit (ulimit -f) and try again"
        case .noMemory: "raise the limits on memory and addresses (ulimit -v, the control group's) and try again"
        case .tooManyOpenFiles: "this process has too many files open: close some, or raise the limit (ulimit -n)"
        case .tooManyOpenFilesInSystem: "the system has too many files open: close some, or raise its limit"
        default: nil
        }
    }
}

/// Runs `body` and passes a want of memory on as the error of a file.
package func claiming<Result>(
    _ path: FilePath, _ body: () throws(OutOfMemory) -> Result
) throws(StorageError) -> Result {
    do {
        return try body()
    } catch {
        throw StorageError(path, error)
    }
}

/// The same for a single expression.
package func claiming<Result>(
    _ path: FilePath, _ body: @autoclosure () throws(OutOfMemory) -> Result
) throws(StorageError) -> Result {
    do {
        return try body()
    } catch {
        throw StorageError(path, error)
    }
}

/// What `body` returns; nil where it fails. For files that can be made again, where one that cannot be read is like one
/// that is missing; but it throws where something was lacking that says nothing of the file.
package func unlessShort<Result>(_ body: () throws(StorageError) -> Result) throws(StorageError) -> Result? {
    do {
        return try body()
    } catch {
        if error.isShortage { throw error }
        return nil
    }
}
