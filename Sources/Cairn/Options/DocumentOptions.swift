/// How a search for documents is made.
public struct DocumentOptions: Sendable {
    /// ef: the best so many documents are kept while the graph is walked. More find better ones and take longer; nil for the
    /// store's own. Counts as `count` where it is less.
    public var width: Int?
    /// How many of its nearest vectors each document comes with, at the most. More than one are looked for among all of the
    /// document's: where the grouping is a function, or a document's labels are thousands, that asks each vector of the
    /// store which document it belongs to.
    public var neighborsPerDocument: Int
    /// Which vectors may be returned, and make their documents found; nil for all.
    public var filter: LabelFilter?
    /// Compares with every vector instead of walking the graph: exact, and as slow as the store is large.
    public var isExact: Bool

    /// The store's own width, each document's best neighbour and no filter, unless said otherwise.
    public init(
        width: Int? = nil, neighborsPerDocument: Int = 1, filter: LabelFilter? = nil, isExact: Bool = false
    ) {
        self.width = width
        self.neighborsPerDocument = neighborsPerDocument
        self.filter = filter
        self.isExact = isExact
    }
}
