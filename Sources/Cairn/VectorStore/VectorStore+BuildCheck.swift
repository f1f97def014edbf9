extension VectorStore {
    /// Throws what a build of these rows would find wrong with them, without making anything. Reads all rows, a few MiB at a time.
    /// `onInvalidVector`: as in ``BuildOptions``.
    package static func checkBuild(
        _ configuration: Configuration, _ source: RowSource, labels: [Label]?,
        onInvalidVector: ((InvalidVector) -> Void)? = nil, progress: (_ done: Int, _ total: Int) -> Void
    ) throws(StoreError) {
        try configuration.validate()
        try check(source, labels)
        try forEachPortion(of: source, configuration) { (rows, range) throws(StoreError) in
            for (index, row) in range.enumerated() {
                if let onInvalidVector {
                    if let problem = rows.problem(index) { onInvalidVector(InvalidVector(row: row, problem: problem)) }
                } else {
                    try rows.check(
                        index, label: labels?[row] ?? Label(row), offset: range.lowerBound, path: source.path)
                }
            }
            progress(range.upperBound, source.count)
        }
    }
}
