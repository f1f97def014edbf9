public import SystemPackage

extension VectorStore {
    /// Opens the store at `path` for writing, or makes an empty one if there is none; `options.access` does not matter.
    ///
    /// A store that is there must have the dimensions, the metric and the scalar of `configuration`. Its other settings stay as
    /// they are. When two processes make the store at once, one of them makes it, and the other one opens that or gets `locked`.
    ///
    /// Throws `dimensionMismatch` or `invalidArgument` for a store of another configuration, and what ``open(at:options:)`` and
    /// ``create(at:_:options:)`` throw.
    public static func openOrCreate(
        at path: FilePath, _ configuration: Configuration, options: OpenOptions = .init(access: .readWrite)
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
            return try create(at: path, configuration, options: options)
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
                "the store that is here has vectors of \(found.dimensions) dimensions, not \(configuration.dimensions); open it "
                    + "with those, or choose another path", path: path)
        }
        guard found.metric == configuration.metric, found.scalar == configuration.scalar else {
            throw StoreError(
                .invalidArgument,
                "the store that is here has metric \(found.metric) and scalar \(found.scalar), not \(configuration.metric) and "
                    + "\(configuration.scalar); open it with those, or choose another path", path: path)
        }
        return store
    }
}
