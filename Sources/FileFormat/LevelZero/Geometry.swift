/// Where everything lies in `level0`. The file is a prologue of 16 KiB (headers and superblocks), then segments that
/// are appended whole. A segment holds a piece of every column, then the page table of those pieces:
///
///     | vectors | links | slot table | norms | link heads | page table |
///
/// A column is one array over all slots, cut into pieces at multiples of 16 KiB so that the pieces can be mapped side
/// by side: the row of a slot is at `slot * stride` of its column, whatever the segment.
package struct Geometry: Sendable, Hashable {
    /// Checksums cover pages of this size.
    package static let pageSize = 4096
    /// Pieces of columns begin and end at multiples of this, the largest page of the systems we run on.
    package static let granule = 16_384
    package static let prologue = 16_384
    /// Segments of this size or more begin at a multiple of it, so that the kernel can map them with 2-MiB pages.
    package static let hugePage = 2 << 20
    /// Slot indexes take 31 bits.
    package static let maximumSlots = Int(Int32.max)
    package static let maximumLevel = 63

    /// The columns, in the order of their pieces in a segment.
    package enum Column: Int, Sendable, CaseIterable { case vectors = 0, links, slotTable, norms, linkHeads }

    package let firstSegmentSlots: Int
    package let maximumSegmentSlots: Int
    /// Bytes per slot of each column; 0 where the store does not have the column.
    package let strides: [Int]

    package init(dimensions: Int, scalarSize: Int, connectivity: Int, hasNorms: Bool) {
        strides = [
            roundUp(dimensions * scalarSize, to: 64), roundUp(2 * connectivity * 4, to: 64), SlotEntry.size,
            hasNorms ? 4 : 0, 4,
        ]
        let bytesPerSlot = strides.reduce(0, +)
        var slots = 65_536
        while slots > 1 && slots * bytesPerSlot > 64 << 20 { slots /= 2 }
        maximumSegmentSlots = slots
        firstSegmentSlots = min(256, slots)
    }

    package func stride(of column: Column) -> Int { strides[column.rawValue] }

    /// Segment 0 has `firstSegmentSlots` slots; each further one doubles the store, up to `maximumSegmentSlots`.
    package func firstSlot(ofSegment segment: Int) -> Int {
        guard segment > 0 else { return 0 }
        let doublings = (maximumSegmentSlots / firstSegmentSlots).trailingZeroBitCount
        guard segment > doublings + 1 else { return firstSegmentSlots << (segment - 1) }
        return maximumSegmentSlots + (segment - doublings - 1) * maximumSegmentSlots
    }

    /// Slots in the first `segments` segments.
    package func capacity(segments: Int) -> Int { firstSlot(ofSegment: segments) }

    /// The most segments a store can have.
    package var maximumSegments: Int { Self.maximumSlots / maximumSegmentSlots + 32 }

    /// How many segments hold `slots` slots.
    package func segments(forSlots slots: Int) -> Int {
        var segments = 0
        if slots > maximumSegmentSlots {
            let doublings = (maximumSegmentSlots / firstSegmentSlots).trailingZeroBitCount
            segments = doublings + 1 + (slots - maximumSegmentSlots) / maximumSegmentSlots
        }
        while capacity(segments: segments) < slots { segments += 1 }
        return segments
    }
}

extension Geometry {
    /// One column's part of a segment.
    package struct Piece: Sendable, Hashable {
        package let column: Column
        package let fileOffset: Int
        /// Where the piece begins in its column, in bytes.
        package let columnOffset: Int
        package let length: Int
    }

    /// A segment's place in the file.
    package struct Segment: Sendable, Hashable {
        package let index: Int
        package let slots: Range<Int>
        package let fileOffset: Int
        /// The pieces that are not empty, in file order, without gaps.
        package let pieces: [Piece]
        package let pageTableOffset: Int
        package let pageTableLength: Int
        /// Where the segment ends in the file.
        package let end: Int

        /// The 4-KiB pages of the pieces.
        package var pageCount: Int { (pageTableOffset - fileOffset) / Geometry.pageSize }
    }

    /// The first `count` segments, in file order. O(count).
    package func layout(segments count: Int) -> [Segment] {
        var end = Self.prologue
        return (0..<count).map { index in
            let segment = self.segment(index, after: end)
            end = segment.end
            return segment
        }
    }

    /// The segment that follows `previous` (nil for the first).
    package func segment(after previous: Segment?) -> Segment {
        segment(previous.map { $0.index + 1 } ?? 0, after: previous?.end ?? Self.prologue)
    }

    private func segment(_ index: Int, after end: Int) -> Segment {
        let slots = firstSlot(ofSegment: index)..<firstSlot(ofSegment: index + 1)
        let lengths = Column.allCases.map { column in
            roundUp(slots.upperBound * stride(of: column), to: Self.granule)
                - roundUp(slots.lowerBound * stride(of: column), to: Self.granule)
        }
        let data = lengths.reduce(0, +)
        let start = data >= 8 * Self.hugePage ? roundUp(end, to: Self.hugePage) : end
        var offset = start
        var pieces: [Piece] = []
        for column in Column.allCases where lengths[column.rawValue] > 0 {
            pieces.append(
                Piece(
                    column: column, fileOffset: offset,
                    columnOffset: roundUp(slots.lowerBound * stride(of: column), to: Self.granule),
                    length: lengths[column.rawValue]))
            offset += lengths[column.rawValue]
        }
        let tableLength = PageTable.length(pages: data / Self.pageSize)
        return Segment(
            index: index, slots: slots, fileOffset: start, pieces: pieces, pageTableOffset: offset,
            pageTableLength: tableLength, end: roundUp(offset + tableLength, to: Self.granule))
    }
}
