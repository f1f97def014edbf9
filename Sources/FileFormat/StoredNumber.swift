/// A number that counts one kind of thing from 1 on and is stored in eight bytes; 0 comes before the first. Each kind has
/// a type, so that the compiler tells them apart.
package protocol StoredNumber: RawRepresentable, Comparable, Hashable, Sendable, ExpressibleByIntegerLiteral,
    CustomStringConvertible
where RawValue == UInt64, IntegerLiteralType == UInt64 {
    init(rawValue: UInt64)
}

extension StoredNumber {
    /// The first ones can be written as 0 and 1.
    @inlinable
    package init(integerLiteral value: UInt64) { self.init(rawValue: value) }

    @inlinable
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    /// The number after this one.
    @inlinable
    package var next: Self { Self(rawValue: rawValue + 1) }

    /// The number before this one, which is not 0.
    @inlinable
    package var previous: Self { Self(rawValue: rawValue - 1) }

    /// For messages.
    package var description: String { "\(rawValue)" }
}
