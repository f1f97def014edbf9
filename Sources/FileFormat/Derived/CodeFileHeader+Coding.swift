/// The bytes of the sector.
extension CodeFileHeader {
    private enum Offset {
        static let version = 8, kind = 12, isProduct = 13, isRotated = 14, hasCenter = 15, layout = 16, generation = 32,
            count = 40
        static let dimensions = 48, low = 52, scale = 56, margin = 60, error = 64, depth = 68, trainedCount = 72,
            levels = 80
        static let recentCount = 96, recentLoss = 104, recentBeyond = 112, recentDoubted = 120, requested = 128,
            attemptCount = 129, measuredWidths = 130, centerChecksum = 132, measuredCount = 136, queries = 144,
            rows = 148, attempts = 188, checksum = 508
    }

    /// The 512 bytes of the sector.
    package func encoded() -> [UInt8] {
        precondition(levels.count == 16 && attempts.count <= Self.mostAttempts)
        var bytes = [UInt8](repeating: 0, count: Self.size)
        bytes.store(Self.magic, at: 0)
        bytes.store(Self.version, at: Offset.version)
        bytes[Offset.kind] = kind
        bytes[Offset.isProduct] = isProduct ? 1 : 0
        bytes[Offset.isRotated] = isRotated ? 1 : 0
        bytes[Offset.hasCenter] = centerChecksum == nil ? 0 : 1
        bytes.store(layout.bytes, at: Offset.layout)
        bytes.store(generation.rawValue, at: Offset.generation)
        bytes.store(UInt64(count), at: Offset.count)
        bytes.store(UInt32(dimensions), at: Offset.dimensions)
        bytes.store(low.bitPattern, at: Offset.low)
        bytes.store(scale.bitPattern, at: Offset.scale)
        bytes.store(margin.bitPattern, at: Offset.margin)
        bytes.store(error.bitPattern, at: Offset.error)
        bytes.store(UInt32(depth), at: Offset.depth)
        bytes.store(UInt64(trainedCount), at: Offset.trainedCount)
        bytes.store(levels, at: Offset.levels)
        bytes.store(UInt64(recent.count), at: Offset.recentCount)
        bytes.store(recent.loss.bitPattern, at: Offset.recentLoss)
        bytes.store(UInt64(recent.beyond), at: Offset.recentBeyond)
        bytes.store(UInt64(recent.doubted), at: Offset.recentDoubted)
        bytes[Offset.requested] = requested
        bytes.store(centerChecksum ?? 0, at: Offset.centerChecksum)
        if let measurement { store(measurement, in: &bytes) }
        bytes[Offset.attemptCount] = UInt8(attempts.count)
        for (number, attempt) in attempts.enumerated() {
            let offset = Offset.attempts + 12 * number
            bytes.store(UInt32(attempt.kind), at: offset)
            bytes.store(UInt32(attempt.width), at: offset + 4)
            bytes.store(attempt.lost.bitPattern, at: offset + 8)
        }
        bytes.store(Checksum.crc32c(bytes, prefix: Offset.checksum), at: Offset.checksum)
        return bytes
    }

    private func store(_ measurement: Measurement, in bytes: inout [UInt8]) {
        precondition(measurement.rows.count == Self.widths.count)
        bytes.store(UInt64(measurement.count), at: Offset.measuredCount)
        bytes.store(UInt32(measurement.queries), at: Offset.queries)
        for (number, row) in measurement.rows.enumerated() {
            guard let row else { continue }
            bytes[Offset.measuredWidths] |= 1 << UInt8(number)
            bytes.store(row.recall.bitPattern, at: Offset.rows + 8 * number)
            bytes.store(row.lost.bitPattern, at: Offset.rows + 8 * number + 4)
        }
    }

