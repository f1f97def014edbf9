package import FileFormat

/// Where the bytes of columns are in `level0`: a column's pieces lie apart in the file, one in each segment.
package struct ColumnPlaces: Sendable {
    /// A stretch of a column in one piece.
    package struct Stretch: Sendable, Hashable {
        package let segment: Int
        package let fileOffset: Int
        /// Where it begins in the bytes that were asked for.
        package let start: Int
        package let length: Int
    }

    package private(set) var segments: [Geometry.Segment]
    /// The pieces of each column, in order.
    private var pieces: [[(segment: Int, piece: Geometry.Piece)]]

    package init(_ segments: [Geometry.Segment]) {
        self.segments = []
        pieces = Array(repeating: [], count: Geometry.Column.allCases.count)
        for segment in segments { append(segment) }
    }

    package mutating func append(_ segment: Geometry.Segment) {
        segments.append(segment)
        for piece in segment.pieces { pieces[piece.column.rawValue].append((segment.index, piece)) }
    }

    /// The stretches of the file that bytes `range` of `column` take. O(log segments).
    package func stretches(_ column: Geometry.Column, _ range: Range<Int>) -> [Stretch] {
        let pieces = pieces[column.rawValue]
        var low = 0, high = pieces.count
        while low < high {
            let middle = (low + high) / 2
            let piece = pieces[middle].piece
            if piece.columnOffset + piece.length <= range.lowerBound { low = middle + 1 } else { high = middle }
        }
        var stretches: [Stretch] = [], offset = range.lowerBound
        while offset < range.upperBound {
            let (segment, piece) = pieces[low]
            let length = min(range.upperBound, piece.columnOffset + piece.length) - offset
            stretches.append(
                Stretch(
                    segment: segment, fileOffset: piece.fileOffset + offset - piece.columnOffset,
                    start: offset - range.lowerBound, length: length))
            offset += length
            low += 1
        }
        return stretches
    }
}
