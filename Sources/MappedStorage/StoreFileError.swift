package import FileFormat
package import SystemPackage

/// Why the file of a store could not be read or written.
package enum StoreFileError: Error, Sendable {
    case storage(StorageError)
    case format(FilePath, FormatError)

    /// As that of a `StorageError`.
    package var isShortage: Bool {
        if case .storage(let error) = self { error.isShortage } else { false }
    }
}

/// Runs `body` and passes its error on as that of a store's file.
package func storage<Result>(_ body: () throws(StorageError) -> Result) throws(StoreFileError) -> Result {
    do {
        return try body()
    } catch {
        throw .storage(error)
    }
}
