/// The number of a frame of the log, which counts the frames of all log files of a store from 1 on, grows by one with
/// each that is appended, and is stored in the frame; the header has that of the last frame that its state includes.
package struct FrameNumber: RawRepresentable, Comparable, Hashable, Sendable, ExpressibleByIntegerLiteral,
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
    package static func < (left: FrameNumber, right: FrameNumber) -> Bool { left.rawValue < right.rawValue }

    /// That of the frame after this one.
    package var next: FrameNumber { FrameNumber(rawValue: rawValue + 1) }

    /// That of the frame before this one; not of number 0.
    package var previous: FrameNumber { FrameNumber(rawValue: rawValue - 1) }

    /// For messages.
    package var description: String { "\(rawValue)" }
}
