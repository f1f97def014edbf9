import HNSW

extension VectorStore {
    /// Counts of the work that searches did.
    ///
    /// They are equal on every run, so you can compare two versions or two values of ef on any machine.
    public struct SearchWork: Sendable, Hashable, Codable {
        /// The number of distances computed, to vectors and to quantized vectors.
        public internal(set) var distances = 0
        /// The number of nodes of the graph whose neighbours were compared with the query, on every level.
        public internal(set) var hops = 0
        /// The number of link lists read.
        public internal(set) var listsRead = 0
        /// The number of vectors read.
        public internal(set) var vectorsRead = 0
        /// The number of quantized vectors read.
        public internal(set) var quantizedVectorsRead = 0
        /// The number of different 4 KiB pages that each search read for vectors, quantized vectors and lists, added
        /// up.
        public internal(set) var pagesTouched = 0
        /// The number of bytes of the vectors, quantized vectors and lists that were read.
        public internal(set) var bytesRead = 0

        /// Creates counts that are all 0.
        public init() {}

        mutating func add(_ trace: SearchTrace) {
            distances += trace.distances
            hops += trace.hops
            listsRead += trace.lists
            vectorsRead += trace.vectors
            quantizedVectorsRead += trace.codes
            pagesTouched += trace.pageCount
            bytesRead += trace.bytes
        }
    }
}
