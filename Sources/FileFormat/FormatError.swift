/// Why bytes are not what the format says they must be.
package struct FormatError: Error, Sendable, Hashable {
    /// What kind of trouble it is; it decides what a caller can do.
    package enum Kind: Sendable, Hashable {
        /// The bytes are not of a Cairn file at all.
        case notAStore
        /// The file is of a version or has a feature that this code does not know.
        case incompatible
        /// The bytes were a Cairn file and no longer are.
        case corrupt
    }

    package let kind: Kind
    /// What is wrong.
    package let problem: String
    /// What to do about it.
    package let remedy: String?
    /// Whether it is a log that is damaged, so that the store can be opened as it was before the damage.
    package let isSalvageable: Bool

    package init(_ kind: Kind, _ problem: String, remedy: String? = nil, isSalvageable: Bool = false) {
        self.kind = kind
        self.problem = problem
        self.remedy = remedy
        self.isSalvageable = isSalvageable
    }

    package var message: String { problem + (remedy.map { "; \($0)" } ?? "") }
}
