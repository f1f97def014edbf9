package import CKernels

/// A distance that a program brings along: how far apart two rows are. It must be a pure function, safe to call from any
/// thread, and smaller must mean nearer; a result that is not a number counts as infinitely far.
package typealias CustomDistance = @Sendable (_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Float

/// Distances from one vector to many rows of the vector column, by the kernel for the store's metric and scalar that was
/// chosen when the store was opened, or by a custom function.
@safe
package final class Distances: @unchecked Sendable {
    package let kernel: cairn_distances_fn
    package let rows: UnsafePointer<cairn_rows>
    package let scalar: cairn_scalar
    package let metric: cairn_metric
    package let dimensions: Int
    package let custom: CustomDistance?
    private let rowBytes: Int
    private let norms: UnsafeMutablePointer<Float>?

    /// `dimensions` may include the zeros that fill a row up: they add nothing to any metric, and whole 64-byte blocks are
    /// what the kernels are fastest at. A custom distance gets `rowBytes` bytes, the row without them.
    package init(
        columns: Columns, metric: cairn_metric, scalar: cairn_scalar, dimensions: Int, custom: CustomDistance? = nil,
        rowBytes: Int = 0
    ) {
        self.metric = metric
        self.scalar = scalar
        self.dimensions = dimensions
        unsafe self.custom = custom
        self.rowBytes = rowBytes
        unsafe kernel = cairn_distances(metric, scalar, dimensions)!
        unsafe norms = columns.norms
        let rows = UnsafeMutablePointer<cairn_rows>.allocate(capacity: 1)
        unsafe rows.initialize(
            to: cairn_rows(
                base: columns.vectors, stride: columns.vectorStride, dimensions: dimensions,
                norms: columns.norms.map { unsafe UnsafePointer($0) }))
        unsafe self.rows = UnsafePointer(rows)
    }

    deinit { unsafe rows.deallocate() }

    /// Writes the distances from `query` to the rows `ids[0..<count]` to `result`.
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
        let left = unsafe UnsafeRawBufferPointer(start: query.vector, count: rowBytes)
        for index in 0..<count {
            let row = unsafe rows.pointee.base + Int(ids[index]) * rows.pointee.stride
            result[index] = unsafe custom!(left, UnsafeRawBufferPointer(start: row, count: rowBytes))
        }
    }

    /// The row of `slot` in the form of a query. Half-precision rows are expanded into `expansion`; the others are used in
    /// place.
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

/// A vector in the form the kernels take: f32 for f32 and f16 rows, the rows' own type for integers and custom
/// distances, filled up with zeros to the length of a row.
@safe
package struct Query: @unchecked Sendable {
    package let vector: UnsafeRawPointer
    /// Its Euclidean norm; used by cosine over integers.
    package let norm: Float

    @inline(__always)
    package init(vector: UnsafeRawPointer, norm: Float) {
        unsafe self.vector = vector
        self.norm = norm
    }
}
