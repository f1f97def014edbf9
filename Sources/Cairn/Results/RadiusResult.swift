import Allocation
import HNSW

/// The vectors within a radius.
public struct RadiusResult: Sendable, Hashable {
    /// Nearest first.
    public let neighbors: [Neighbor]
    /// Whether there are more within the radius than ``RadiusOptions/limit`` let through.
    public let isTruncated: Bool

    init(_ found: RegionFound, _ graph: Graph) throws(OutOfMemory) {
        neighbors = try VectorStore.neighbors(found.candidates, graph)
        isTruncated = found.isTruncated
    }
}
