/// The number of a state of the files, which counts the headers written to `level0` from 1 on, grows by one with each,
/// and is stored in the header, in the journal that leads to it, and in derived files as that of their graph.
package struct Generation: RawRepresentable, Comparable, Hashable, Sendable, ExpressibleByIntegerLiteral,
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
    package static func < (left: Generation, right: Generation) -> Bool { left.rawValue < right.rawValue }

    /// That of the header after this one.
    package var next: Generation { Generation(rawValue: rawValue + 1) }

    /// That of the header before this one; not of generation 0.
    package var previous: Generation { Generation(rawValue: rawValue - 1) }

    /// Which of the two header slots has the header of this generation.
    package var headerSlot: Int { Int(rawValue % 2) }

    /// For messages.
    package var description: String { "\(rawValue)" }
}
