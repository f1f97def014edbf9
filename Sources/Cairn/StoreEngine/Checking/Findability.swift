import Allocation
import HNSW

/// Whether searches find the vectors of a store by themselves. A vector that links lead to may be missed all the same,
/// if the walk never comes by one of those who link to it.
struct Findability {
    let store: VectorStore
    let threads: Int?
    /// Called now and then with how many of all vectors have been searched for.
    var progress: ((_ done: Int, _ total: Int) -> Void)?

    /// Results of a search, as most searches ask for.
    private static let count = 10
    private static let rowsAtOnce = 1024

    /// The labels of vectors that a search for ten neighbors of themselves, at the store's own width, does not find. A
    /// vector is not counted if ten others are at least as near, or if damage made it no query. In the order of the
    /// store; a search for each.
    func missed() throws(StoreError) -> [Label] {
        let labels = try store.allLabels()
        var missed: [Label] = []
        let cancellation = CancellationCheck()
        for first in stride(from: 0, to: labels.count, by: Self.rowsAtOnce) {
            try cancellation.check()
            let end = min(first + Self.rowsAtOnce, labels.count)
            let some = try self.missed(of: labels[first..<end])
            try takingMemory(for: store.path, missed.expectRoom(for: some.count))
            missed += some
            progress?(end, labels.count)
        }
        return missed
    }

    private func missed(of labels: ArraySlice<Label>) throws(StoreError) -> [Label] {
        let dimensions = try store.configuration.dimensions
        try takingMemory(for: store.path, ProcessMemory.expect(growing: labels.count, stride: 4 * dimensions))
        var present: [Label] = [], queries: [Float] = []
        for label in labels {
            guard let vector = try store.vector(for: label), try store.invalidVectors(in: vector).isEmpty else {
                continue
            }
            present.append(label)
            queries += vector
        }
        guard !present.isEmpty else { return [] }
        let found = try store.search(batch: queries, k: Self.count, threads: threads)
        var missed: [Label] = []
        for (row, label) in present.enumerated() where !found[row].contains(where: { $0.label == label }) {
            let query = Array(queries[row * dimensions..<(row + 1) * dimensions])
            // A change since then is nobody's fault.
            guard let own = try store.distances(from: query, to: [label])[0], try store.vector(for: label) == query
            else {
                continue
            }
            if found[row].count == Self.count, let last = found[row].last, last.distance <= own { continue }
            missed.append(label)
        }
        return missed
    }
}
