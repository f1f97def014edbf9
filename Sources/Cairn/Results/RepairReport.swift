/// What a repair found and did.
public struct RepairReport: Sendable, Hashable {
    /// Vectors, live or marked, that no links led to from the entry point.
    public internal(set) var unreachable = 0
    /// Live vectors that links led to, and that a search for them did not find.
    public internal(set) var missed = 0
    /// Labels of vectors that got links of their own again, ascending.
    public internal(set) var relinkedLabels: [Label] = []
    /// Derived files that were made again.
    public internal(set) var files: [String] = []
    /// Labels of vectors that are still out of reach, or not found, ascending. Searches for a thousand equal vectors cannot find each.
    public internal(set) var remainingLabels: [Label] = []
}
