/// The sector that the journal begins with. The journal is the complete redo record of one checkpoint: after this
/// sector the header that the checkpoint leads to, then the extents, which are what files hold at which places.
package struct JournalHeader: Sendable, Hashable {
    package static let magic = Array("CAIRNJNL".utf8)
    package static let version: UInt32 = 1
    package static let size = 512
    /// Where the new header is.
    package static let slotOffset = size
    /// Where the extents begin.
    package static let extentsOffset = slotOffset + HeaderSlot.size

    package var layout: Identifier
    /// That of the header the checkpoint leads to.
    package var generation: Generation
    /// Bytes after this sector.
    package var bodyLength: Int
    package var extentCount: Int
    /// CRC32C over the extents, then the new header: the header is known last and comes first.
    package var bodyChecksum: UInt32

    package init(layout: Identifier, generation: Generation, bodyLength: Int, extentCount: Int, bodyChecksum: UInt32) {
        self.layout = layout
        self.generation = generation
        self.bodyLength = bodyLength
        self.extentCount = extentCount
        self.bodyChecksum = bodyChecksum
    }

    private enum Offset {
        static let version = 8, layout = 16, generation = 32, bodyLength = 40, extentCount = 48, bodyChecksum = 56
        static let checksum = 508
    }

    /// The 512 bytes of the sector.
    package func encoded() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.size)
        bytes.store(Self.magic, at: 0)
        bytes.store(Self.version, at: Offset.version)
        bytes.store(layout.bytes, at: Offset.layout)
        bytes.store(generation.rawValue, at: Offset.generation)
        bytes.store(UInt64(bodyLength), at: Offset.bodyLength)
        bytes.store(UInt64(extentCount), at: Offset.extentCount)
        bytes.store(bodyChecksum, at: Offset.bodyChecksum)
        bytes.store(Checksum.crc32c(bytes, prefix: Offset.checksum), at: Offset.checksum)
        return bytes
    }

    /// Reads a sector. Throws `.incompatible` for a version that this code does not know, otherwise `.corrupt`.
    package init(decoding bytes: [UInt8]) throws(FormatError) {
        guard bytes.count == Self.size, Array(bytes[..<8]) == Self.magic,
            bytes.integer(at: Offset.checksum) == Checksum.crc32c(bytes, prefix: Offset.checksum)
        else { throw FormatError(.corrupt, "the journal's magic or checksum does not match") }
        let version: UInt32 = bytes.integer(at: Offset.version)
        guard version == Self.version else {
            throw FormatError(
                .incompatible,
                "journal version \(version) is not version \(Self.version), the one this program reads",
                remedy: "use the release of cairn that wrote the store")
        }
        let length: UInt64 = bytes.integer(at: Offset.bodyLength), count: UInt64 = bytes.integer(at: Offset.extentCount)
        guard (UInt64(HeaderSlot.size)...(1 << 62)).contains(length), length % 8 == 0,
            count <= length / UInt64(JournalExtent.headerSize)
        else { throw FormatError(.corrupt, "the journal's length or extents are out of range") }
        self.init(
            layout: Identifier(bytes: Array(bytes[Offset.layout..<Offset.generation])),
            generation: Generation(rawValue: bytes.integer(at: Offset.generation)), bodyLength: Int(length),
            extentCount: Int(count), bodyChecksum: bytes.integer(at: Offset.bodyChecksum))
    }
}

/// What is to be at a place of a file: 16 bytes that say where, the bytes, and zeros up to a multiple of 8.
package struct JournalExtent: Sendable, Hashable {
    package static let headerSize = 16
    /// The most bytes of an extent; more are written as several.
    package static let maximumLength = 1 << 20

    /// The file that is changed; the raw value is stored.
    package enum Target: UInt8, Sendable {
        case levelZero = 0
        case labels = 1
        case codes = 2
    }

    package var target: Target
    package var offset: Int
    package var length: Int

    package init(target: Target, offset: Int, length: Int) {
        self.target = target
        self.offset = offset
        self.length = length
    }

    /// What the extent takes in the journal.
    package var byteCount: Int { roundUp(Self.headerSize + length, to: 8) }

    /// The 16 bytes before the extent's own.
    package func encoded() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.headerSize)
        bytes[0] = target.rawValue
        bytes.store(UInt32(length), at: 4)
        bytes.store(UInt64(offset), at: 8)
        return bytes
    }

    /// The extent that the first 16 of `bytes` announce. Throws `.corrupt`.
    package init(decoding bytes: UnsafeRawBufferPointer) throws(FormatError) {
        guard bytes.count >= Self.headerSize, let target = unsafe Target(rawValue: bytes[0]) else {
            throw FormatError(.corrupt, "an extent of the journal is of an unknown file")
        }
        let length = unsafe bytes.littleEndian(at: 4, as: UInt32.self)
        let offset = unsafe bytes.littleEndian(at: 8, as: UInt64.self)
        guard (1...UInt32(Self.maximumLength)).contains(length), offset <= 1 << 62 else {
            throw FormatError(.corrupt, "an extent of the journal is longer than the limit or out of range")
        }
        self.init(target: target, offset: Int(offset), length: Int(length))
    }
}
