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
