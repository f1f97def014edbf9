#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// What the file system says of a file, a directory or a link.
package struct FileStatus: Sendable, Hashable {
    package enum Kind: Sendable { case file, directory, link, other }

    package var kind: Kind
    package var size: Int
    /// How many names it has. 0: it was removed.
    package var links: Int
    package var attributes: FileAttributes
    private let device: UInt64
    private let number: UInt64

    init(_ status: stat) {
        kind =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .directory
            case S_IFLNK: .link
            default: .other
            }
        size = Int(status.st_size)
        links = Int(status.st_nlink)
        attributes = FileAttributes(
            owner: status.st_uid, group: status.st_gid, mode: UInt16(status.st_mode & 0o7777))
        device = UInt64(truncatingIfNeeded: status.st_dev)
        number = UInt64(status.st_ino)
    }

    /// Whether both are of one file, whatever its names are.
    package func isSameFile(as other: FileStatus) -> Bool { device == other.device && number == other.number }
}

/// Who a file belongs to, and who may do what with it.
package struct FileAttributes: Sendable, Hashable {
    package var owner: UInt32
    package var group: UInt32
    /// The bits that chmod sets.
    package var mode: UInt16
}