    /// The header in `bytes`; nil if it is not a valid one.
    package init?(decoding bytes: [UInt8]) {
        guard bytes.count == Self.size, Array(bytes[..<8]) == Self.magic,
            bytes.integer(at: Offset.checksum) == Checksum.crc32c(bytes, prefix: Offset.checksum),
            bytes.integer(at: Offset.version) == Self.version
        else { return nil }
        func float(_ offset: Int) -> Float { Float(bitPattern: bytes.integer(at: offset)) }
        func count(_ offset: Int, _ limit: Int) -> Int? {
            let value = bytes.integer(at: offset, as: UInt64.self)
            return value <= UInt64(limit) ? Int(value) : nil
        }
        let slots = Geometry.maximumSlots
        guard let rows = count(Offset.count, slots), let trained = count(Offset.trainedCount, slots),
            let recentCount = count(Offset.recentCount, Self.mostRecent),
            let beyond = count(Offset.recentBeyond, Self.mostRecent),
            let doubted = count(Offset.recentDoubted, Self.mostRecent),
            let measuredCount = count(Offset.measuredCount, slots)
        else { return nil }
        self.init(
            layout: Identifier(bytes: Array(bytes[Offset.layout..<Offset.generation])),
            generation: Generation(rawValue: bytes.integer(at: Offset.generation)), count: rows,
            requested: bytes[Offset.requested], kind: bytes[Offset.kind], isProduct: bytes[Offset.isProduct] != 0,
            isRotated: bytes[Offset.isRotated] != 0,
            dimensions: Int(bytes.integer(at: Offset.dimensions, as: UInt32.self)),
            centerChecksum: bytes[Offset.hasCenter] == 0 ? nil : bytes.integer(at: Offset.centerChecksum),
            low: float(Offset.low), scale: float(Offset.scale), margin: float(Offset.margin),
            depth: Int(bytes.integer(at: Offset.depth, as: UInt32.self)), error: float(Offset.error),
            trainedCount: trained, levels: Array(bytes[Offset.levels..<Offset.levels + 16]))
        recent = Recent(
            count: recentCount, loss: Double(bitPattern: bytes.integer(at: Offset.recentLoss)), beyond: beyond,
            doubted: doubted)
        guard requested == 1 || requested == 2, kind <= 3, low.isFinite, scale.isFinite, scale > 0, margin.isFinite,
            margin >= 0, error.isFinite, error >= 0, depth <= Self.deepest, recent.loss.isFinite, recent.loss >= 0,
            levels.allSatisfy({ $0 < 128 }), dimensions <= Superblock.dimensionsRange.upperBound
        else { return nil }
        // Half precision needs neither a rotation nor, for products, a center.
        guard kind != 3 || (!isRotated && !(isProduct && centerChecksum != nil)) else { return nil }
        guard readMeasurement(bytes, count: measuredCount) && readAttempts(bytes) else { return nil }
    }

    /// False if what is there is none.
    private mutating func readMeasurement(_ bytes: [UInt8], count: Int) -> Bool {
        let mask = bytes[Offset.measuredWidths], queries = Int(bytes.integer(at: Offset.queries, as: UInt32.self))
        guard mask < 1 << UInt8(Self.widths.count) else { return false }
        if count == 0 { return mask == 0 && queries == 0 }
        let rows = Self.widths.indices.map { number -> Measurement.Row? in
            guard mask & 1 << UInt8(number) != 0 else { return nil }
            let offset = Offset.rows + 8 * number
            return Measurement.Row(
                recall: Float(bitPattern: bytes.integer(at: offset)),
                lost: Float(bitPattern: bytes.integer(at: offset + 4)))
        }
        guard rows.allSatisfy({ $0.map { (0...1).contains($0.recall) && (-1...1).contains($0.lost) } ?? true }) else {
            return false
        }
        measurement = Measurement(count: count, queries: queries, rows: rows)
        return true
    }

    private mutating func readAttempts(_ bytes: [UInt8]) -> Bool {
        let count = Int(bytes[Offset.attemptCount])
        guard count <= Self.mostAttempts else { return false }
        for number in 0..<count {
            let offset = Offset.attempts + 12 * number, kind = bytes.integer(at: offset, as: UInt32.self)
            let width = Int(bytes.integer(at: offset + 4, as: UInt32.self))
            let lost = Float(bitPattern: bytes.integer(at: offset + 8))
            guard (1...3).contains(kind), width == 0 || Self.widths.contains(width), (-1...1).contains(lost) else {
                return false
            }
            attempts.append(Attempt(kind: UInt8(kind), width: width, lost: lost))
        }
        return true
    }
}
