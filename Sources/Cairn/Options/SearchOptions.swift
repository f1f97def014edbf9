package import HNSW

/// How a search is made.
public struct SearchOptions: Sendable {
    /// ef: how many candidates the search keeps. More find better neighbours and take longer; nil for the store's own. Counts
    /// as `count` where it is less.
    public var width: Int?
    /// Which vectors may be returned; nil for all.
    public var filter: LabelFilter?
    /// Compares with every vector instead of walking the graph: exact, and as slow as the store is large.
    public var isExact: Bool
    /// Walks by the vectors though there are codes, where measurements compare the two.
    package var ignoresCodes = false
    /// How to go about a filter whose vectors are known, where measurements want to say so themselves.
    package var filterPlan: FilterPlan?

    /// The store's own width and no filter, unless said otherwise.
    public init(width: Int? = nil, filter: LabelFilter? = nil, isExact: Bool = false) {
        self.width = width
        self.filter = filter
        self.isExact = isExact
    }
}
