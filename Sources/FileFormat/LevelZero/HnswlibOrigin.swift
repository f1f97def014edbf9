/// What the header of an hnswlib file says and a store has no other place for: with it a store that was not changed
/// since it was imported goes out as the file it came from.
package struct HnswlibOrigin: Sendable, Hashable {
    /// max_elements
    package var capacity: UInt64
    package var constructionWidth: UInt64
    /// The bits of mult, a double.
    package var multiplier: UInt64
    /// The file's entry point; the store's is another one if that slot's label came again later.
    package var entryPoint: UInt32
    package var maximumLevel: Int32
    /// CRC32C over the elements, and over the lists above level 0 without their sizes: what does not have them is not
    /// the file any more.
    package var elementChecksum: UInt32
    package var upperChecksum: UInt32
    /// Whether the file was one of Chroma's, or a folder: hnswlib's file of the same index is what goes out.
    package var isChromas: Bool

    package init(
        capacity: UInt64, constructionWidth: UInt64, multiplier: UInt64, entryPoint: UInt32, maximumLevel: Int32,
        elementChecksum: UInt32, upperChecksum: UInt32, isChromas: Bool = false
    ) {
        self.capacity = capacity
        self.constructionWidth = constructionWidth
        self.multiplier = multiplier
        self.entryPoint = entryPoint
        self.maximumLevel = maximumLevel
        self.elementChecksum = elementChecksum
        self.upperChecksum = upperChecksum
        self.isChromas = isChromas
    }
}

/// A part of the superblock: a byte that is 1 if there is an origin, one that is 1 if that was Chroma's, then its
/// fields.
extension HnswlibOrigin {
    private static let offset = 368

    func store(in superblock: inout [UInt8]) {
        superblock[Self.offset] = 1
        superblock[Self.offset + 1] = isChromas ? 1 : 0
        superblock.store(entryPoint, at: Self.offset + 4)
        superblock.store(capacity, at: Self.offset + 8)
        superblock.store(constructionWidth, at: Self.offset + 16)
        superblock.store(multiplier, at: Self.offset + 24)
        superblock.store(UInt32(bitPattern: maximumLevel), at: Self.offset + 32)
        superblock.store(upperChecksum, at: Self.offset + 36)
        superblock.store(elementChecksum, at: Self.offset + 40)
    }

    /// nil if the superblock has none.
    init?(in superblock: [UInt8]) {
        guard superblock[Self.offset] == 1 else { return nil }
        self.init(
            capacity: superblock.integer(at: Self.offset + 8),
            constructionWidth: superblock.integer(at: Self.offset + 16),
            multiplier: superblock.integer(at: Self.offset + 24), entryPoint: superblock.integer(at: Self.offset + 4),
            maximumLevel: Int32(bitPattern: superblock.integer(at: Self.offset + 32)),
            elementChecksum: superblock.integer(at: Self.offset + 40),
            upperChecksum: superblock.integer(at: Self.offset + 36), isChromas: superblock[Self.offset + 1] == 1)
    }
}
