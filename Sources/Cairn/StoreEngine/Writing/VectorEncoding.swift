import CKernels
import HNSW

/// Vectors as they are given (f32) and as they are stored: the scalar's range, normalisation for cosine, and the norm
/// that lets a normalised vector be given back as it was.
@safe
struct VectorEncoding: Sendable {
    let dimensions: Int
    let scalar: VectorStore.Scalar
    let metric: VectorStore.Metric
    /// Bytes of a stored row, zeros at its end included.
    let rowBytes: Int

    var isCosine: Bool { metric == .cosine }
    private var isFloat: Bool { scalar == .float32 || scalar == .float16 }
    /// Cosine keeps floats normalised; integers stay as they are, next to their norm.
    private var isNormalized: Bool { isCosine && isFloat }
    private var isCustom: Bool { if case .custom = metric { true } else { false } }

    /// Components of a row, the zeros at its end included.
    var paddedDimensions: Int { rowBytes / scalarSize }
    var scalarSize: Int { Self.size(of: scalar) }
    static func size(of scalar: VectorStore.Scalar) -> Int { scalar == .float32 ? 4 : scalar == .float16 ? 2 : 1 }
    /// Bytes of a query in the kernels' form.
    var queryBytes: Int { scalar == .float16 && !isCustom ? 2 * rowBytes : rowBytes }

    /// The squared lengths of vectors, other than zeros, whose distances single precision holds in their order. Shorter
    /// ones, and it makes zeros of their squares and products. Of longer ones it makes infinities, unless they are
    /// normalised: two of a length of 2^62 may be 2^63 apart.
    static let shortestSquare = Float.leastNormalMagnitude
    var longestSquare: Float { isNormalized ? .greatestFiniteMagnitude : 0x1p124 }

    /// What is wrong with `vector`; nil if it can be stored.
    func problem(_ vector: UnsafeBufferPointer<Float>) -> VectorProblem? {
        var exponents: UInt32 = 0, square: Float = 0
        for index in 0..<dimensions {
            let value = unsafe vector[index]
            // All ones in the exponent: infinite or not a number. The sum of the flags needs no branch in the loop.
            exponents |= (value.bitPattern & 0x7f80_0000) == 0x7f80_0000 ? 1 : 0
            square += value * value
        }
        if exponents != 0 {
            let index = unsafe vector.firstIndex { !$0.isFinite } ?? 0
            return unsafe VectorProblem(
                "has \(vector[index]) at component \(index)", "every component must be a finite number")
        }
        if square < .leastNormalMagnitude, unsafe vector.prefix(dimensions).allSatisfy({ $0 == 0 }) {
            guard isCosine else { return nil }
            return VectorProblem(
                "is all zeros, which has no direction: cosine cannot place it", "leave it out or use another metric")
        }
        if isFloat && !isCustom {
            if square > longestSquare {
                return isCosine
                    ? VectorProblem("is too long to normalise: its squared length overflows", "scale the data down")
                    : VectorProblem(
                        "is too long: single precision cannot hold its distances",
                        "multiply all vectors, and queries, by a small number")
            }
            if square < Self.shortestSquare {
                return isCosine
                    ? VectorProblem("is too short to normalise: its squared length underflows", "scale the data up")
                    : VectorProblem(
                        "is too short: single precision cannot tell its distances apart",
                        "multiply all vectors, and queries, by a large number")
            }
        }
        switch scalar {
        case .float32: return nil
        case .float16:
            guard !isNormalized else { return nil }
            if let index = unsafe vector.prefix(dimensions).firstIndex(where: { abs($0) >= 65_520 }) {
                let value = unsafe vector[index]
                return VectorProblem(
                    "has \(value) at component \(index), beyond half precision (65,504)", "use scalar f32")
            }
            // Half of the smallest half is rounded to zero.
            if !isCustom, square > 0, unsafe vector.prefix(dimensions).allSatisfy({ abs($0) <= 0x1p-25 }) {
                return VectorProblem(
                    "is all zeros in half precision (numbers up to 3e-8 are)", "scale the data up or use scalar f32")
            }
            return nil
        case .uint8: return unsafe outOfRange(vector, 0...255)
        case .int8: return unsafe outOfRange(vector, -128...127)
        }
    }

