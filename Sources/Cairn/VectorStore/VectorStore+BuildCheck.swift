extension VectorStore {
    /// Throws the errors that a build of these rows would throw for them, without making anything.
    ///
    /// Reads all rows, a few MiB at a time.
    ///
    /// - Parameters:
    ///   - configuration: The settings of the store.
    ///   - source: The rows.
    ///   - labels: The labels of the rows; nil for 0, 1, 2, …
    ///   - onInvalidVector: A function that is called with each vector that the store cannot hold; nil to throw for the
    ///     first one.
    ///   - progress: A function that is called with the number of rows read so far and the total.
    /// - Throws: ``StoreError`` with the code that the build would throw.
    package static func checkBuild(
        _ configuration: Configuration, _ source: RowSource, labels: [Label]?,
        onInvalidVector: ((InvalidVector) -> Void)? = nil, progress: (_ done: Int, _ total: Int) -> Void
    ) throws(StoreError) {
        try configuration.validate()
        try check(source, labels)
        try forEachPortion(of: source, configuration) { (rows, range) throws(StoreError) in
            for (index, row) in range.enumerated() {
                if let onInvalidVector {
                    if let problem = rows.problem(index) {
                        onInvalidVector(InvalidVector(row: row, problem: problem.text))
                    }
                } else {
                    try rows.check(
                        index, label: labels?[row] ?? Label(row), offset: range.lowerBound, path: source.path)
                }
            }
            progress(range.upperBound, source.count)
        }
    }
}
