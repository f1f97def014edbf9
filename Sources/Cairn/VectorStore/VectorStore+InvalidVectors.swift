extension VectorStore {
    /// Returns the vectors that the store cannot hold, without adding any.
    ///
    /// The store cannot hold a vector if a component is not finite, or beyond the store's scalar. A cosine store cannot
    /// hold a vector without a direction. No store holds vectors that are so long or so short that single precision
    /// does not hold their distances. You can add the others.
    ///
    /// You may call this from any thread.
    ///
    /// - Parameter vectors: The components of the vectors, one vector after the other.
    /// - Returns: The invalid vectors and what is wrong with them, in the order of the input.
    /// - Throws: ``StoreError``: `dimensionMismatch` if the numbers are not a whole number of vectors; `closed` after
    ///   ``close()``.
    /// - Complexity: O(components).
    public func invalidVectors(in vectors: [Float]) throws(StoreError) -> [InvalidVector] {
        let encoding = try reading { $0.contents.encoding }
        let count = vectors.count / encoding.dimensions
        var found: [InvalidVector] = []
        try unsafe withElements(vectors) { (elements) throws(StoreError) in
            let rows = try unsafe VectorRows(elements, rows: count, encoding: encoding, path: path)
            for row in 0..<count {
                if let problem = rows.problem(row) { found.append(InvalidVector(row: row, problem: problem.text)) }
            }
        }
        return found
    }
}
