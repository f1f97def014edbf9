import SystemPackage

extension VectorStore {
    /// The result of checking a store.
    public struct VerifyReport: Sendable, Hashable, Codable {
        /// The depth of a check. Each depth includes the ones before it.
        public enum Depth: String, Sendable, Hashable, Codable, CaseIterable {
            /// Headers, superblocks and the length of the file, and whether log and journal can be read. It takes a few
            /// milliseconds.
            case header
            /// The checksum of every page that has data, and of the derived files. It reads everything once.
            case checksums
            /// Every slot and every link list.
            ///
            /// It checks slot numbers, counts, levels, duplicates and labels, and whether every vector can be reached
            /// from the entry point. It takes about 5 bytes of memory for each vector.
            case graph
            /// Whether a search for each vector finds it, with the store's own ef. It takes as long as these searches.
            case searches
        }

        /// What is encoded.
        private enum CodingKeys: String, CodingKey {
            case problems, warnings, unreachableCount, unreachableLabels, missedCount, missedLabels, damagedPages
            case damagedLabels, quantization, contentChecksum
        }

        /// The problems of the store, a sentence each. After a hundred of them comes "and more".
        public internal(set) var problems: [String] = []
        /// Facts that are no damage but good to know, a sentence each.
        public internal(set) var warnings: [String] = []
        /// The number of vectors, live or marked deleted, that no links lead to from the entry point.
        ///
        /// It is nil if the check did not go as deep as ``Depth/graph``.
        public internal(set) var unreachableCount: Int?
        /// The labels of the unreachable vectors, in the order of the store.
        public internal(set) var unreachableLabels: [Label] = []
        /// The number of live vectors that a search for the vector itself does not find, with k 10 and the store's own
        /// ef.
        ///
        /// A vector does not count if ten others are at least as near.
        /// ``VectorStore/repair(at:options:threads:progress:)`` links the missed vectors again. The number is nil if
        /// the check did not go as deep as ``Depth/searches``.
        public internal(set) var missedCount: Int?
        /// The labels of the missed vectors, in the order of the store.
        public internal(set) var missedLabels: [Label] = []
        /// The pages of `level0` whose bytes are not those that were written.
        public internal(set) var damagedPages: [DamagedPage] = []
        /// The labels of the vectors with damage, in ascending order.
        ///
        /// They are the labels of ``damagedPages``, and those whose links or states failed the check of the graph.
        public internal(set) var damagedLabels: [Label] = []
        /// The recall that quantization loses, measured by this check, or the reason why searches do not use it.
        ///
        /// It is nil if the store asks for no quantization, has none yet, or the check did not go as deep as
        /// ``Depth/graph``.
        public internal(set) var quantization: QuantizationReport?
        /// A checksum of the state on level 0.
        ///
        /// It is equal for stores with equal slots, vectors and links, however they were made. It is nil if the check
        /// did not go as deep as ``Depth/graph``.
        public internal(set) var contentChecksum: UInt64?

        /// A page of `level0` whose bytes are not those that were written.
        public struct DamagedPage: Sendable, Hashable, Codable {
            /// The kinds of data on a page.
            public enum Content: String, Sendable, Hashable, Codable {
                /// Vectors, their links on level 0, or their lengths (norms).
                case vectors, links, norms
                /// The label, level and state of each slot. The labels that the report lists for such a page may be
                /// wrong, too.
                case slotTable
                /// The number of links of each vector.
                case linkHeads
            }

            /// The place of the page in the file, in bytes from the beginning.
            public let offset: Int
            /// The kind of data on the page.
            public let content: Content
            /// The labels of the vectors that have data on the page.
            public let labels: [Label]
        }

        /// Creates a report of a check that has looked at nothing yet.
        init() {}

        /// Whether the check found no problems.
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
                "quantization: the row of slot \(slot) (label \(label)) is not its vector's; 'cairn repair' makes the rows again, and "
                    + "until then searches may find less", file: StoreName.codes)
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
}

extension VectorStore.VerifyReport.DamagedPage {
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
        return "it holds \(things)\(count), \(VectorStore.VerifyReport.listed(labels))"
    }
}
