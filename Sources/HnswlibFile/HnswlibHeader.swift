import FileFormat
package import SystemPackage

/// The 96 bytes that an index file begins with. They are hnswlib's variables as its constructor left them,
/// little-endian, with neither a magic number nor a version nor a checksum: that fields agree with each other is all
/// there is to check.
package struct HnswlibHeader: Sendable, Hashable {
    package static let size = 96
    /// What hnswlib raises or lowers M to lies within; with 1 its levels would have no end.
    package static let connectivityRange = 2...10_000
    /// More than any vector has, and little enough to hold one in memory.
    package static let maximumVectorBytes = 1 << 24
    /// hnswlib's slots are signed 32-bit numbers in places.
    package static let maximumCount = Int(Int32.max)
    /// The highest level of a store; hnswlib draws none above 62.
    package static let highestLevel = 63

    /// How many elements hnswlib makes room for when it loads the file. Anything from `count` on.
    package var capacity: UInt64
    /// The elements in the file, those that are marked deleted too.
    package var count: Int
    /// The bytes of a vector.
    package var vectorBytes: Int
    /// -1 in an index of nothing.
    package var maximumLevel: Int
    /// The slot where searches begin; 0xFFFF_FFFF in an index of nothing.
    package var entryPoint: UInt32
    /// M: links to at most 2M others on level 0 and to M above.
    package var connectivity: Int
    /// 1/ln M as its builder's compiler rounded it: the pattern of a double, kept as it is.
    package var multiplierBits: UInt64
    /// ef_construction.
    package var constructionWidth: UInt64

    package init(
        capacity: UInt64, count: Int, vectorBytes: Int, maximumLevel: Int, entryPoint: UInt32, connectivity: Int,
        multiplierBits: UInt64, constructionWidth: UInt64
    ) {
        self.capacity = capacity
        self.count = count
        self.vectorBytes = vectorBytes
        self.maximumLevel = maximumLevel
        self.entryPoint = entryPoint
        self.connectivity = connectivity
        self.multiplierBits = multiplierBits
        self.constructionWidth = constructionWidth
    }

    /// The number behind `multiplierBits`.
    package var multiplier: Double { Double(bitPattern: multiplierBits) }
    /// Where the vector is in an element: after the count, two bytes of flags and 2M ids.
    package var vectorOffset: Int { 4 + 8 * connectivity }
    /// Where the label is in an element, eight bytes, at no particular alignment.
    package var labelOffset: Int { vectorOffset + vectorBytes }
    /// The bytes of an element.
    package var elementBytes: Int { labelOffset + 8 }
    /// The bytes of one list above level 0: a count and M ids.
    package var upperListBytes: Int { 4 + 4 * connectivity }
    /// The most links of a list.
    package func links(atLevel level: Int) -> Int { level == 0 ? 2 * connectivity : connectivity }

    /// The bytes that this header is written as.
    package func encoded() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.size)
        bytes.store(capacity, at: 8)
        bytes.store(UInt64(count), at: 16)
        bytes.store(UInt64(elementBytes), at: 24)
        bytes.store(UInt64(labelOffset), at: 32)
        bytes.store(UInt64(vectorOffset), at: 40)
        bytes.store(UInt32(bitPattern: Int32(maximumLevel)), at: 48)
        bytes.store(entryPoint, at: 52)
        bytes.store(UInt64(connectivity), at: 56)
        bytes.store(UInt64(2 * connectivity), at: 64)
        bytes.store(UInt64(connectivity), at: 72)
        bytes.store(multiplierBits, at: 80)
        bytes.store(constructionWidth, at: 88)
        return bytes
    }
}

extension HnswlibHeader {
    /// Reads the bytes from `start` on. Whatever it accepts it encodes to the same bytes again. Throws which field is
    /// wrong; `path` is for the message.
    package init(decoding bytes: [UInt8], at start: Int = 0, path: FilePath) throws(HnswlibFileError) {
        precondition(bytes.count >= start + Self.size)
        func field(_ offset: Int) -> UInt64 { bytes.integer(at: start + offset) }
        func wrong(_ offset: Int, _ message: String) -> HnswlibFileError {
            HnswlibFileError(
                path, "byte offset \(start + offset) of its header: \(message): it is damaged, or not an hnswlib index",
                offset: start + offset)
        }
        guard field(0) == 0 else { throw wrong(0, "level 0 begins at \(field(0)), which is always 0") }
        guard field(16) <= UInt64(Self.maximumCount) else {
            throw wrong(16, "\(field(16)) elements, the most is \(Self.maximumCount)")
        }
        count = Int(field(16))
        capacity = field(8)
        guard capacity >= field(16) else { throw wrong(8, "a capacity of \(capacity) for \(count) elements") }
        guard let connectivity = Int(exactly: field(72)), Self.connectivityRange.contains(connectivity) else {
            throw wrong(72, "M is \(field(72)), not 2 to 10000")
        }
        self.connectivity = connectivity
        guard field(56) == field(72) else { throw wrong(56, "lists of \(field(56)) links, M is \(connectivity)") }
        guard field(64) == 2 * field(72) else {
            throw wrong(64, "lists of \(field(64)) links on level 0, M is \(connectivity)")
        }
        let vectorOffset = 4 + 8 * connectivity
        guard field(40) == UInt64(vectorOffset) else {
            throw wrong(40, "vectors begin at \(field(40)) of an element, with M \(connectivity) it is \(vectorOffset)")
        }
        guard field(32) > field(40), field(32) - field(40) <= UInt64(Self.maximumVectorBytes) else {
            throw wrong(
                32, "labels at \(field(32)) and vectors at \(field(40)) of an element; a vector has 1 to 2^24 bytes")
        }
        vectorBytes = Int(field(32) - field(40))
        guard field(24) == field(32) + 8 else {
            throw wrong(24, "elements of \(field(24)) bytes, with labels at \(field(32)) it is \(field(32) + 8)")
        }
        maximumLevel = Int(Int32(bitPattern: bytes.integer(at: start + 48)))
        entryPoint = bytes.integer(at: start + 52)
        multiplierBits = field(80)
        constructionWidth = field(88)
        if count == 0 {
            guard maximumLevel == -1 else {
                throw wrong(48, "the highest level of no elements is -1, not \(maximumLevel)")
            }
            guard entryPoint == .max else { throw wrong(52, "entry point \(entryPoint) without elements") }
        } else {
            guard (0...Self.highestLevel).contains(maximumLevel) else {
                throw wrong(48, "the highest level is \(maximumLevel), not 0 to \(Self.highestLevel)")
            }
            guard entryPoint < UInt32(count) else {
                throw wrong(52, "entry point \(entryPoint), but there are \(count) elements")
            }
        }
    }
}
