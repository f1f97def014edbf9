package import MappedStorage
package import SystemPackage

/// The names in a store's log directory: the file's number as sixteen lower-case hexadecimal digits, then ".wal".
package enum LogDirectory {
    private static let digits = 16
    private static let suffix = ".wal"

    /// A log file by its name; what is in it may say otherwise.
    package struct Entry: Sendable, Hashable {
        package let sequence: UInt64
        package let path: FilePath
    }

    /// The name of log file `sequence`.
    package static func name(of sequence: UInt64) -> String {
        let text = String(sequence, radix: 16)
        return String(repeating: "0", count: digits - text.count) + text + suffix
    }

    /// The number in a log file's name; nil for every other name.
    package static func sequence(of name: String) -> UInt64? {
        guard name.utf8.count == digits + suffix.utf8.count, name.hasSuffix(suffix) else { return nil }
        let digits = name.utf8.dropLast(suffix.utf8.count)
        guard digits.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }) else { return nil }
        return UInt64(String(decoding: digits, as: UTF8.self), radix: 16)
    }

    /// The log files in `directory`, lowest number first; other names are left out. No directory, no log files.
    package static func entries(in directory: FilePath) throws(StorageError) -> [Entry] {
        guard Directory.kind(of: directory) != .missing else { return [] }
        var entries: [Entry] = []
        for name in try Directory(directory).names() {
            guard let sequence = sequence(of: name) else { continue }
            entries.append(Entry(sequence: sequence, path: directory.appending(name)))
        }
        return entries.sorted { $0.sequence < $1.sequence }
    }
}
