/// The number of a batch, which counts the batches of a store from 1 on, grows by one with each, and is stored in the
/// batch's commit and, as that of the last batch that a state includes, in the header.
package struct BatchNumber: RawRepresentable, Comparable, Hashable, Sendable, ExpressibleByIntegerLiteral,
    CustomStringConvertible
{
    /// As it is stored.
    package let rawValue: UInt64

    @inlinable
    package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// So that the first ones can be written as 0 and 1.
    @inlinable
    package init(integerLiteral value: UInt64) { rawValue = value }

    @inlinable
    package static func < (left: BatchNumber, right: BatchNumber) -> Bool { left.rawValue < right.rawValue }

    /// That of the batch after this one.
    package var next: BatchNumber { BatchNumber(rawValue: rawValue + 1) }

    /// For messages.
    package var description: String { "\(rawValue)" }
}
