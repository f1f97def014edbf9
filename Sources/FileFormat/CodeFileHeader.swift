/// What the file `codes` begins with: one 512-byte sector that says which layout and generation of `level0` it belongs to,
/// and how its rows were made. The rows follow from `rowsOffset` on, one a slot. A file that does not match is not an error:
/// it is made again.
package struct CodeFileHeader: Sendable, Hashable {
    package static let magic = Array("CAIRNCOD".utf8)
    package static let size = 512
    /// The most that `depth` says.
    package static let deepest = 1 << 16
    /// The most that `recentCount` says.
    package static let mostRecent = 1 << 48
    /// Where slot 0's row is.
    package static let rowsOffset = Geometry.pageSize

    package var layout: Identifier
    package var generation: UInt64
    /// Slots that have rows, at least.
    package var count: Int
    /// 1: a byte for each component; 2: half a byte.
    package var kind: UInt8
    package var isProduct: Bool
    package var isRotated: Bool
    package var dimensions: Int
    /// The value at position 0 of the grid, and positions a unit.
    package var low: Float
    package var scale: Float
    package var margin: Float
    package var depth: Int
    package var error: Float
    /// Slots in the store when the grid was chosen.
    package var trainedCount: Int
    package var levels: [UInt8]
    /// Rows written since, and the sum of the squares that they lose.
    package var recentCount: Int
    package var recentLoss: Double

    package init(
        layout: Identifier, generation: UInt64, count: Int, kind: UInt8, isProduct: Bool, isRotated: Bool,
        dimensions: Int, low: Float, scale: Float, margin: Float, depth: Int, error: Float, trainedCount: Int,
        levels: [UInt8],
        recentCount: Int, recentLoss: Double
    ) {
        self.layout = layout
        self.generation = generation
        self.count = count
        self.kind = kind
        self.isProduct = isProduct
        self.isRotated = isRotated
        self.dimensions = dimensions
        self.low = low
        self.scale = scale
        self.margin = margin
        self.depth = depth
        self.error = error
        self.trainedCount = trainedCount
        self.levels = levels
        self.recentCount = recentCount
        self.recentLoss = recentLoss
    }

    /// Whether rows of a file with this header are made as those of one with the other.
    package func hasSameRows(as other: CodeFileHeader) -> Bool {
        var same = other
        (same.generation, same.count, same.recentCount, same.recentLoss) = (
            generation, count, recentCount, recentLoss
        )
        return self == same
    }

    private enum Offset {
        static let version = 8, kind = 12, isProduct = 13, isRotated = 14, layout = 16, generation = 32, count = 40
        static let dimensions = 48, low = 52, scale = 56, margin = 60, error = 64, depth = 68, trainedCount = 72,
            levels = 80
        static let recentCount = 96, recentLoss = 104, checksum = 508
    }

    /// The 512 bytes of the sector.
    package func encoded() -> [UInt8] {
        precondition(levels.count == 16)
        var bytes = [UInt8](repeating: 0, count: Self.size)
        bytes.store(Self.magic, at: 0)
        bytes.store(Superblock.formatVersion, at: Offset.version)
        bytes[Offset.kind] = kind
        bytes[Offset.isProduct] = isProduct ? 1 : 0
        bytes[Offset.isRotated] = isRotated ? 1 : 0
        bytes.store(layout.bytes, at: Offset.layout)
        bytes.store(generation, at: Offset.generation)
        bytes.store(UInt64(count), at: Offset.count)
        bytes.store(UInt32(dimensions), at: Offset.dimensions)
        bytes.store(low.bitPattern, at: Offset.low)
        bytes.store(scale.bitPattern, at: Offset.scale)
        bytes.store(margin.bitPattern, at: Offset.margin)
        bytes.store(error.bitPattern, at: Offset.error)
        bytes.store(UInt32(depth), at: Offset.depth)
        bytes.store(UInt64(trainedCount), at: Offset.trainedCount)
        bytes.store(levels, at: Offset.levels)
        bytes.store(UInt64(recentCount), at: Offset.recentCount)
        bytes.store(recentLoss.bitPattern, at: Offset.recentLoss)
        bytes.store(Checksum.crc32c(bytes, prefix: Offset.checksum), at: Offset.checksum)
        return bytes
    }

    /// The header in `bytes`; nil if it is not a valid one.
    package init?(decoding bytes: [UInt8]) {
        guard bytes.count == Self.size, Array(bytes[..<8]) == Self.magic,
            bytes.integer(at: Offset.checksum) == Checksum.crc32c(bytes, prefix: Offset.checksum),
            bytes.integer(at: Offset.version) == Superblock.formatVersion
        else { return nil }
        func float(_ offset: Int) -> Float { Float(bitPattern: bytes.integer(at: offset)) }
        let counts = [Offset.count, Offset.trainedCount, Offset.recentCount].map {
            bytes.integer(at: $0, as: UInt64.self)
        }
        let limit = UInt64(Geometry.maximumSlots)
        self.init(
            layout: Identifier(bytes: Array(bytes[Offset.layout..<Offset.generation])),
            generation: bytes.integer(at: Offset.generation), count: Int(min(counts[0], limit)),
            kind: bytes[Offset.kind],
            isProduct: bytes[Offset.isProduct] != 0, isRotated: bytes[Offset.isRotated] != 0,
            dimensions: Int(bytes.integer(at: Offset.dimensions, as: UInt32.self)), low: float(Offset.low),
            scale: float(Offset.scale), margin: float(Offset.margin),
            depth: Int(bytes.integer(at: Offset.depth, as: UInt32.self)), error: float(Offset.error),
            trainedCount: Int(min(counts[1], limit)), levels: Array(bytes[Offset.levels..<Offset.levels + 16]),
            recentCount: Int(min(counts[2], UInt64(Self.mostRecent))),
            recentLoss: Double(bitPattern: bytes.integer(at: Offset.recentLoss)))
        guard counts[0] <= limit, counts[1] <= limit, counts[2] <= UInt64(Self.mostRecent), kind == 1 || kind == 2,
            low.isFinite, scale.isFinite, scale > 0, margin.isFinite, margin >= 0, error.isFinite, error >= 0,
            depth <= Self.deepest,
            recentLoss.isFinite, recentLoss >= 0, levels.allSatisfy({ $0 < 128 })
        else { return nil }
    }
}
