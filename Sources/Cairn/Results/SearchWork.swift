import HNSW

/// What searches computed and read: the same on every run, so that two versions, or two widths, can be compared on any machine.
public struct SearchWork: Sendable, Hashable {
    /// Distances computed, by codes and by vectors.
    public internal(set) var distances = 0
    /// Nodes of the graph whose neighbours were compared with the query, on every level.
    public internal(set) var hops = 0
    /// Link lists read.
    public internal(set) var listsRead = 0
    /// Vectors read.
    public internal(set) var vectorsRead = 0
    /// Codes read.
    public internal(set) var codesRead = 0
    /// Different pages of 4 KiB that a search's vectors, codes and lists lie in; added up over the searches.
    public internal(set) var pagesTouched = 0
    /// Bytes of those vectors, codes and lists.
    public internal(set) var bytesRead = 0

    /// Nothing yet.
    public init() {}

    mutating func add(_ trace: SearchTrace) {
        distances += trace.distances
        hops += trace.hops
        listsRead += trace.lists
        vectorsRead += trace.vectors
        codesRead += trace.codes
        pagesTouched += trace.pageCount
        bytesRead += trace.bytes
    }
}
