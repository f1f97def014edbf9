/// What never changes in a store: its identity, its geometry and the features a reader must know. It is twice in
/// `level0`, at offsets 8192 and 12288; either copy will do.
package struct Superblock: Sendable, Hashable {
    package static let magic = Array("CAIRNSUP".utf8)
    package static let formatVersion: UInt32 = 1
    package static let offsets = [8192, 12288]
    package static let size = 512
    /// The longest name of a custom distance, in bytes of UTF-8.
    package static let maximumNameLength = 255
    package static let dimensionsRange = 1...65_536
    package static let connectivityRange = 2...10_000
    /// Of efConstruction, and of ef in the header.
    package static let widthRange = 1...1_000_000

    /// How far apart two vectors are; the raw value is stored.
    package enum Metric: UInt8, Sendable, CaseIterable { case l2 = 0, innerProduct, cosine, custom }
    /// What a component is stored as; the raw value is stored.
    package enum Scalar: UInt8, Sendable, CaseIterable {
        case float32 = 0
        case float16, uint8, int8

        package var size: Int {
            switch self {
            case .float32: 4
            case .float16: 2
            case .uint8, .int8: 1
            }
        }
    }

    package var store: Identifier
    /// Renewed whenever the slots are renumbered, which makes every other file than `level0` void.
    package var layout: Identifier
    package var dimensions: Int
    package var metric: Metric
    package var scalar: Scalar
    /// M: links of a node on the upper levels; level 0 has twice as many.
    package var connectivity: Int
    package var constructionWidth: Int
    package var seed: UInt64
    /// The name of the custom distance; empty for the built-in ones.
    package var distanceName: String
    /// nil unless the store was made from an hnswlib file.
    package var origin: HnswlibOrigin?

    package init(
        store: Identifier = .random(), layout: Identifier = .random(), dimensions: Int, metric: Metric, scalar: Scalar,
        connectivity: Int, constructionWidth: Int, seed: UInt64, distanceName: String = "",
        origin: HnswlibOrigin? = nil
    ) {
        self.store = store
        self.layout = layout
        self.dimensions = dimensions
        self.metric = metric
        self.scalar = scalar
        self.connectivity = connectivity
        self.constructionWidth = constructionWidth
        self.seed = seed
        self.distanceName = distanceName
        self.origin = origin
    }

    /// Where the columns and segments lie; it follows from the superblock alone.
    package var geometry: Geometry {
        Geometry(
            dimensions: dimensions, scalarSize: scalar.size, connectivity: connectivity, hasNorms: metric == .cosine)
    }
}

extension Superblock {
    private enum Offset {
        static let magic = 0, version = 8, store = 16, layout = 32
        static let compatible = 48, readOnlyCompatible = 56, incompatible = 64
        static let dimensions = 72, connectivity = 76, constructionWidth = 80, metric = 84, scalar = 85
        static let seed = 88, firstSegmentSlots = 96, maximumSegmentSlots = 100
        static let vectorStride = 104, linkStride = 108, nameLength = 112, name = 113, checksum = 508
    }

