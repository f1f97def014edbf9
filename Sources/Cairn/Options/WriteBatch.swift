extension VectorStore {
    /// A list of changes that a store makes together.
    ///
    /// The store makes the changes in the order in which you add them to the batch. It makes all of them or none: none
    /// if one of them fails or the process dies.
    ///
    /// A batch is a value and belongs to no store until you pass it to ``VectorStore/write(_:threads:)``. Filling it
    /// takes no lock.
    public struct WriteBatch: Sendable {
        enum Operation: Sendable, Hashable {
            /// `row`: the place of the vector among the batch's.
            case add(Label, row: Int, replacingDeleted: Bool)
            case update(Label, row: Int)
            case upsert(Label, row: Int)
            case mark(Label)
            case unmark(Label)
            case erase(Label)
            /// Gives the vector, live or marked deleted, a slot of its own with links of its own.
            case relink(Label)
        }

        private(set) var operations: [Operation] = []
        private(set) var vectors: [[Float]] = []

        /// A number of yours that the store keeps with these changes; nil, the default, leaves the store's as it is.
        ///
        /// Use it for how far you have read a queue, for example. After a crash the store has both the changes and the
        /// number, or neither. ``VectorStore/position`` returns the number of the last batch that had one. A batch may have a
        /// position and no changes.
        public var position: UInt64?

        /// Creates an empty batch.
        public init() {}

        /// The number of changes.
        public var count: Int { operations.count }
        /// Whether there are no changes and no position.
        public var isEmpty: Bool { operations.isEmpty && position == nil }

        /// Adds a vector under a label that is not in the store.
        ///
        /// - Parameters:
        ///   - vector: The vector.
        ///   - label: Its label.
        ///   - replacingDeleted: Whether the new vector takes the slot of a vector that is marked deleted, if there is
        ///     one. That vector is erased.
        public mutating func add(_ vector: [Float], label: Label, replacingDeleted: Bool = false) {
            operations.append(.add(label, row: row(vector), replacingDeleted: replacingDeleted))
        }

        /// Replaces the vector of a label that is in the store.
        ///
        /// - Parameters:
        ///   - vector: The new vector.
        ///   - label: The label.
        public mutating func update(_ vector: [Float], label: Label) {
            operations.append(.update(label, row: row(vector)))
        }

        /// Adds a vector, or replaces the vector of the label if it is in the store, marked deleted or not.
        ///
        /// - Parameters:
        ///   - vector: The vector.
        ///   - label: Its label.
        public mutating func upsert(_ vector: [Float], label: Label) {
            operations.append(.upsert(label, row: row(vector)))
        }

        /// Deletes a vector in a way that you can undo. It is marked deleted, and searches no longer find it.
        ///
        /// - Parameter label: The label of the vector.
        public mutating func markDeleted(_ label: Label) { operations.append(.mark(label)) }

        /// Brings back a vector that is marked deleted, so that searches find it again.
        ///
        /// - Parameter label: The label of the vector.
        public mutating func unmarkDeleted(_ label: Label) { operations.append(.unmark(label)) }

        /// Erases a vector, marked deleted or not. This is permanent, and its space is used again.
        ///
        /// - Parameter label: The label of the vector.
        public mutating func erase(_ label: Label) { operations.append(.erase(label)) }

        private mutating func row(_ vector: [Float]) -> Int {
            vectors.append(vector)
            return vectors.count - 1
        }
    }
}
