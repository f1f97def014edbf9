package import FileFormat
package import MappedStorage
package import SystemPackage

/// The names in a store's log directory: the file's number as sixteen lower-case hexadecimal digits, then ".wal".
package enum LogDirectory {
    private static let digits = 16
    private static let suffix = ".wal"

    /// The name of log file `sequence`.
    package static func name(of sequence: LogNumber) -> FilePath.Component {
        let text = String(sequence.rawValue, radix: 16)
        return FilePath.Component(String(repeating: "0", count: digits - text.count) + text + suffix)!
    }

    /// The number in a log file's name, though what is in it may say otherwise; nil for every other name.
    package static func sequence(of name: FilePath.Component) -> LogNumber? {
        let name = name.string
        guard name.utf8.count == digits + suffix.utf8.count, name.hasSuffix(suffix) else { return nil }
        let digits = name.utf8.dropLast(suffix.utf8.count)
        guard digits.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }) else { return nil }
        return UInt64(String(decoding: digits, as: UTF8.self), radix: 16).map { LogNumber(rawValue: $0) }
    }

    /// The numbers of the log files in `directory`, lowest first; other names are left out. No directory, no log files.
    package static func sequences(in directory: Directory?) throws(StorageError) -> [LogNumber] {
        try directory?.names().compactMap { sequence(of: $0) }.sorted() ?? []
    }
}
