/// What the components of a sample lie around: their medians, which a few rows that are out of all proportion do not
/// move.
struct ComponentCenters {
    private let sample: UncheckedBuffer<Float>
    private let count: Int
    private let dimensions: Int
    /// Rows that are looked at: so many say where the middle is, up to a twentieth of the spread.
    private static let most = 511

    init(_ sample: UncheckedBuffer<Float>, count: Int, dimensions: Int) {
        (self.sample, self.count, self.dimensions) = (sample, count, dimensions)
    }

    /// O(dimensions).
    func medians() -> [Float] {
        let rows = min(count, dimensions > 4096 ? Self.most / 4 : Self.most)
        var values = [Float](repeating: 0, count: rows)
        return (0..<dimensions).map { index in
            for row in 0..<rows { values[row] = sample[row * count / rows * dimensions + index] }
            values.sort()
            return values[rows / 2]
        }
    }
}
