/// What checking a store has found.
public struct VerifyReport: Sendable, Hashable {
    /// How far a check goes; each depth includes the ones before it.
    public enum Depth: String, Sendable, Hashable, CaseIterable {
        /// Headers, superblocks, the length of the file, and that log and journal can be read. A few milliseconds.
        case header
        /// The checksum of every page that has something in it, and of the derived files. Reads everything once.
        case checksums
        /// Every slot and every list: ids, counts, levels, duplicates, labels, and that every vector can be reached from the
        /// entry point. About 5 bytes of memory a vector.
        case graph
    }

    /// What is wrong, a sentence each; at most the first hundred of a kind.
    public internal(set) var problems: [String] = []
    /// What is no damage and good to know, a sentence each.
    public internal(set) var warnings: [String] = []
    /// Vectors, live or marked, that no links lead to from the entry point; nil unless that was looked at.
    public internal(set) var unreachable: Int?
    /// What searches by the store's codes lose, measured now, or why they go by the vectors; nil for a store that asks for no codes
    /// or has none yet, and unless the graph was looked at.
    public internal(set) var codes: CodeReport?
    /// A checksum of the state on level 0: equal for stores with the same slots, vectors and links, however they came about. nil
    /// unless every slot was looked at.
    public internal(set) var content: UInt64?

    /// Nothing is wrong.
    public var isSound: Bool { problems.isEmpty }

    private static let limit = 100

    mutating func add(_ problem: String) {
        if problems.count < Self.limit {
            problems.append(problem)
        } else if problems.count == Self.limit {
            problems.append("and more")
        }
    }
}
