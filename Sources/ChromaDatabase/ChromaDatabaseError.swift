package import SystemPackage

/// What can be wrong with `chroma.sqlite3`: a path, and a message that says what to do.
package struct ChromaDatabaseError: Error, Sendable, Hashable {
    package let path: FilePath
    /// A clause without the path.
    package let message: String

    init(_ path: FilePath, _ message: String) {
        self.path = path
        self.message = message
    }
}
