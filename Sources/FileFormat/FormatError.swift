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
    package let message: String

    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }
}
