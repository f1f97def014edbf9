import FileFormat
import Testing

@Suite struct GeometryTests {
    struct Shape: Sendable, CustomTestStringConvertible {
        let dimensions: Int, scalarSize: Int, connectivity: Int, hasNorms: Bool

        var geometry: Geometry {
            Geometry(
                dimensions: dimensions, scalarSize: scalarSize, connectivity: connectivity, hasNorms: hasNorms)
        }
        var testDescription: String { "\(dimensions) × \(scalarSize) bytes, M \(connectivity), norms \(hasNorms)" }
    }

    static let shapes: [Shape] = [1, 3, 17, 128, 384, 1000, 1536, 8160, 65_519, 65_536].flatMap { dimensions in
        [1, 2, 4].flatMap { size in
            [2, 5, 16, 64, 10_000].flatMap { connectivity in
                [false, true].map {
                    Shape(dimensions: dimensions, scalarSize: size, connectivity: connectivity, hasNorms: $0)
                }
            }
        }
    }

    @Test func constantsAreThoseOfTheFormat() {
        #expect(Geometry.pageSize == 4096)
        #expect(Geometry.granule == 16384)
        #expect(Geometry.prologue == 16384)
        #expect(Geometry.hugePage == 2_097_152)
        #expect(Geometry.maximumSlots == 2_147_483_647)
        #expect(Geometry.maximumLevel == 63)
        #expect(Geometry.Column.allCases == [.vectors, .links, .slotTable, .norms, .linkHeads])
        #expect(Geometry.Column.allCases.map(\.rawValue) == [0, 1, 2, 3, 4])
    }

    /// The shape of an everyday store, by hand.
    @Test func everydayStore() {
        let geometry = Geometry(dimensions: 128, scalarSize: 4, connectivity: 16, hasNorms: false)
        #expect(geometry.strides == [512, 128, 16, 0, 4])
        #expect(geometry.firstSegmentSlots == 256)
        #expect(geometry.maximumSegmentSlots == 65_536)
        let layout = geometry.layout(segments: 2)
        #expect(layout[0].slots == 0..<256)
        #expect(layout[0].fileOffset == 16384)
        #expect(layout[0].pieces.map(\.column) == [.vectors, .links, .slotTable, .linkHeads])
        #expect(layout[0].pieces.map(\.fileOffset) == [16384, 147_456, 180_224, 196_608])
        #expect(layout[0].pieces.map(\.length) == [131_072, 32768, 16384, 16384])
        #expect(layout[0].pieces.map(\.columnOffset) == [0, 0, 0, 0])
        #expect(layout[0].pageCount == 48)
        #expect(layout[0].pageTableOffset == 212_992)
        #expect(layout[0].pageTableLength == 4096)
        // Ten vectors take no more than this.
        #expect(geometry.segments(forSlots: 10) == 1)
        #expect(layout[0].end == 229_376)
        // Slot table and link heads of slots 256..<512 fit into what segment 0 has of them.
        #expect(layout[1].slots == 256..<512)
        #expect(layout[1].pieces.map(\.column) == [.vectors, .links])
        #expect(layout[1].pieces.map(\.fileOffset) == [229_376, 360_448])
        #expect(layout[1].pieces.map(\.columnOffset) == [131_072, 32768])
        #expect(layout[1].pageTableOffset == 393_216)
        #expect(layout[1].end == 409_600)
    }

    /// The worked example of FORMAT.md.
    @Test func workedExample() {
        let geometry = Geometry(dimensions: 8, scalarSize: 4, connectivity: 4, hasNorms: true)
        #expect(geometry.strides == [64, 64, 16, 4, 4])
        let layout = geometry.layout(segments: 2)
        #expect(layout[0].pieces.map(\.fileOffset) == [16384, 32768, 49152, 65536, 81920])
        #expect(layout[0].pieces.allSatisfy { $0.length == 16384 })
        #expect(layout[0].pageTableOffset == 98304)
        #expect(layout[0].pageCount == 20)
        #expect(layout[0].end == 114_688)
        #expect(layout[1].pieces.map(\.fileOffset) == [114_688, 131_072])
        #expect(layout[1].pageTableOffset == 147_456)
        #expect(layout[1].end == 163_840)
    }

    @Test func theLargestRowsMakeSmallSegments() {
        let geometry = Geometry(dimensions: 65_536, scalarSize: 4, connectivity: 10_000, hasNorms: true)
        #expect(geometry.strides == [262_144, 80_000, 16, 4, 4])
        #expect(geometry.firstSegmentSlots == 128)
        #expect(geometry.maximumSegmentSlots == 128)
        #expect(geometry.layout(segments: 3).map(\.slots) == [0..<128, 128..<256, 256..<384])
    }

