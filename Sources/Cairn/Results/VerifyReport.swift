import SystemPackage

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
        /// That a search for each vector, at the store's own width, finds it. A search for each.
        case searches
    }

    /// What is wrong, a sentence each; at most the first hundred of a kind.
    public internal(set) var problems: [String] = []
    /// What is no damage and good to know, a sentence each.
    public internal(set) var warnings: [String] = []
    /// Vectors, live or marked, that no links lead to from the entry point; nil unless that was looked at.
    public internal(set) var unreachable: Int?
    /// Their labels, in the order of the store.
    public internal(set) var unreachableLabels: [Label] = []
    /// Live vectors that a search for ten neighbors of them, at the store's own width, does not find. A vector is not counted if ten
    /// others are at least as near. nil unless that was looked at. ``VectorStore/repair(at:options:threads:progress:)`` links them again.
    public internal(set) var missed: Int?
    /// Their labels, in the order of the store.
    public internal(set) var missedLabels: [Label] = []
    /// Pages of `level0` whose bytes are not those that were written.
    public internal(set) var damagedPages: [DamagedPage] = []
    /// Labels of the vectors of which something is damaged, ascending: those of ``damagedPages``, and those in whose links or states the
    /// graph's check found something wrong.
    public internal(set) var damagedLabels: [Label] = []
    /// What searches by the store's codes lose, measured now, or why they go by the vectors; nil for a store that asks for no codes
    /// or has none yet, and unless the graph was looked at.
    public internal(set) var codes: CodeReport?
    /// A checksum of the state on level 0: equal for stores with the same slots, vectors and links, however they came about. nil
    /// unless every slot was looked at.
    public internal(set) var content: UInt64?

    /// A page of `level0` whose bytes are not those that were written.
    public struct DamagedPage: Sendable, Hashable {
        /// What is on it, of each of its vectors.
        public enum Content: String, Sendable, Hashable {
            case vectors, links, norms
            /// Label, level and state. What the page says of them may be wrong too.
            case slotTable
            /// How many links there are.
            case linkHeads
        }

        /// Where it begins in the file, in bytes.
        public let offset: Int
        /// What is on it.
        public let content: Content
        /// The labels of the vectors that have something there.
        public let labels: [Label]
    }

    /// Nothing was looked at.
    package init() {}

    /// Nothing is wrong.
    public var isSound: Bool { problems.isEmpty }

    private static let limit = 100

    /// Those of ``problems`` that a repair does not mend.
    private(set) var damage: [String] = []
    /// Derived files that a repair makes again.
    private(set) var missingFiles: [FilePath.Component] = []
    /// Some of the codes are not those of their vectors.
    private(set) var hasWrongCodes = false

    /// Adds what a repair mends: a derived file, or links.
    mutating func addRepairable(_ problem: String, file: FilePath.Component? = nil) {
        if let file { missingFiles.append(file) }
        append(problem)
    }

    /// Notes a derived file that a repair makes again, and that is said elsewhere.
    mutating func noteMissing(_ file: FilePath.Component) { missingFiles.append(file) }

    mutating func addWrongCode(_ slot: UInt32, label: Label) {
        hasWrongCodes = true
        addRepairable(
            "codes: that of slot \(slot) (label \(label)) is not its vector's; 'cairn repair' makes them again, and until then searches "
                + "may find less", file: StoreName.codes)
    }

    mutating func add(_ problem: String) {
        if damage.count < Self.limit { damage.append(problem) }
        append(problem)
    }

    private mutating func append(_ problem: String) {
        if problems.count < Self.limit {
            problems.append(problem)
        } else if problems.count == Self.limit {
            problems.append("and more")
        }
    }

    mutating func add(_ page: DamagedPage) {
        damagedPages.append(page)
        add("level0: the page at byte \(page.offset) (\(page.content)) is damaged: \(page.sentence)")
    }

    /// Labels for a sentence: ten of them at the most.
    static func listed(_ labels: [Label]) -> String {
        (labels.count == 1 ? "label " : "labels ") + labels.prefix(10).map { "\($0)" }.joined(separator: ", ")
            + (labels.count > 10 ? ", …" : "")
    }
}

extension VerifyReport.DamagedPage {
    /// What is on it, as the end of a sentence.
    fileprivate var sentence: String {
        guard !labels.isEmpty else { return "it holds nothing of any vector" }
        let things =
            switch content {
            case .vectors: ""
            case .links, .linkHeads: "links of "
            case .norms: "lengths of "
            case .slotTable: "labels and states of "
            }
        let count = labels.count == 1 ? "1 vector" : "\(labels.count) vectors"
        return "it holds \(things)\(count), \(VerifyReport.listed(labels))"
    }
}
