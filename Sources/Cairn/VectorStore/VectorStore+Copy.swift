public import SystemPackage

extension VectorStore {
    /// Copies a store to a new one, without the slots of erased and replaced vectors.
    ///
    /// The copy has the same vectors, labels, deletion marks and graph. An import that was not changed keeps the slots
    /// of repeated labels. If the store has quantization, the copy makes its own.
    ///
    /// With a `metric`, the copy has another distance. Its vectors are as they were given. The graph stays as it is,
    /// although it was made for the other metric. Measure with `cairn recall` how well it serves.
    ///
    /// The copy appears at once and as a whole, as with ``build(at:configuration:vectors:labels:options:)``. It is
    /// durable when this returns. The store is open for reading meanwhile.
    ///
    /// - Parameters:
    ///   - path: The directory of the store.
    ///   - copy: The directory of the new store. Nothing may exist there but an empty directory.
    ///   - metric: The distance of the new store; nil to keep that of the store.
    ///   - progress: A function that is called from time to time with the number of vectors written so far and the
    ///     total.
    /// - Throws: ``StoreError``: `alreadyExists` if there is something at `copy`; `invalidVector` if the metric cannot
    ///   place a vector; `full` or `io` if the system or the disk fails; and the errors of ``open(at:options:)``.
    ///   `cancelled` if the call was cancelled.
    /// - Complexity: O(store). It takes about 25 bytes of memory for each vector, in addition to the upper layers.
    public static func copy(
        from path: FilePath, to copy: FilePath, metric: Metric? = nil,
        progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
    ) throws(StoreError) {
        try checkVacant(copy)
        let store = try open(at: path)
        try store.readingQuiet { (session) throws(StoreError) in
            try StoreCopy(session, metric, codes: store.codes).run(
                from: path, to: copy, progress: progress, calls: store.calls)
        }
    }
}
