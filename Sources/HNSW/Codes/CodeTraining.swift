import CKernels

/// Chooses a model for a sample of vectors. The same sample gives the same model on every machine of one instruction set.
@safe
package struct CodeTraining {
    private let kind: CodeModel.Kind
    private let dimensions: Int
    private let isProduct: Bool
    private let sample: UncheckedBuffer<Float>
    private let count: Int
    /// Vectors in the store.
    private let total: Int

    /// Vectors that a sample should have.
    package static let sampleSize = 8192
    /// A rotation costs each query a little, so it has to be worth something: where codes put the nearest hardly out of their
    /// order there is nothing to gain, and else it has to leave a margin and a depth that are so much less.
    private static let toleratedDepth = 2, worthwhile: Float = 0.8

    /// `sample`: `count` vectors, at least one, one after the other; of length 1 where the metric is cosine.
    package init(
        _ kind: CodeModel.Kind, dimensions: Int, isProduct: Bool, sample: UncheckedBuffer<Float>, count: Int, total: Int
    ) {
        precondition(count > 0 && sample.count >= count * dimensions)
        self.kind = kind
        self.dimensions = dimensions
        self.isProduct = isProduct
        self.sample = sample
        self.count = count
        self.total = total
    }

    package func run() -> CodeModel {
        let plain = measured(model(of: sample, isRotated: false))
        // Without a loss there is nothing to gain.
        guard plain.error > 0 && plain.depth > Self.toleratedDepth && dimensions >= 16 else { return plain }
        let rotation = CodeRotation(dimensions: dimensions), rotated = Memory<Float>(count * dimensions)
        for row in 0..<count {
            unsafe rotation.apply(sample.base + row * dimensions, to: rotated.buffer.base + row * dimensions)
        }
        // What is as large as a float can be may become larger.
        for index in 0..<count * dimensions where !rotated.buffer[index].isFinite { return plain }
        let other = measured(model(of: rotated.buffer, isRotated: true))
        // A grid that cuts off what is large makes all distances shorter, which the margin does not say.
        let isWorthIt =
            Float(other.depth) < Self.worthwhile * Float(plain.depth)
            && (plain.margin == 0 || other.margin < Self.worthwhile * plain.margin)
        return isWorthIt ? other : plain
    }

    // MARK: The grid

    private func model(of components: UncheckedBuffer<Float>, isRotated: Bool) -> CodeModel {
        let range = kind == .scalar8 ? wholeNumbers(components) ?? range(of: components) : range(of: components)
        let last: Float = kind == .scalar8 ? 255 : 127
        // A sample whose components are all equal: any step will do. Beyond these limits squares are no floats any more.
        let isWide = range.upperBound > range.lowerBound
        let width = isWide ? min(max(range.upperBound - range.lowerBound, 0x1p-90), .greatestFiniteMagnitude) : 1
        let scale = last / width
        let levels =
            kind == .scalar4
            ? levels(of: components, low: range.lowerBound, scale: scale) : Array(repeating: 0, count: 16)
        return CodeModel(
            kind: kind, dimensions: dimensions, isProduct: isProduct, low: range.lowerBound, scale: scale,
            levels: levels,
            isRotated: isRotated, margin: 0, depth: 0, error: 0, trainedCount: total)
    }

    /// Components that are whole numbers within a byte's range lose nothing on a grid of them.
    private func wholeNumbers(_ components: UncheckedBuffer<Float>) -> ClosedRange<Float>? {
        var least = Float.infinity, most = -Float.infinity
        for index in 0..<count * dimensions {
            let value = components[index]
            guard value == value.rounded(.towardZero) else { return nil }
            least = min(least, value)
            most = max(most, value)
        }
        if least >= 0 && most <= 255 { return 0...255 }
        if least >= -128 && most <= 127 { return -128...127 }
        return nil
    }

    /// Where all but one component in ten thousand at either end lie, and what is nearly as near as those.
    private func range(of components: UncheckedBuffer<Float>) -> ClosedRange<Float> {
        let step = max(1, count * dimensions / (1 << 17))
        var values: [Float] = []
        values.reserveCapacity(count * dimensions / step + 1)
        for index in stride(from: 0, to: count * dimensions, by: step) { values.append(components[index]) }
        values.sort()
        let cut = values.count / 10_000
        let low = values[cut], high = values[values.count - 1 - cut]
        let slack = (high - low) / 16
        return max(values[0], low - slack)...min(values[values.count - 1], high + slack)
    }

    /// The sixteen positions that lose least on the sample: exact, by dynamic programming over the positions' counts.
    private func levels(of components: UncheckedBuffer<Float>, low: Float, scale: Float) -> [UInt8] {
        let positions = Memory<UInt8>(dimensions)
        var counts = [Double](repeating: 0, count: 128)
        for row in 0..<count {
            unsafe cairn_quantize_u8(
                components.base + row * dimensions, positions.buffer.base, dimensions, low, scale, 127)
            for index in 0..<dimensions { counts[Int(positions.buffer[index])] += 1 }
        }
        return ScalarLevels(counts: counts).best(16).map { UInt8($0) }
    }

    // MARK: What it is worth

    /// The model with its error and margin, measured on pairs of near vectors of the sample.
    private func measured(_ model: CodeModel) -> CodeModel {
        let rows = min(count, 4096), queries = min(rows, 96), nearest = min(rows, 30)
        let codes = Memory<UInt64>((rows * model.rowBytes + 64) / 8 + 1), encoder = CodeEncoder(model)
        let base = unsafe UnsafeMutableRawPointer(codes.buffer.base).alignedUp(toMultipleOf: 64)
        let column = unsafe CodeColumn(model, base: base, owner: codes)
        var loss = 0.0
        for row in 0..<rows {
            loss += unsafe Double(
                encoder.encode(sample.base + place(row, of: rows) * dimensions, to: column.row(UInt32(row))))
        }
        let exact = unsafe Distances(
            columns: Columns(sample: sample.base, stride: 4 * dimensions),
            metric: isProduct ? CAIRN_INNER_PRODUCT : CAIRN_L2,
            scalar: CAIRN_F32, dimensions: dimensions)
        let scratch = SearchScratch(), ids = Memory<UInt32>(rows), other = Memory<UInt32>(rows)
        let distances = Memory<Float>(rows), byCode = Memory<Float>(rows), order = Memory<Candidate>(nearest + 1)
        for row in 0..<rows {
            ids.buffer[row] = UInt32(place(row, of: rows))
            other.buffer[row] = UInt32(row)
        }
        var excess: [Float] = [], depths: [Int] = []
        for number in 0..<queries {
            let row = number * rows / queries
            let query = unsafe Query(vector: UnsafeRawPointer(sample.base + place(row, of: rows) * dimensions), norm: 1)
            exact.compute(query, ids.buffer, rows, distances.buffer)
            // A query beyond the grid goes by vectors, which stand elsewhere than the codes' rows.
            let computer = column.computer(query, exact, scratch)
            computer.compute(computer.distances.isOfCodes ? other.buffer : ids.buffer, rows, byCode.buffer)
            var order = CandidatePool(order.buffer, scratch)
            for row in 0..<rows {
                let candidate = Candidate(distance: distances.buffer[row], slot: UInt32(row))
                if order.admits(candidate, width: nearest) { _ = order.insert(candidate, width: nearest) }
            }
            let length = exact.length(of: query)
            for place in 0..<nearest {
                let row = Int(order.candidates[place].slot)
                // Itself, or its equal, is no pair.
                guard order.candidates[place].distance > 0 || isProduct, row != number * rows / queries else {
                    continue
                }
                let difference =
                    isProduct
                    ? (byCode.buffer[row] - distances.buffer[row]) / max(length, .leastNormalMagnitude)
                    : max(byCode.buffer[row], 0).squareRoot() - max(distances.buffer[row], 0).squareRoot()
                if difference.isFinite { excess.append(difference) }
            }
            depths.append(depth(order.candidates, byCode.buffer, rows))
        }
        excess.sort()
        depths.sort()
        var measured = model
        let margin = excess.isEmpty ? 0 : excess[excess.count - 1 - excess.count / 200]
        // Rounding is not a loss. For products the query is rounded too, whatever the rows are.
        let isExact = loss == 0 && !isProduct
        measured.margin = isExact ? 0 : max(0, margin)
        measured.depth = isExact ? 0 : max(0, depths[depths.count - 1 - depths.count / 20])
        measured.error = Float(min(loss / Double(rows * dimensions), Double(Float.greatestFiniteMagnitude)))
        return measured
    }

    /// How many rows that are not among the ten nearest come before the last of those by their codes; less than 0 where some of
    /// them are equal by their codes.
    private func depth(
        _ nearest: UncheckedBuffer<Candidate>, _ byCode: UncheckedBuffer<Float>, _ rows: Int
    ) -> Int {
        let first = (0..<min(rows, 10)).map { Int(nearest[$0].slot) }
        let last = first.map { byCode[$0] }.max() ?? 0
        return (0..<rows).count { byCode[$0] < last } + 1 - first.count
    }

    /// Which of the sample's vectors is the `row`-th of `rows` that are taken from all over it.
    private func place(_ row: Int, of rows: Int) -> Int { row * count / rows }
}

extension Columns {
    /// Vectors alone, for distances.
    fileprivate init(sample: UnsafeMutablePointer<Float>, stride: Int) {
        let nothing = UncheckedBuffer<UInt32>.none
        unsafe self.init(
            vectors: UnsafeMutableRawPointer(sample), vectorStride: stride, links: nothing.base, linkStride: 0,
            linkHeads: nothing.base, slotTable: UnsafeMutableRawPointer(nothing.base), norms: nil)
    }
}

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
