import Allocation
import HNSW

extension Graph {
    /// Candidates, which ascend, as labels and distances.
    func labelled(_ found: UncheckedBuffer<HNSW.Candidate>) throws(OutOfMemory) -> [VectorStore.Neighbor] {
        try ProcessMemory.expect(found.count * MemoryLayout<VectorStore.Neighbor>.stride)
        return labelled(count: found.count) { found[$0] }
    }

    /// `count` candidates, which ascend in distance and slot, as labels and distances. Among those that compare equal
    /// the label decides. That is settled before distances are rounded: many that differ may have the same one.
    @inline(__always)
    func labelled(count: Int, _ candidate: (Int) -> HNSW.Candidate) -> [VectorStore.Neighbor] {
        var result: [VectorStore.Neighbor] = []
        result.reserveCapacity(count)
        var firstEqual = 0
        for index in 0..<count {
            let found = candidate(index)
            result.append(.init(label: slots.label(found.slot), distance: distances.distance(of: found)))
            if index + 1 < count && candidate(index + 1) >> 32 == found >> 32 { continue }
            if index > firstEqual { result[firstEqual...].sort { $0.label < $1.label } }
            firstEqual = index + 1
        }
        return result
    }
}

extension VectorStore.Neighbor {
    /// About what an array of `count` of them takes.
    static func bytes(_ count: Int) -> Int { 48 + count * MemoryLayout<Self>.stride }
}
