/// How a search within a radius is made.
public struct RadiusOptions: Sendable {
    /// The most vectors that are returned: the nearest ones, where there are more. It bounds the work and the memory, too.
    public var limit: Int
    /// The patience of the walk: so many of the nearest candidates beyond the radius are looked at as well as all within it.
    /// More find what lies apart, and take longer; nil for the store's own ef.
    public var width: Int?
    /// Which vectors may be returned; nil for all.
    public var filter: LabelFilter?
    /// Compares with every vector instead of walking the graph: exact, and as slow as the store is large.
    public var isExact: Bool

    /// At most 10,000 vectors, the store's own width and no filter, unless said otherwise.
    public init(limit: Int = 10_000, width: Int? = nil, filter: LabelFilter? = nil, isExact: Bool = false) {
        self.limit = limit
        self.width = width
        self.filter = filter
        self.isExact = isExact
    }
}
