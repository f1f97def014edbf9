/// The number of a log file, which counts the log files of a store from 1 on, grows by one with each that is made, and is
/// stored in the file's header and name; the store's header has that of the log that continues it, or 0.
package struct LogNumber: StoredNumber {
    package let rawValue: UInt64

    @inlinable
    package init(rawValue: UInt64) { self.rawValue = rawValue }
}
