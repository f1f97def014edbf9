import Allocation

/// Chooses a node's neighbours among candidates: hnswlib's heuristic. Nearest first, a candidate is kept unless one
/// that is kept already is closer to it than the node is; so links point in different directions and clusters stay
/// connected.
@safe
final class NeighborSelection {
    private let slotMemory = Memory<UInt32>()
    private let chosenMemory = Memory<Candidate>()
    private let distances = Memory<Float>()
    /// Kept candidates are compared in groups, because most candidates are ruled out by the first few.
    private static let batch = 4

    var byteCount: Int { slotMemory.byteCount + chosenMemory.byteCount + distances.byteCount }

    /// The slots chosen last, nearest first.
    var slots: UncheckedBuffer<UInt32> { slotMemory.buffer }
    /// The slots chosen last with their distances to the node, nearest first.
    var chosen: UncheckedBuffer<Candidate> { chosenMemory.buffer }

    /// Makes room for choosing `limit`.
    func prepare(limit: Int) throws(OutOfMemory) {
        try slotMemory.grow(to: limit)
        try chosenMemory.grow(to: limit)
        try distances.grow(to: Self.batch)
    }

    /// Chooses at most `limit` of the `count` candidates, which ascend, and returns how many. Fewer candidates than
    /// `limit` are all kept.
    func choose(
        _ candidates: UncheckedBuffer<Candidate>, _ count: Int, limit: Int, in graph: Graph,
        expansion: UncheckedBuffer<Float>
    ) -> Int {
        precondition(limit <= slotMemory.buffer.count)
        let slots = slotMemory.buffer, chosen = chosenMemory.buffer, distances = self.distances.buffer
        if count < limit {
            for index in 0..<count {
                slots[index] = candidates[index].slot
                chosen[index] = candidates[index].unexpanded
            }
            return count
        }
        let computer = graph.distances
        var kept = 0, index = 0
        while index < count && kept < limit {
            let candidate = candidates[index].unexpanded
            let query = computer.query(forRow: candidate.slot, expansion: expansion)
            var isKept = true, start = 0
            while isKept && start < kept {
                let length = min(Self.batch, kept &- start)
                computer.compute(query, slots.dropFirst(start), length, distances)
                var member = 0
                while member < length {
                    let distance = Candidate(distance: distances[member], slot: 0)
                    if distance >> 32 < candidate >> 32 { isKept = false }
                    member &+= 1
                }
                start &+= length
            }
            if isKept {
                slots[kept] = candidate.slot
                chosen[kept] = candidate
                kept &+= 1
            }
            index &+= 1
        }
        return kept
    }
}
