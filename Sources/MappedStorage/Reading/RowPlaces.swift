import FileFormat

/// Where the rows of one column are in a file, by slot.
struct RowPlaces: Sendable {
    private var pieces: [Piece] = []

    private struct Piece {
        /// Bytes of the column.
        let bytes: Range<Int>
        let fileOffset: Int
    }

    /// Adds the piece of the segment that follows.
    mutating func append(_ segment: Geometry.Segment, _ column: Geometry.Column) {
        guard let piece = segment.pieces.first(where: { $0.column == column }) else { return }
        pieces.append(
            Piece(
                bytes: piece.columnOffset..<piece.columnOffset + piece.length, fileOffset: piece.fileOffset))
    }

    /// Where the row of a slot begins; nil if it is in no piece, or in two. O(log segments).
    func offset(ofRow slot: UInt32, _ stride: Int) -> Int? {
        let start = Int(slot) * stride
        // The last piece that does not begin behind it.
        var low = 0, high = pieces.count
        while low < high {
            let middle = (low + high) / 2
            if pieces[middle].bytes.lowerBound <= start { low = middle + 1 } else { high = middle }
        }
        guard low > 0, start + stride <= pieces[low - 1].bytes.upperBound else { return nil }
        return pieces[low - 1].fileOffset + start - pieces[low - 1].bytes.lowerBound
    }
}
