/// The number of a frame of the log, which counts the frames of all log files of a store from 1 on, grows by one with
/// each that is appended, and is stored in the frame; the header has that of the last frame that its state includes.
package struct FrameNumber: StoredNumber {
    package let rawValue: UInt64

    @inlinable
    package init(rawValue: UInt64) { self.rawValue = rawValue }
}
