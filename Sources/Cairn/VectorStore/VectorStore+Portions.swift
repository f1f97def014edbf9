import Allocation
import FileFormat
import HNSW
import MappedStorage

extension VectorStore {
    /// The next vectors of a store that is read a portion at a time.
    public struct Portion: Sendable {
        /// The labels of the vectors.
        public let labels: [Label]
        /// The components of the vectors, one vector after the other.
        public let vectors: [Float]
        /// Where the next portion begins, for ``VectorStore/portion(from:count:)``.
        public let end: Int
    }

    /// Reads vectors from a place on, in the order in which the store keeps them.
    ///
    /// Begin at 0, and go on from ``Portion/end`` until a portion is empty. Each call sees the store as it is then: what
    /// is changed between two calls may be missed, or come twice. ``forEachVector(_:)`` sees one state. Vectors that are
    /// marked deleted are left out. You may call this from any thread; it takes no lock.
    ///
    /// - Parameters:
    ///   - place: 0, or the end of the portion before.
    ///   - count: The largest number of vectors to return, at least 1.
    /// - Returns: The labels, the vectors and the place after them; no vectors at the end of the store.
    /// - Throws: ``StoreError``: `invalidArgument` if `count` is below 1; `closed` after ``close()``; `full` if there is
    ///   no memory.
    /// - Complexity: O(count), and the deleted vectors between them.
    public func portion(from place: Int, count: Int) throws(StoreError) -> Portion {
        guard count >= 1 else {
            throw StoreError(.invalidArgument, "the count is \(count)", remedy: "it must be 1 or more")
        }
        return try reading { (session) throws(StoreError) in
            let contents = session.contents, slots = session.graph.slots, dimensions = contents.encoding.dimensions
            let view = session.view, first = min(max(place, 0), view.count), most = min(count, view.count - first)
            try takingMemory(for: path, ProcessMemory.expect(most * (8 + 4 * dimensions)))
            var labels: [Label] = [], next = first
            labels.reserveCapacity(most)
            let vectors = unsafe [Float](unsafeUninitializedCapacity: most * dimensions) { buffer, filled in
                while next < view.count && labels.count < count {
                    let slot = UInt32(next)
                    next += 1
                    guard slots.isVisible(slot, at: view.sequence) else { continue }
                    unsafe contents.readVector(slot, to: buffer.baseAddress! + labels.count * dimensions)
                    labels.append(slots.label(slot))
                }
                filled = labels.count * dimensions
            }
            contents.memory.expect(next..<min(next + most, view.count), of: Self.columnsOfRows)
            contents.memory.release(first..<next, of: Self.columnsOfRows)
            return Portion(labels: labels, vectors: vectors, end: next)
        }
    }

    /// What a row is read from.
    static let columnsOfRows: [Geometry.Column] = [.vectors, .norms, .slotTable]
}
