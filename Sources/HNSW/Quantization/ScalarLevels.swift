/// The best levels for values whose counts are known: one-dimensional k-means, solved exactly.
struct ScalarLevels {
    /// Sums over the positions before: of counts, of positions, of their squares.
    private let weights: [Double], sums: [Double], squares: [Double]

    init(counts: [Double]) {
        var weights = [0.0], sums = [0.0], squares = [0.0]
        for (position, count) in counts.enumerated() {
            let value = Double(position)
            weights.append(weights[position] + count)
            sums.append(sums[position] + count * value)
            squares.append(squares[position] + count * value * value)
        }
        (self.weights, self.sums, self.squares) = (weights, sums, squares)
    }

    /// The level for the positions of a range: their mean, or where there are none their middle.
    private func level(_ range: Range<Int>) -> Int {
        let weight = weights[range.upperBound] - weights[range.lowerBound]
        guard weight > 0 else { return (range.lowerBound + range.upperBound - 1) / 2 }
        return Int(((sums[range.upperBound] - sums[range.lowerBound]) / weight).rounded())
    }

    /// What a level in the place of these positions loses: the sum of squares.
    private func loss(_ range: Range<Int>) -> Double {
        let weight = weights[range.upperBound] - weights[range.lowerBound]
        let sum = sums[range.upperBound] - sums[range.lowerBound], level = Double(self.level(range))
        return squares[range.upperBound] - squares[range.lowerBound] - 2 * level * sum + level * level * weight
    }

    /// The `count` levels that lose least together, ascending.
    func best(_ count: Int) -> [Int] {
        let positions = weights.count - 1
        // The least loss of the positions before each with so many levels, and where the last of those begins.
        var losses = (0...positions).map { loss(0..<$0) }
        var starts: [[Int]] = []
        for _ in 1..<count {
            var next = losses, start = Array(0...positions)
            for end in 1...positions {
                for first in 0..<end where losses[first] + loss(first..<end) < next[end] {
                    next[end] = losses[first] + loss(first..<end)
                    start[end] = first
                }
            }
            losses = next
            starts.append(start)
        }
        var levels: [Int] = [], end = positions
        for start in starts.reversed() {
            levels.append(level(start[end]..<end))
            end = start[end]
        }
        levels.append(level(0..<end))
        return levels.reversed()
    }
}
