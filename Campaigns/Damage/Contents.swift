import Cairn

typealias Label = VectorStore.Label

/// What a store holds, as its readers see it.
struct Contents: Equatable {
    let vectors: [Label: [Float]]
    let marked: Set<Label>
    /// Exact answers to some queries.
    let answers: [[VectorStore.Neighbor]]

    init(_ store: VectorStore, _ queries: [[Float]]) throws {
        var vectors: [Label: [Float]] = [:]
        for label in try store.allLabels() {
            guard let vector = try store.vector(for: label), vectors.updateValue(vector, forKey: label) == nil else {
                throw Violation("label \(label) is listed and leads nowhere, or is listed twice")
            }
        }
        self.vectors = vectors
        marked = Set(try store.deletedLabels())
        answers = try queries.map { try store.search($0, k: 20, options: .init(isExact: true)) }
    }

    /// What is different in `other`, in words; nil if nothing is.
    func difference(from other: Contents) -> String? {
        if Set(vectors.keys) != Set(other.vectors.keys) {
            let missing = Set(other.vectors.keys).subtracting(vectors.keys).sorted().prefix(5)
            let extra = Set(vectors.keys).subtracting(other.vectors.keys).sorted().prefix(5)
            return "it lacks the labels \(missing) and has \(extra), \(vectors.count) instead of \(other.vectors.count)"
        }
        if let label = vectors.keys.sorted().first(where: { vectors[$0] != other.vectors[$0] }) {
            return "label \(label) has another vector"
        }
        if marked != other.marked { return "\(marked.count) labels are marked instead of \(other.marked.count)" }
        return answers == other.answers ? nil : "exact searches find something else"
    }
}
