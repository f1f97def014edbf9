/// A vector that a store cannot hold.
public struct InvalidVector: Sendable, Hashable {
    /// Its number among those that were given, from 0 on.
    public let row: Int
    /// What is wrong with it, in words that complete "the vector …".
    public let problem: String
}
