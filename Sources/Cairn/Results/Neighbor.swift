/// A vector that was found.
public struct Neighbor: Sendable, Hashable {
    /// What the vector was called when it was added.
    public let label: Label
    /// How far it is from the query, by the store's metric.
    public let distance: Float

    /// A neighbour by its parts.
    public init(label: Label, distance: Float) {
        self.label = label
        self.distance = distance
    }
}
