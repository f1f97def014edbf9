package import Allocation
import CKernels

/// Chooses a model for a sample of vectors. The same sample gives the same model on every machine of one instruction
/// set.
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
    /// A rotation costs each query a little, so it has to be worth something: where codes put the nearest hardly out of
    /// their order there is nothing to gain, and else it has to leave a margin and a depth that are so much less.
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

    /// The plain grid, unless codes put the nearest out of their order by it and a center or a rotation helps much.
    package func run() throws(OutOfMemory) -> CodeModel {
        // What is looked at of the sample is some thousand numbers at a time.
        try ProcessMemory.expect(4 << 20)
        if kind == .half { return try measured(halfModel()) }
        let plain = try measured(model(of: sample, range(of: sample), center: [], isRotated: false))
        // Without a loss there is nothing to gain.
        guard plain.error > 0 && plain.depth > Self.toleratedDepth else { return plain }
        let center = ComponentCenters(sample, count: count, dimensions: dimensions).medians()
        let centered = try Memory<Float>(count * dimensions)
        for row in 0..<count {
            for index in 0..<dimensions {
                centered.buffer[row * dimensions + index] = sample[row * dimensions + index] - center[index]
            }
        }
        var best = plain
        if isFinite(centered.buffer) {
            best = try better(
                measured(model(of: centered.buffer, rowRange(of: centered.buffer), center: center, isRotated: false)),
                best)
        }
        guard dimensions >= 16 && best.depth > Self.toleratedDepth else { return best }
        let rotation = CodeRotation(dimensions: dimensions), rotated = try Memory<Float>(count * dimensions)
        for row in 0..<count {
            unsafe rotation.apply(centered.buffer.base + row * dimensions, to: rotated.buffer.base + row * dimensions)
        }
        // What is as large as a float can be may become larger.
        guard isFinite(rotated.buffer) else { return best }
        return try better(
            measured(model(of: rotated.buffer, rowRange(of: rotated.buffer), center: center, isRotated: true)), best)
    }

    /// `other`, if what it costs each query is worth it.
    private func better(_ other: CodeModel, _ best: CodeModel) -> CodeModel {
        // A grid that cuts off what is large makes all distances shorter, which the margin does not say.
        let isWorthIt =
            Float(other.depth) < Self.worthwhile * Float(best.depth)
            && (best.margin == 0 || other.margin < Self.worthwhile * best.margin)
        return isWorthIt ? other : best
    }

    private func isFinite(_ components: UncheckedBuffer<Float>) -> Bool {
        for index in 0..<count * dimensions where !components[index].isFinite { return false }
        return true
    }

    // MARK: The grid

    /// The largest component of the sample becomes about 2^13, so that later vectors may be eight times as long, and
    /// what is a millionth of it keeps its precision.
    private func halfModel() -> CodeModel {
        let center = isProduct ? [] : ComponentCenters(sample, count: count, dimensions: dimensions).medians()
        var largest: Float = 0
        for row in 0..<count {
            for index in 0..<dimensions {
                let value = sample[row * dimensions + index] - (center.isEmpty ? 0 : center[index])
                if value.isFinite { largest = max(largest, abs(value)) }
            }
        }
        // Squares of a step, and of what is a step, have to be floats.
        let exponent = largest > 0 ? min(max(12 - Int(largest.exponent), -60), 60) : 0
        return CodeModel(
            kind: kind, dimensions: dimensions, isProduct: isProduct, center: center, low: 0,
            scale: Float(sign: .plus, exponent: exponent, significand: 1), levels: Array(repeating: 0, count: 16),
            isRotated: false, margin: 0, depth: 0, error: 0, trainedCount: total)
    }

    private func model(
        of components: UncheckedBuffer<Float>, _ range: ClosedRange<Float>, center: [Float], isRotated: Bool
    ) throws(OutOfMemory) -> CodeModel {
        let range = kind == .scalar8 && center.isEmpty ? wholeNumbers(components) ?? range : range
        let last: Float = kind == .scalar8 ? 255 : 127
        // A sample whose components are all equal: any step will do. Beyond these limits squares are no floats any
        // more.
        let isWide = range.upperBound > range.lowerBound
        let width = isWide ? min(max(range.upperBound - range.lowerBound, 0x1p-90), .greatestFiniteMagnitude) : 1
        let scale = last / width
        let levels =
            kind == .scalar4
            ? try levels(of: components, low: range.lowerBound, scale: scale) : Array(repeating: 0, count: 16)
        return CodeModel(
            kind: kind, dimensions: dimensions, isProduct: isProduct, center: center, low: range.lowerBound,
            scale: scale, levels: levels, isRotated: isRotated, margin: 0, depth: 0, error: 0, trainedCount: total)
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
        // Without a common divisor all components have their turn.
        var step = max(1, count * dimensions / (1 << 17))
        while Self.haveDivisor(step, dimensions) { step += 1 }
        var values: [Float] = []
        values.reserveCapacity(count * dimensions / step + 1)
        for index in stride(from: 0, to: count * dimensions, by: step) { values.append(components[index]) }
        values.sort()
        let cut = values.count / 10_000
        let low = values[cut], high = values[values.count - 1 - cut]
        let slack = (high - low) / 16
        return max(values[0], low - slack)...min(values[values.count - 1], high + slack)
    }

    private static func haveDivisor(_ a: Int, _ b: Int) -> Bool {
        var (a, b) = (a, b)
        while b != 0 { (a, b) = (b, a % b) }
        return a > 1
    }

    /// Where all but one row in a hundred lie with all their components, and what is nearly as near. A few rows that
    /// are a thousand times as long cost the others nothing; searches from those go by vectors.
    private func rowRange(of components: UncheckedBuffer<Float>) -> ClosedRange<Float> {
        var least: [Float] = [], most: [Float] = []
        for row in 0..<count {
            var low = Float.infinity, high = -Float.infinity
            for index in row * dimensions..<(row + 1) * dimensions {
                low = min(low, components[index])
                high = max(high, components[index])
            }
            least.append(low)
            most.append(high)
        }
        least.sort()
        most.sort()
        let cut = count / 100, low = least[cut], high = most[count - 1 - cut], slack = (high - low) / 16
        return max(least[0], low - slack)...min(most[count - 1], high + slack)
    }

    /// The sixteen positions that lose least on the sample: exact, by dynamic programming over the positions' counts.
    private func levels(
        of components: UncheckedBuffer<Float>, low: Float, scale: Float
    ) throws(OutOfMemory) -> [UInt8] {
        let positions = try Memory<UInt8>(dimensions)
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
    private func measured(_ model: CodeModel) throws(OutOfMemory) -> CodeModel {
        let rows = min(count, 4096), queries = min(rows, 96)
        let (column, losses) = try encoded(model, rows)
        // Those that the grid does not reach say nothing of what it loses.
        let usual = losses.dropLast(rows / 100), loss = usual.reduce(0.0) { $0 + Double($1) }
        var comparison = try Comparison(rows, exact)
        for row in 0..<rows {
            comparison.ids.buffer[row] = UInt32(place(row, of: rows))
            comparison.other.buffer[row] = UInt32(row)
        }
        for number in 0..<queries { compare(number * rows / queries, of: rows, column, &comparison) }
        var (excess, depths) = (comparison.excess, comparison.depths)
        excess.sort()
        depths.sort()
        var measured = model
        let margin = excess.isEmpty ? 0 : excess[excess.count - 1 - excess.count / 200]
        // Rounding is not a loss. For products the query is rounded too, whatever the rows are.
        let isExact = losses.last == 0 && !isProduct && kind != .half
        measured.margin = isExact ? 0 : max(0, margin)
        measured.depth = isExact ? 0 : max(0, depths[depths.count - 1 - depths.count / 20])
        measured.error = Float(
            min(loss / Double(usual.count * dimensions), Double(Float.greatestFiniteMagnitude)))
        return measured
    }

    /// The codes of `rows` vectors from all over the sample, and what each of them loses, ascending.
    private func encoded(_ model: CodeModel, _ rows: Int) throws(OutOfMemory) -> (CodeColumn, losses: [Float]) {
        let codes = try Memory<UInt64>((rows * model.rowBytes + 64) / 8 + 1), encoder = try CodeEncoder(model)
        let base = unsafe UnsafeMutableRawPointer(codes.buffer.base).alignedUp(toMultipleOf: 64)
        let column = unsafe CodeColumn(model, base: base, owner: codes)
        var losses: [Float] = []
        for row in 0..<rows {
            let vector = unsafe sample.base + place(row, of: rows) * dimensions
            losses.append(unsafe encoder.encode(vector, to: column.row(UInt32(row))).loss)
        }
        losses.sort()
        return (column, losses)
    }

    /// Distances from a few vectors of the sample to others, by the vectors and by their codes.
    private struct Comparison {
        /// Distances by the vectors.
        let exact: Distances
        let scratch = SearchScratch()
        /// Where the vectors are in the sample, and where their codes are.
        let ids: Memory<UInt32>, other: Memory<UInt32>
        let distances: Memory<Float>, byCode: Memory<Float>
        let order: Memory<Candidate>
        /// How much farther than it is each near vector is by its code.
        var excess: [Float] = []
        /// For each query what `depth` says.
        var depths: [Int] = []

        static let nearest = 30

        init(_ rows: Int, _ exact: Distances) throws(OutOfMemory) {
            self.exact = exact
            ids = try Memory(rows)
            other = try Memory(rows)
            distances = try Memory(rows)
            byCode = try Memory(rows)
            order = try Memory(min(rows, Self.nearest) + 1)
            try scratch.prepare(dimensions: exact.dimensions)
        }
    }

    /// Adds to `comparison` what the `queryRow`-th of `rows` vectors has to do with the others.
    private func compare(
        _ queryRow: Int, of rows: Int, _ column: CodeColumn, _ comparison: inout Comparison
    ) {
        let exact = comparison.exact, scratch = comparison.scratch, nearest = min(rows, Comparison.nearest)
        let distances = comparison.distances.buffer, byCode = comparison.byCode.buffer
        let vector = unsafe sample.base + place(queryRow, of: rows) * dimensions
        let query = unsafe Query(vector: UnsafeRawPointer(vector), norm: 1)
        exact.compute(query, comparison.ids.buffer, rows, distances)
        // A query beyond the grid goes by vectors, which are in other places than the codes' rows.
        let computer = column.computer(query, exact, scratch)
        computer.compute(
            scratch.walksByCodes ? comparison.other.buffer : comparison.ids.buffer, rows, byCode)
        let unit = scratch.walksByCodes ? column.model.distanceUnit : 1
        var order = CandidatePool(comparison.order.buffer, scratch)
        for row in 0..<rows {
            let candidate = Candidate(distance: distances[row], slot: UInt32(row))
            if order.admits(candidate, width: nearest) { _ = order.insert(candidate, width: nearest) }
        }
        let length = exact.length(of: query)
        for place in 0..<nearest {
            let row = Int(order.candidates[place].slot)
            // Itself, or its equal, is no pair.
            guard order.candidates[place].distance > 0 || isProduct, row != queryRow else { continue }
            let difference =
                isProduct
                ? (byCode[row] - distances[row]) / max(length, .leastNormalMagnitude)
                : max(byCode[row] * unit, 0).squareRoot() - max(distances[row], 0).squareRoot()
            if difference.isFinite { comparison.excess.append(difference) }
        }
        comparison.depths.append(depth(order.candidates, distances, byCode, rows))
    }

    private var exact: Distances {
        unsafe Distances(
            columns: Columns(sample: sample.base, stride: 4 * dimensions),
            metric: isProduct ? CAIRN_INNER_PRODUCT : CAIRN_L2,
            scalar: CAIRN_F32, dimensions: dimensions)
    }

    /// How many rows that are farther than the ten nearest come before the last of those by their codes. Of those that
    /// are at the same place by their codes it is half.
    private func depth(
        _ nearest: UncheckedBuffer<Candidate>, _ distances: UncheckedBuffer<Float>, _ byCode: UncheckedBuffer<Float>,
        _ rows: Int
    ) -> Int {
        let first = (0..<min(rows, 10)).map { Int(nearest[$0].slot) }
        guard let tenth = first.last else { return 0 }
        let limit = distances[tenth], last = first.map { byCode[$0] }.max() ?? 0
        var before = 0, equal = 0
        for row in 0..<rows where distances[row] > limit {
            if byCode[row] < last { before += 1 } else if byCode[row] == last { equal += 1 }
        }
        return before + equal / 2
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
