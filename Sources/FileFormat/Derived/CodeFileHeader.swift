/// What the file `codes` begins with: one 512-byte sector that says which layout and generation of `level0` it belongs
/// to, how its rows were made, and what searches by them lose. The center follows, and from `rowsOffset` on the rows,
/// one a slot. Where no codes keep the order of the vectors, there are no rows. A file that does not match is not an
/// error: it is made again.
package struct CodeFileHeader: Sendable, Hashable {
    package static let magic = Array("CAIRNCOD".utf8)
    /// The file's own version. Version 1 had one grid without a center, and nothing was measured.
    package static let version: UInt32 = 2
    package static let size = 512
    /// The most that `depth` says.
    package static let deepest = 1 << 16
    /// The most that a count of rows written says.
    package static let mostRecent = 1 << 48
    /// The widths (ef) of searches that a measurement may have.
    package static let widths = [10, 20, 50, 100, 200]
    /// Kinds that are tried at the most.
    package static let mostAttempts = 3

    package var layout: Identifier
    package var generation: Generation
    /// Slots that have rows, at least.
    package var count: Int
    /// What the store asks for: 1, a byte for each component; 2, half a byte.
    package var requested: UInt8
    /// What the rows are: as above; 3, half precision; 0, there are none.
    package var kind: UInt8
    package var isProduct: Bool
    package var isRotated: Bool
    package var dimensions: Int
    /// The CRC of the center; nil if there is none.
    package var centerChecksum: UInt32?
    /// The value at position 0 of the grid, and positions a unit.
    package var low: Float
    package var scale: Float
    package var margin: Float
    package var depth: Int
    package var error: Float
    /// Slots in the store when the grid was chosen.
    package var trainedCount: Int
    package var levels: [UInt8]
    package var recent = Recent()
    package var measurement: Measurement?
    /// The kinds that lost too much, as they were tried.
    package var attempts: [Attempt] = []

    /// What came since the grid was chosen.
    package struct Recent: Sendable, Hashable {
        /// Rows written, and the sum of the squares that they lose, those without that the grid does not reach.
        package var count = 0
        package var loss = 0.0
        /// Rows that the grid does not reach.
        package var beyond = 0
        /// Rows whose neighbours the codes put out of their order.
        package var doubted = 0

        package init(count: Int = 0, loss: Double = 0, beyond: Int = 0, doubted: Int = 0) {
            (self.count, self.loss, self.beyond, self.doubted) = (count, loss, beyond, doubted)
        }
    }

    /// What searches by these codes lose of recall@10, measured.
    package struct Measurement: Sendable, Hashable {
        /// Slots in the store then.
        package var count: Int
        /// Vectors that were searched for.
        package var queries: Int
        /// For each of `widths`, the recall by vectors, and that less the recall by codes; nil for a width that is a
        /// scan.
        package var rows: [Row?]

        package struct Row: Sendable, Hashable {
            package var recall: Float
            package var lost: Float

            package init(recall: Float, lost: Float) { (self.recall, self.lost) = (recall, lost) }
        }

        package init(count: Int, queries: Int, rows: [Row?]) {
            (self.count, self.queries, self.rows) = (count, queries, rows)
        }
    }

    /// A kind that lost too much: how much at the width where it was most.
    package struct Attempt: Sendable, Hashable {
        package var kind: UInt8
        package var width: Int
        package var lost: Float

        package init(kind: UInt8, width: Int, lost: Float) { (self.kind, self.width, self.lost) = (kind, width, lost) }
    }

    package init(
        layout: Identifier, generation: Generation, count: Int, requested: UInt8, kind: UInt8, isProduct: Bool,
        isRotated: Bool, dimensions: Int, centerChecksum: UInt32?, low: Float, scale: Float, margin: Float, depth: Int,
        error: Float, trainedCount: Int, levels: [UInt8]
    ) {
        self.layout = layout
        self.generation = generation
        self.count = count
        self.requested = requested
        self.kind = kind
        self.isProduct = isProduct
        self.isRotated = isRotated
        self.dimensions = dimensions
        self.centerChecksum = centerChecksum
        self.low = low
        self.scale = scale
        self.margin = margin
        self.depth = depth
        self.error = error
        self.trainedCount = trainedCount
        self.levels = levels
    }

    /// Where slot 0's row is in a file for vectors of so many components.
    package static func rowsOffset(dimensions: Int) -> Int {
        (size + 4 * dimensions + Geometry.pageSize - 1) / Geometry.pageSize * Geometry.pageSize
    }

    /// Whether rows of a file with this header are made as those of one with the other.
    package func hasSameRows(as other: CodeFileHeader) -> Bool {
        var same = other
        (same.generation, same.count, same.recent, same.measurement, same.attempts, same.depth) = (
            generation, count, recent, measurement, attempts, depth
        )
        return self == same
    }

    /// The checksum of a center, and its bytes.
    package static func centerBytes(_ center: [Float]) -> (bytes: [UInt8], checksum: UInt32) {
        var bytes = [UInt8](repeating: 0, count: 4 * center.count)
        for (index, value) in center.enumerated() { bytes.store(value.bitPattern, at: 4 * index) }
        return (bytes, Checksum.crc32c(bytes, prefix: bytes.count))
    }

    /// The center in the bytes that follow the sector; nil if they are not those that the header knows, or no numbers.
    package func center(_ bytes: [UInt8]) -> [Float]? {
        guard let centerChecksum else { return [] }
        guard bytes.count == 4 * dimensions, Checksum.crc32c(bytes, prefix: bytes.count) == centerChecksum else {
            return nil
        }
        let center = (0..<dimensions).map { Float(bitPattern: bytes.integer(at: 4 * $0)) }
        return center.allSatisfy(\.isFinite) ? center : nil
    }
}
