/// Changes that a store makes together: all of them or, when one cannot be made or the process dies, none. They are made in
/// the order in which they were added to the batch.
///
/// A value that belongs to no store until ``VectorStore/write(_:threads:)``; filling it takes no lock.
public struct WriteBatch: Sendable {
    enum Operation: Sendable, Hashable {
        /// `row`: where the vector stands among the batch's.
        case add(Label, row: Int, replacingMarked: Bool)
        case update(Label, row: Int)
        case upsert(Label, row: Int)
        case mark(Label)
        case unmark(Label)
        case erase(Label)
        /// The same vector, live or marked, in a slot of its own with links of its own.
        case relink(Label)
    }

    private(set) var operations: [Operation] = []
    private(set) var vectors: [[Float]] = []

    /// A batch of nothing.
    public init() {}

    /// The number of changes.
    public var count: Int { operations.count }
    /// Whether there are no changes.
    public var isEmpty: Bool { operations.isEmpty }

    /// Adds a vector under a label that the store does not have. `replacingMarked`: a vector that is marked as deleted, if
    /// there is one, goes for good in its place.
    public mutating func add(_ vector: [Float], label: Label, replacingMarked: Bool = false) {
        operations.append(.add(label, row: row(vector), replacingMarked: replacingMarked))
    }

    /// Gives a label that the store has another vector.
    public mutating func update(_ vector: [Float], label: Label) {
        operations.append(.update(label, row: row(vector)))
    }

    /// Adds a vector, or gives the label another one if the store has it, marked or not.
    public mutating func upsert(_ vector: [Float], label: Label) {
        operations.append(.upsert(label, row: row(vector)))
    }

    /// Marks a vector as deleted: searches no longer find it. Can be undone.
    public mutating func mark(_ label: Label) { operations.append(.mark(label)) }

    /// Undoes a mark.
    public mutating func unmark(_ label: Label) { operations.append(.unmark(label)) }

    /// Deletes a vector, marked or not, for good. Its space is used again.
    public mutating func erase(_ label: Label) { operations.append(.erase(label)) }

    private mutating func row(_ vector: [Float]) -> Int {
        vectors.append(vector)
        return vectors.count - 1
    }
}
