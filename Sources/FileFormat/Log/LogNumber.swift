/// The number of a log file, which counts the log files of a store from 1 on, grows by one with each that is made, and is
/// stored in the file's header and name; the store's header has that of the log that continues it, or 0.
package struct LogNumber: RawRepresentable, Comparable, Hashable, Sendable, ExpressibleByIntegerLiteral,
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
    package static func < (left: LogNumber, right: LogNumber) -> Bool { left.rawValue < right.rawValue }

    /// That of the log file after this one.
    package var next: LogNumber { LogNumber(rawValue: rawValue + 1) }

    /// For messages.
    package var description: String { "\(rawValue)" }
}
