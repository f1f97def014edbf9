/// How far apart two vectors are.
public enum Metric: Sendable, Hashable {
    /// The sum of squared differences.
    case l2
    /// One minus the inner product. Results are ordered by the product itself, which tells more apart than its distance where it
    /// is much smaller than 1.
    case innerProduct
    /// One minus the cosine of the angle.
    case cosine
    /// A function that the program registers under a name with ``VectorStore/registerDistance(_:_:)`` before it opens
    /// the store; the name is kept in the store.
    case custom(name: String)
}
