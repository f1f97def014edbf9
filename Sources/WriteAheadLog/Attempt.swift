import MappedStorage

/// Runs `body` and passes its error on as that of a store's file.
func storage<Result>(_ body: () throws(StorageError) -> Result) throws(StoreFileError) -> Result {
    do {
        return try body()
    } catch {
        throw .storage(error)
    }
}
