import FileFormat

/// Superblocks, header slots, and the geometry that follows from them. The input is a superblock and a header slot; the first
/// byte says whether their checksums are put right.
struct HeaderTarget: FuzzTarget {
    func run(_ input: UnsafeRawBufferPointer) {
        guard input.count >= 1 + Superblock.size + HeaderSlot.size else { return }
        let mode = unsafe input[0]
        var bytes = unsafe Array(input[1..<(1 + Superblock.size + HeaderSlot.size)])
        if mode & 1 != 0 { seal(&bytes, from: 0, length: Superblock.size) }
        if mode & 2 != 0 { seal(&bytes, from: Superblock.size, length: HeaderSlot.size) }
        let superblock = Self.superblock(Array(bytes[..<Superblock.size]))
        var slot = Array(bytes[Superblock.size...])
        if mode & 4 != 0 {
            // The layout must be the superblock's, or nothing else is looked at.
            slot.store((superblock ?? FuzzStore.superblock).layout.bytes, at: 16)
            seal(&slot, from: 0, length: HeaderSlot.size)
        }
        Self.readHeader(slot, superblock ?? FuzzStore.superblock)
        Self.readDerived(slot)
    }

    private static func superblock(_ bytes: [UInt8]) -> Superblock? {
        guard let superblock = try? Superblock(decoding: bytes) else { return nil }
        _ = try? Superblock.checkWritable(bytes)
        let again = try? Superblock(decoding: superblock.encoded())
        precondition(again == superblock, "a superblock is not what it is encoded as")
        return superblock
    }

    private static func readHeader(_ bytes: [UInt8], _ superblock: Superblock) {
        guard let header = try? HeaderSlot(decoding: bytes, superblock: superblock) else { return }
        let again = try? HeaderSlot(decoding: header.encoded(), superblock: superblock)
        precondition(again == header, "a header is not what it is encoded as")
        let geometry = superblock.geometry
        precondition(geometry.segments(forSlots: header.slotCount) <= header.segmentCount)
        // The first segments and the place of the others; there may be millions of them.
        var end = Geometry.prologue, slots = 0
        for segment in geometry.layout(segments: min(header.segmentCount, 12)) {
            precondition(segment.fileOffset >= end && segment.fileOffset % Geometry.granule == 0)
            precondition(
                segment.slots.lowerBound == slots && segment.end >= segment.pageTableOffset + segment.pageTableLength)
            for piece in segment.pieces { precondition(piece.length > 0 && piece.fileOffset >= segment.fileOffset) }
            (end, slots) = (segment.end, segment.slots.upperBound)
        }
        precondition(geometry.capacity(segments: header.segmentCount) >= header.slotCount)
    }

    /// The heads of the files beside `level0`, which have the same size as a slot or less.
    private static func readDerived(_ bytes: [UInt8]) {
        if let head = UpperAppendix(decoding: Array(bytes[..<UpperAppendix.size])) {
            precondition(UpperAppendix(decoding: head.encoded()) == head)
            _ = head.bodyLength(connectivity: Superblock.connectivityRange.upperBound)
        }
        for kind in [DerivedFile.Kind.upper, .labels] {
            guard bytes.count >= DerivedFile.size,
                let file = DerivedFile(decoding: Array(bytes[..<DerivedFile.size]), kind: kind)
            else { continue }
            precondition(DerivedFile(decoding: file.encoded(), kind: kind) == file)
        }
    }
}
