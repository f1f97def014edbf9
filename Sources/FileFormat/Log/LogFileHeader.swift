/// The sector that a log file begins with: whose log it is, and the salt that tells this life of the file from earlier
/// ones that used the same blocks of the disk.
package struct LogFileHeader: Sendable, Hashable {
    package static let magic = Array("CAIRNLOG".utf8)
    package static let version: UInt32 = 1
    package static let size = 512

    package var store: Identifier
    package var layout: Identifier
    /// The number of the file, which is in its name too; from 1 on.
    package var sequence: LogNumber
    /// The number that the file's first frame has.
    package var firstFrame: FrameNumber
    package var salt: Identifier

    package init(
        store: Identifier, layout: Identifier, sequence: LogNumber, firstFrame: FrameNumber, salt: Identifier
    ) {
        self.store = store
        self.layout = layout
        self.sequence = sequence
        self.firstFrame = firstFrame
        self.salt = salt
    }

    private enum Offset {
        static let version = 8, store = 16, layout = 32, sequence = 48, firstFrame = 56, salt = 64, checksum = 508
    }

    /// The 512 bytes of the sector.
    package func encoded() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.size)
        bytes.store(Self.magic, at: 0)
        bytes.store(Self.version, at: Offset.version)
        bytes.store(store.bytes, at: Offset.store)
        bytes.store(layout.bytes, at: Offset.layout)
        bytes.store(sequence.rawValue, at: Offset.sequence)
        bytes.store(firstFrame.rawValue, at: Offset.firstFrame)
        bytes.store(salt.bytes, at: Offset.salt)
        bytes.store(Checksum.crc32c(bytes, prefix: Offset.checksum), at: Offset.checksum)
        return bytes
    }

    /// The checksum of a sector: the seed of the frames' checksums and the first link of their chain.
    package static func checksum(of sector: [UInt8]) -> UInt32 { sector.integer(at: Offset.checksum) }

    /// Reads a sector. Throws `.incompatible` for a version that this code does not know, otherwise `.corrupt`.
    package init(decoding bytes: [UInt8]) throws(FormatError) {
        guard bytes.count == Self.size, Array(bytes[..<8]) == Self.magic,
            bytes.integer(at: Offset.checksum) == Checksum.crc32c(bytes, prefix: Offset.checksum)
        else { throw FormatError(.corrupt, "the log file's magic or checksum does not match") }
        let version: UInt32 = bytes.integer(at: Offset.version)
        guard version == Self.version else {
            throw FormatError(
                .incompatible,
                "log version \(version) is not version \(Self.version), the one this program reads",
                remedy: "use the release of cairn that wrote the store")
        }
        self.init(
            store: Identifier(bytes: Array(bytes[Offset.store..<Offset.layout])),
            layout: Identifier(bytes: Array(bytes[Offset.layout..<Offset.sequence])),
            sequence: LogNumber(rawValue: bytes.integer(at: Offset.sequence)),
            firstFrame: FrameNumber(rawValue: bytes.integer(at: Offset.firstFrame)),
            salt: Identifier(bytes: Array(bytes[Offset.salt..<(Offset.salt + 16)])))
        let range = 1...UInt64(Int64.max)
        guard range.contains(sequence.rawValue), range.contains(firstFrame.rawValue) else {
            throw FormatError(.corrupt, "the log file's sequence or first frame is out of range")
        }
    }
}