    /// The 512 bytes of a copy.
    package func encoded() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.size)
        let geometry = self.geometry
        bytes.store(Self.magic, at: Offset.magic)
        bytes.store(Self.formatVersion, at: Offset.version)
        bytes.store(store.bytes, at: Offset.store)
        bytes.store(layout.bytes, at: Offset.layout)
        bytes.store(UInt32(dimensions), at: Offset.dimensions)
        bytes.store(UInt32(connectivity), at: Offset.connectivity)
        bytes.store(UInt32(constructionWidth), at: Offset.constructionWidth)
        bytes[Offset.metric] = metric.rawValue
        bytes[Offset.scalar] = scalar.rawValue
        bytes.store(seed, at: Offset.seed)
        bytes.store(UInt32(geometry.firstSegmentSlots), at: Offset.firstSegmentSlots)
        bytes.store(UInt32(geometry.maximumSegmentSlots), at: Offset.maximumSegmentSlots)
        bytes.store(UInt32(geometry.stride(of: .vectors)), at: Offset.vectorStride)
        bytes.store(UInt32(geometry.stride(of: .links)), at: Offset.linkStride)
        let name = Array(distanceName.utf8)
        precondition(name.count <= Self.maximumNameLength)
        bytes[Offset.nameLength] = UInt8(name.count)
        bytes.store(name, at: Offset.name)
        origin?.store(in: &bytes)
        bytes.store(Checksum.crc32c(bytes, prefix: Offset.checksum), at: Offset.checksum)
        return bytes
    }

    /// Reads a copy, checking every field. The version is looked at first, so that a newer file is called newer and
    /// not damaged.
    package init(decoding bytes: [UInt8]) throws(FormatError) {
        precondition(bytes.count == Self.size)
        guard Array(bytes[..<8]) == Self.magic else {
            throw FormatError(.notAStore, "the superblock does not begin with CAIRNSUP")
        }
        guard bytes.integer(at: Offset.checksum) == Checksum.crc32c(bytes, prefix: Offset.checksum) else {
            throw FormatError(.corrupt, "the superblock's checksum does not match")
        }
        let version: UInt32 = bytes.integer(at: Offset.version)
        guard version == Self.formatVersion else {
            throw FormatError(
                .incompatible,
                "format version \(version) is not version \(Self.formatVersion), the one this program reads",
                remedy: "use the release of cairn that wrote the store")
        }
        let incompatible: UInt64 = bytes.integer(at: Offset.incompatible)
        guard incompatible == 0 else {
            throw FormatError(
                .incompatible,
                "the store uses features this program does not know (bits 0x\(String(incompatible, radix: 16)))",
                remedy: "use the release of cairn that wrote it")
        }
        guard let metric = Metric(rawValue: bytes[Offset.metric]), let scalar = Scalar(rawValue: bytes[Offset.scalar])
        else { throw FormatError(.corrupt, "the superblock names an unknown metric or scalar") }
        let dimensions = Int(bytes.integer(at: Offset.dimensions, as: UInt32.self))
        let connectivity = Int(bytes.integer(at: Offset.connectivity, as: UInt32.self))
        guard Self.dimensionsRange.contains(dimensions), Self.connectivityRange.contains(connectivity) else {
            throw FormatError(
                .corrupt, "the superblock's dimensions (\(dimensions)) or M (\(connectivity)) are out of range")
        }
        let constructionWidth = Int(bytes.integer(at: Offset.constructionWidth, as: UInt32.self))
        guard Self.widthRange.contains(constructionWidth) else {
            throw FormatError(.corrupt, "the superblock's ef_construction (\(constructionWidth)) is out of range")
        }
        let nameLength = Int(bytes[Offset.nameLength])
        let nameBytes = bytes[Offset.name..<(Offset.name + nameLength)]
        guard let name = String(validating: nameBytes, as: UTF8.self), name.isEmpty == (metric != .custom) else {
            throw FormatError(.corrupt, "the superblock's distance name is not one")
        }
        self.init(
            store: Identifier(bytes: Array(bytes[Offset.store..<Offset.layout])),
            layout: Identifier(bytes: Array(bytes[Offset.layout..<Offset.compatible])),
            dimensions: dimensions, metric: metric, scalar: scalar, connectivity: connectivity,
            constructionWidth: constructionWidth,
            seed: bytes.integer(at: Offset.seed), distanceName: name, origin: HnswlibOrigin(in: bytes))
        let geometry = self.geometry
        guard bytes.integer(at: Offset.firstSegmentSlots) == UInt32(geometry.firstSegmentSlots),
            bytes.integer(at: Offset.maximumSegmentSlots) == UInt32(geometry.maximumSegmentSlots),
            bytes.integer(at: Offset.vectorStride) == UInt32(geometry.stride(of: .vectors)),
            bytes.integer(at: Offset.linkStride) == UInt32(geometry.stride(of: .links))
        else {
            throw FormatError(.corrupt, "the superblock's strides and segment sizes do not fit its dimensions and M")
        }
    }

    /// Throws if a program that knows no optional feature must not write the store whose superblock has these bytes.
    package static func checkWritable(_ bytes: [UInt8]) throws(FormatError) {
        let features: UInt64 = bytes.integer(at: Offset.readOnlyCompatible)
        guard features == 0 else {
            throw FormatError(
                .incompatible,
                "the store uses features this program cannot write (bits 0x\(String(features, radix: 16)))",
                remedy: "open it read-only or use the release of cairn that wrote it")
        }
    }
}
