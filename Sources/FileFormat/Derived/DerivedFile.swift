/// The header that `upper` and `labels` begin with: one 512-byte sector that says which layout and generation of
/// `level0` the file was made from. A file that does not match is not an error: it is rebuilt.
package struct DerivedFile: Sendable, Hashable {
    package static let size = 512

    /// What the file holds; the raw value is its magic.
    package enum Kind: String, Sendable {
        /// Link lists of the levels above 0.
        case upper = "CAIRNUPR"
        /// The index from label to slot.
        case labels = "CAIRNLBL"
    }

    package var kind: Kind
    package var layout: Identifier
    package var generation: Generation
    /// `upper`: nodes with a level above 0. `labels`: entries.
    package var count: Int
    /// `upper`: link lists in all. `labels`: buckets, a power of two.
    package var extent: Int
    /// CRC32C of what follows the header: of all of it (`upper`), or of the page checksums (`labels`).
    package var bodyChecksum: UInt32

    package init(
        kind: Kind, layout: Identifier, generation: Generation, count: Int, extent: Int, bodyChecksum: UInt32
    ) {
        self.kind = kind
        self.layout = layout
        self.generation = generation
        self.count = count
        self.extent = extent
        self.bodyChecksum = bodyChecksum
    }

    private enum Offset {
        static let version = 8, bodyChecksum = 12, layout = 16, generation = 32, count = 40, extent = 48, checksum = 508
    }

    package func encoded() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.size)
        bytes.store(Array(kind.rawValue.utf8), at: 0)
        bytes.store(Superblock.formatVersion, at: Offset.version)
        bytes.store(bodyChecksum, at: Offset.bodyChecksum)
        bytes.store(layout.bytes, at: Offset.layout)
        bytes.store(generation.rawValue, at: Offset.generation)
        bytes.store(UInt64(count), at: Offset.count)
        bytes.store(UInt64(extent), at: Offset.extent)
        bytes.store(Checksum.crc32c(bytes, prefix: Offset.checksum), at: Offset.checksum)
        return bytes
    }

    /// The header in `bytes`, or nil if it is not a valid one of this kind.
    package init?(decoding bytes: [UInt8], kind: Kind) {
        guard bytes.count == Self.size, Array(bytes[..<8]) == Array(kind.rawValue.utf8),
            bytes.integer(at: Offset.checksum) == Checksum.crc32c(bytes, prefix: Offset.checksum),
            bytes.integer(at: Offset.version) == Superblock.formatVersion
        else { return nil }
        let limit = UInt64(Geometry.maximumSlots) * UInt64(Geometry.maximumLevel)
        let count: UInt64 = bytes.integer(at: Offset.count), extent: UInt64 = bytes.integer(at: Offset.extent)
        guard count <= limit, extent <= limit else { return nil }
        self.init(
            kind: kind, layout: Identifier(bytes: Array(bytes[Offset.layout..<Offset.generation])),
            generation: Generation(rawValue: bytes.integer(at: Offset.generation)), count: Int(count),
            extent: Int(extent), bodyChecksum: bytes.integer(at: Offset.bodyChecksum))
    }
}