    private func outOfRange(_ vector: UnsafeBufferPointer<Float>, _ range: ClosedRange<Float>) -> VectorProblem? {
        var wrong = 0
        for index in 0..<dimensions {
            let value = unsafe vector[index]
            let isWhole = value == value.rounded(.towardZero)
            wrong |= value >= range.lowerBound && value <= range.upperBound && isWhole ? 0 : 1
        }
        guard wrong != 0 else { return nil }
        let index = unsafe vector.firstIndex { !range.contains($0) || $0 != $0.rounded() } ?? 0
        return unsafe VectorProblem(
            "has \(vector[index]) at component \(index)",
            "scalar \(scalar.rawValue) takes whole numbers \(Int(range.lowerBound))...\(Int(range.upperBound)); scale the data or "
                + "use scalar f32")
    }

    /// Stores `vector`, which has no problem, in `row`, whose end is zeros already. Returns its norm (1 unless cosine).
    func encode(
        _ vector: UnsafeBufferPointer<Float>, row: UnsafeMutableRawPointer, scratch: UncheckedBuffer<Float>
    ) -> Float {
        let norm = isCosine ? unsafe length(vector) : 1
        switch scalar {
        case .float32:
            let target = unsafe row.assumingMemoryBound(to: Float.self)
            let factor = scale(norm)
            for index in 0..<dimensions { unsafe target[index] = vector[index] * factor }
        case .float16:
            let factor = scale(norm)
            for index in 0..<dimensions { unsafe scratch[index] = vector[index] * factor }
            unsafe cairn_f32_to_f16(scratch.base, row.assumingMemoryBound(to: UInt16.self), dimensions)
        case .uint8:
            let target = unsafe row.assumingMemoryBound(to: UInt8.self)
            for index in 0..<dimensions { unsafe target[index] = UInt8(vector[index]) }
        case .int8:
            let target = unsafe row.assumingMemoryBound(to: Int8.self)
            for index in 0..<dimensions { unsafe target[index] = Int8(vector[index]) }
        }
        return norm
    }

    /// Puts `vector`, which has no problem, into the form the kernels take, in `storage`: `queryBytes` bytes whose end
    /// is zeros already.
    func query(
        _ vector: UnsafeBufferPointer<Float>, storage: UnsafeMutableRawPointer, scratch: UncheckedBuffer<Float>
    ) -> Query {
        if scalar == .float16 && !isCustom {
            let factor = isNormalized ? unsafe scale(length(vector)) : 1
            let target = unsafe storage.assumingMemoryBound(to: Float.self)
            for index in 0..<dimensions { unsafe target[index] = vector[index] * factor }
            return unsafe Query(vector: storage, norm: 1)
        }
        let norm = unsafe encode(vector, row: storage, scratch: scratch)
        return unsafe Query(vector: storage, norm: norm)
    }

    /// The vector that `row` was made from: exactly for integers and for f32 that is not normalised, else to within
    /// rounding.
    func decode(row: UnsafeRawPointer, norm: Float) -> [Float] {
        unsafe [Float](unsafeUninitializedCapacity: dimensions) { buffer, count in
            count = dimensions
            unsafe decode(row: row, norm: norm, to: buffer.baseAddress!)
        }
    }

    /// Writes the vector that `row` was made from to where there is room for it.
    func decode(row: UnsafeRawPointer, norm: Float, to vector: UnsafeMutablePointer<Float>) {
        switch scalar {
        case .float32: unsafe vector.update(from: row.assumingMemoryBound(to: Float.self), count: dimensions)
        case .float16: unsafe cairn_f16_to_f32(row.assumingMemoryBound(to: UInt16.self), vector, dimensions)
        case .uint8:
            let source = unsafe row.assumingMemoryBound(to: UInt8.self)
            for index in 0..<dimensions { unsafe vector[index] = Float(source[index]) }
        case .int8:
            let source = unsafe row.assumingMemoryBound(to: Int8.self)
            for index in 0..<dimensions { unsafe vector[index] = Float(source[index]) }
        }
        guard isNormalized else { return }
        for index in 0..<dimensions { unsafe vector[index] *= norm }
    }

    /// What a vector of length `norm` is multiplied by when it is stored: hnswlib's formula, in single precision.
    private func scale(_ norm: Float) -> Float { isNormalized ? 1 / (norm + 1e-30) : 1 }

    private func length(_ vector: UnsafeBufferPointer<Float>) -> Float {
        var sum: Float = 0
        for index in 0..<dimensions { unsafe sum += vector[index] * vector[index] }
        return sum.squareRoot()
    }
}

/// Why a vector cannot be stored.
struct VectorProblem {
    /// In words that complete "the vector …".
    let problem: String
    let remedy: String

    init(_ problem: String, _ remedy: String) {
        self.problem = problem
        self.remedy = remedy
    }

    var text: String { "\(problem); \(remedy)" }
}
