public import SystemPackage

extension VectorStore {
    /// Opens a store for writing, or creates an empty one if there is none.
    ///
    /// A store that exists must have the dimensions, the metric and the scalar of `configuration`. Its other settings
    /// stay as they are. If two processes create the store at once, one of them creates it. The other one opens that
    /// store, or gets `locked`.
    ///
    /// - Parameters:
    ///   - path: The directory of the store.
    ///   - configuration: The settings of the store if it is created.
    ///   - options: The durability of changes, the limits of log and memory, the threads to use, and what to do about a
    ///     damaged log.
    /// - Returns: The store, open for writing.
    /// - Throws: ``StoreError``: `dimensionMismatch` if the store has other dimensions; `invalidArgument` if it has
    ///   another metric or scalar, or a setting is out of range; and the errors of ``openForWriting(at:options:)`` and
    ///   ``create(at:configuration:options:)``.
    public static func openOrCreate(
        at path: FilePath, configuration: Configuration, options: OpenOptions = .init()
    ) throws(StoreError) -> VectorStore {
        try configuration.validate()
        var options = options
        options.access = .readWrite
        do {
            return try openExisting(at: path, configuration, options)
        } catch {
            // An empty directory is a place for a store, as nothing is.
            guard error.code == .notFound || error.code == .notAStore, (try? checkVacant(path)) != nil else {
                throw error
            }
        }
        do {
            return try create(at: path, configuration: configuration, options: options)
        } catch {
            guard error.code == .alreadyExists else { throw error }
            // Another process was quicker.
            return try openExisting(at: path, configuration, options)
        }
    }

    private static func openExisting(
        at path: FilePath, _ configuration: Configuration, _ options: OpenOptions
    ) throws(StoreError) -> VectorStore {
        let store = try open(at: path, options: options), found = try store.configuration
        guard found.dimensions == configuration.dimensions else {
            throw StoreError(
                .dimensionMismatch,
                "the store that is here has vectors of \(found.dimensions) dimensions, not \(configuration.dimensions)",
                remedy: "open it "
                    + "with those, or choose another path", path: path)
        }
        guard found.metric == configuration.metric, found.scalar == configuration.scalar else {
            throw StoreError(
                .invalidArgument,
                "the store that is here has metric \(found.metric) and scalar \(found.scalar), not \(configuration.metric) and "
                    + "\(configuration.scalar)",
                remedy: "open it with those, or choose another path", path: path)
        }
        return store
    }
}
