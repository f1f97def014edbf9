package import CKernels

/// A distance that a program brings along: how far apart two rows are. It must be a pure function, safe to call from
/// any thread, and smaller must mean nearer; a result that is not a number counts as infinitely far.
package typealias CustomDistance = @Sendable (_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Float

/// Distances from one vector to many rows of the vector column, by the kernel for the store's metric and scalar that
/// was chosen when the store was opened, or by a custom function.
@safe
package final class Distances: @unchecked Sendable {
    // Sendable because all of it is immutable after init, what `rows` points to as well.

    package let kernel: cairn_distances_fn
    package let rows: UnsafePointer<cairn_rows>
    package let scalar: cairn_scalar
    package let metric: cairn_metric
    package let dimensions: Int
    package let custom: CustomDistance?
    private let rowBytes: Int
    /// Whether the rows are codes.
    let isOfCodes: Bool
    private let norms: UnsafeMutablePointer<Float>?

    /// `dimensions` may include the zeros that fill a row up: they add nothing to any metric, and whole 64-byte blocks
    /// are what the kernels are fastest at. A custom distance gets `rowBytes` bytes, the row without them.
    package init(
        columns: Columns, metric: cairn_metric, scalar: cairn_scalar, dimensions: Int, custom: CustomDistance? = nil,
        rowBytes: Int = 0
    ) {
        self.metric = metric
        self.scalar = scalar
        self.dimensions = dimensions
        unsafe self.custom = custom
        self.rowBytes = rowBytes
        isOfCodes = false
        unsafe kernel = cairn_distances(metric, scalar, dimensions)!
        unsafe norms = columns.norms
        let rows = UnsafeMutablePointer<cairn_rows>.allocate(capacity: 1)
        unsafe rows.initialize(
            to: cairn_rows(
                base: columns.vectors, stride: columns.vectorStride, dimensions: dimensions,
                norms: columns.norms.map { unsafe UnsafePointer($0) }))
        unsafe self.rows = UnsafePointer(rows)
    }

    /// Distances to the rows of codes at `base`, from queries that were prepared for them.
    init(codes base: UnsafeMutableRawPointer, _ model: CodeModel) {
        metric = model.isProduct ? CAIRN_INNER_PRODUCT : CAIRN_L2
        scalar = model.kind == .half ? CAIRN_F16 : CAIRN_U8
        dimensions = model.paddedDimensions
        unsafe custom = nil
        rowBytes = model.rowBytes
        isOfCodes = true
        switch model.kind {
        case .scalar8: unsafe kernel = cairn_code_distances(metric, CAIRN_CODE_8, dimensions)!
        case .scalar4: unsafe kernel = cairn_code_distances(metric, CAIRN_CODE_4, dimensions)!
        case .half: unsafe kernel = cairn_distances(metric, CAIRN_F16, dimensions)!
        }
        unsafe norms = nil
        let rows = UnsafeMutablePointer<cairn_rows>.allocate(capacity: 1)
        unsafe rows.initialize(
            to: cairn_rows(base: base, stride: model.rowBytes, dimensions: model.paddedDimensions, norms: nil))
        unsafe self.rows = UnsafePointer(rows)
    }

    deinit { unsafe rows.deallocate() }

    /// Bytes of a row that are read to compute a distance.
    var rowLength: Int { rowBytes > 0 ? rowBytes : unsafe rows.pointee.stride }

    /// Writes how far the rows `ids[0..<count]` are from `query` to `result`: what searches compare (`distance(of:)`).
    @inline(__always)
    package func compute(
        _ query: Query, _ ids: UncheckedBuffer<UInt32>, _ count: Int, _ result: UncheckedBuffer<Float>
    ) {
        assert(count <= ids.count && count <= result.count)
        if unsafe custom != nil { return computeCustom(query, ids, count, result) }
        unsafe kernel(rows, query.vector, query.norm, ids.base, count, result.base)
    }

    @inline(never)
    private func computeCustom(
        _ query: Query, _ ids: UncheckedBuffer<UInt32>, _ count: Int, _ result: UncheckedBuffer<Float>
    ) {
        for index in 0..<count {
            let row = unsafe rows.pointee.base + Int(ids[index]) * rows.pointee.stride
            result[index] = unsafe distance(query, toRowAt: row)
        }
    }

    /// The custom distance to a row, wherever it is.
    func distance(_ query: Query, toRowAt row: UnsafeRawPointer) -> Float {
        unsafe custom!(
            UnsafeRawBufferPointer(start: query.vector, count: rowBytes),
            UnsafeRawBufferPointer(start: row, count: rowBytes))
    }

    /// The row of `slot` in the form of a query. Half-precision rows are expanded into `expansion`; the others are used
    /// in place.
    @inline(__always)
    package func query(forRow slot: UInt32, expansion: UncheckedBuffer<Float>) -> Query {
        let row = unsafe rows.pointee.base + Int(slot) &* rows.pointee.stride
        if unsafe scalar == CAIRN_F16 && custom == nil {
            assert(expansion.count >= dimensions)
            unsafe cairn_f16_to_f32(row.assumingMemoryBound(to: UInt16.self), expansion.base, dimensions)
            return unsafe Query(vector: UnsafeRawPointer(expansion.base), norm: 1)
        }
        return unsafe Query(vector: row, norm: norms == nil ? 1 : norms![Int(slot)])
    }
}

// MARK: What is compared, and what is given out

extension Distances {
    /// What a distance is above what searches compare: a product's is 1 - product, and -product is compared. Added
    /// early, the 1 would round small products to the same number.
    private var offset: Float { metric == CAIRN_L2 ? 0 : 1 }

    /// The distance of a candidate that a search found.
    package func distance(of candidate: Candidate) -> Float { candidate.distance + offset }

    /// The greatest number that searches compare whose distance is at most `distance`, which is a number.
    package func bound(ofDistance distance: Float) -> Float {
        guard offset != 0 else { return distance }
        // Up to half of the way to the next float the sum is rounded to this one.
        var bound = Float((Double(distance) + Double(distance.nextUp)) / 2 - Double(offset))
        while bound + offset > distance { bound = bound.nextDown }
        while bound.nextUp + offset <= distance && bound < .infinity { bound = bound.nextUp }
        return bound
    }
}

extension Distances {
    /// Whether queries are floats, which need not be where rows can be.
    var hasFloatQueries: Bool { unsafe (scalar == CAIRN_F32 || scalar == CAIRN_F16) && custom == nil }

    /// Halfway between two rows, as a query of floats; of length 1 for cosine. In the first half of `expansion`. Where
    /// rows were rounded to half precision, which queries are not, it lies as far from them as rounding may have moved
    /// them.
    func query(between slot: UInt32, and other: UInt32, expansion: UncheckedBuffer<Float>) -> Query {
        assert(hasFloatQueries)
        let first = query(forRow: slot, expansion: expansion)
        let second = query(forRow: other, expansion: expansion.dropFirst(dimensions))
        let left = unsafe first.vector.assumingMemoryBound(to: Float.self)
        let right = unsafe second.vector.assumingMemoryBound(to: Float.self)
        // Spread evenly over what rounds to one number: the golden ratio's multiples.
        let rounding: Float = scalar == CAIRN_F16 ? 8192 : 0, start = Float(slot % 1024) * 0.618_034
        for index in 0..<dimensions {
            let value = unsafe left[index] / 2 + right[index] / 2, place = start + Float(index) * 0.618_034
            expansion[index] = value + (place - place.rounded(.down) - 0.5) * rounding * value.ulp
        }
        let query = unsafe Query(vector: UnsafeRawPointer(expansion.base), norm: 1)
        if metric == CAIRN_COSINE {
            let length = Self.norm(expansion, dimensions)
            if length > 0 { for index in 0..<dimensions { expansion[index] /= length } }
        }
        return query
    }

    private static func norm(_ components: UncheckedBuffer<Float>, _ count: Int) -> Float {
        (0..<count).reduce(Float(0)) { $0 + components[$1] * components[$1] }.squareRoot()
    }

    /// The first `count` components of a query as floats, as codes are made of them: of length 1 for cosine. In
    /// `scratch` unless they are somewhere already.
    package func components(of query: Query, scratch: UncheckedBuffer<Float>, count: Int) -> UnsafePointer<Float> {
        if scalar == CAIRN_F32 || scalar == CAIRN_F16 {
            return unsafe query.vector.assumingMemoryBound(to: Float.self)
        }
        assert(scratch.count >= count)
        let bytes = unsafe query.vector.assumingMemoryBound(to: UInt8.self)
        let isSigned = scalar == CAIRN_I8
        let factor = metric == CAIRN_COSINE && query.norm > 0 ? 1 / query.norm : 1
        for index in 0..<count {
            let value = unsafe isSigned ? Float(Int8(bitPattern: bytes[index])) : Float(bytes[index])
            scratch[index] = value * factor
        }
        return unsafe UnsafePointer(scratch.base)
    }

    /// The length of a query, of the components above.
    func length(of query: Query) -> Float {
        if metric == CAIRN_COSINE { return 1 }
        var sum: Float = 0
        if scalar == CAIRN_F32 || scalar == CAIRN_F16 {
            let vector = unsafe query.vector.assumingMemoryBound(to: Float.self)
            for index in 0..<dimensions { unsafe sum += vector[index] * vector[index] }
        } else {
            let bytes = unsafe query.vector.assumingMemoryBound(to: UInt8.self)
            for index in 0..<dimensions {
                let value = unsafe scalar == CAIRN_I8 ? Float(Int8(bitPattern: bytes[index])) : Float(bytes[index])
                sum += value * value
            }
        }
        return sum.squareRoot()
    }
}

/// A vector in the form the kernels take: f32 for f32 and f16 rows, the rows' own type for integers and custom
/// distances, filled up with zeros to the length of a row.
@safe
package struct Query: @unchecked Sendable {
    // Sendable because it is immutable, and nobody writes the vector that it points to before the search has ended.

    package let vector: UnsafeRawPointer
    /// Its Euclidean norm; used by cosine over integers.
    package let norm: Float

    @inline(__always)
    package init(vector: UnsafeRawPointer, norm: Float) {
        unsafe self.vector = vector
        self.norm = norm
    }
}
