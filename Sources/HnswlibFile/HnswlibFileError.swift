package import SystemPackage

/// What can be wrong with one of hnswlib's or Chroma's files: always a path, and a message that says what to do.
package struct HnswlibFileError: Error, Sendable {
    /// The file it is about.
    package let path: FilePath
    /// What is wrong, with the byte offset where there is one, and what to do: a clause without the path.
    package let message: String
    /// The system's error number, where a system call failed.
    package let errno: Errno?

    package init(_ path: FilePath, _ message: String, errno: Errno? = nil) {
        self.path = path
        self.message = message
        self.errno = errno
    }
}
