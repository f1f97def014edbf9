extension GraphView {
    /// Whether a search for `k` neighbours compares with every slot instead of walking the graph, where nothing else (a
    /// filter) bears on it.
    ///
    /// A walk whose width is a tenth of the slots computes half to three quarters of all distances, in no order, and
    /// keeps as many candidates sorted. A scan is done as soon, and exact. (Measured on 1,000 to 20,000 SIFT vectors
    /// and embeddings.) Walks by codes are quicker, unless many vectors have to decide. What walks miss is among the
    /// farther neighbours, most of all those by inner product.
    package func scans(count k: Int, width: Int) -> Bool { scans(count: k, width: width, byCodes: codes != nil) }

    package func scans(count k: Int, width: Int, byCodes: Bool) -> Bool {
        k >= count / 10 || width >= count / (byCodes ? 7 : 10)
    }
}