    @Test func segmentsOfSixteenMebibytesAreAligned() {
        // Rows of 32,640 and 128 bytes: the 512 slots of segment 2 take 16 MiB to the byte.
        let geometry = Geometry(dimensions: 8160, scalarSize: 4, connectivity: 16, hasNorms: false)
        let layout = geometry.layout(segments: 3)
        #expect(layout[2].pieces.map(\.length) == [16_711_680, 65536])
        #expect(layout[1].end == 16_891_904)
        #expect(layout[2].fileOffset == 18_874_368)
    }

    @Test(arguments: shapes)
    func segmentsDoubleTheStoreUpToTheLargest(shape: Shape) {
        let geometry = shape.geometry, bytesPerSlot = geometry.strides.reduce(0, +)
        let largest = geometry.maximumSegmentSlots, first = geometry.firstSegmentSlots
        #expect(first == min(256, largest))
        #expect(largest <= 65_536 && largest.nonzeroBitCount == 1)
        #expect(largest * bytesPerSlot <= 67_108_864)
        #expect(largest == 65_536 || 2 * largest * bytesPerSlot > 67_108_864)
        var end = 0
        for segment in geometry.layout(segments: 14) {
            #expect(segment.slots.lowerBound == end)
            #expect(segment.slots.count == (end == 0 ? first : min(end, largest)))
            end = segment.slots.upperBound
            #expect(geometry.capacity(segments: segment.index + 1) == end)
        }
    }

    @Test(arguments: shapes)
    func piecesAbutAndNothingOverlaps(shape: Shape) {
        let geometry = shape.geometry
        var end = 16384, columnEnds = [Int](repeating: 0, count: 5)
        for segment in geometry.layout(segments: 14) {
            let data = segment.pieces.reduce(0) { $0 + $1.length }
            #expect(segment.fileOffset >= end && segment.fileOffset % 16384 == 0)
            #expect(segment.fileOffset == (data >= 16_777_216 ? (end + 2_097_151) / 2_097_152 * 2_097_152 : end))
            var offset = segment.fileOffset
            #expect(segment.pieces.map(\.column.rawValue) == segment.pieces.map(\.column.rawValue).sorted())
            for piece in segment.pieces {
                #expect(piece.fileOffset == offset)
                #expect(piece.length > 0 && piece.length % 16384 == 0)
                #expect(piece.columnOffset == columnEnds[piece.column.rawValue])
                #expect(piece.columnOffset % 16384 == 0)
                columnEnds[piece.column.rawValue] += piece.length
                offset += piece.length
            }
            for column in Geometry.Column.allCases {
                // All rows of the segments so far are there, and less than a granule more.
                let spare = columnEnds[column.rawValue] - segment.slots.upperBound * geometry.stride(of: column)
                #expect(spare >= 0 && spare < 16384)
            }
            #expect(segment.pageTableOffset == offset)
            #expect(segment.pageCount * 4096 == data)
            #expect(segment.pageTableLength == PageTable.length(pages: segment.pageCount))
            #expect(segment.end >= offset + segment.pageTableLength && segment.end % 16384 == 0)
            #expect(segment.end - (offset + segment.pageTableLength) < 16384)
            end = segment.end
        }
    }

    @Test(arguments: shapes)
    func segmentsForSlotsInvertsCapacity(shape: Shape) {
        let geometry = shape.geometry, largest = geometry.maximumSegmentSlots
        #expect(geometry.segments(forSlots: 0) == 0)
        #expect(geometry.capacity(segments: 0) == 0)
        let edges = [1, 2, 255, 256, 511, 512, 513, 1024, 65_535, 65_536, largest, 2 * largest, 5 * largest]
        for slots in edges.flatMap({ [$0, $0 + 1] }) + [1_000_000_000, 2_147_483_647] {
            let segments = geometry.segments(forSlots: slots)
            #expect(geometry.capacity(segments: segments) >= slots)
            #expect(geometry.capacity(segments: segments - 1) < slots)
        }
        #expect(geometry.segments(forSlots: 2_147_483_647) <= geometry.maximumSegments)
    }

    @Test(arguments: shapes)
    func segmentAfterIsTheNextOfTheLayout(shape: Shape) {
        let geometry = shape.geometry
        var previous: Geometry.Segment?
        for segment in geometry.layout(segments: 12) {
            #expect(geometry.segment(after: previous) == segment)
            previous = segment
        }
    }
}
