import Allocation
import HNSW

extension VectorStore {
    /// The vectors that a search found within a radius.
    public struct RadiusResult: Sendable, Hashable {
        /// The vectors within the radius, nearest first.
        public let neighbors: [Neighbor]
        /// Whether more vectors are within the radius than ``VectorStore/RadiusOptions/limit`` allows.
        public let isTruncated: Bool

        init(_ found: RegionFound, _ graph: Graph) throws(OutOfMemory) {
            neighbors = try graph.labelled(found.candidates)
            isTruncated = found.isTruncated
        }
    }
}
