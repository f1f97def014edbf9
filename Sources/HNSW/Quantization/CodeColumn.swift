import CKernels

/// The codes of a graph's vectors, one row a slot, and how they are compared. Rows may be written while searches read
/// others.
@safe
package final class CodeColumn: @unchecked Sendable {
    // Sendable because it is immutable after init, and rows are written only of slots that no search returns.

    package let model: CodeModel
    /// Where slot 0's row is.
    package let base: UnsafeMutableRawPointer
    private let distances: Distances
    private let rotation: CodeRotation?
    /// Whatever keeps the rows' memory.
    private let owner: AnyObject

    /// `base`: rows of `model.rowBytes` bytes, for as long as `owner` lives.
    package init(_ model: CodeModel, base: UnsafeMutableRawPointer, owner: AnyObject) {
        self.model = model
        self.owner = owner
        unsafe self.base = base
        rotation = model.isRotated ? CodeRotation(dimensions: model.dimensions) : nil
        unsafe distances = Distances(codes: base, model)
    }

    /// A column of these rows by which walks look further: to `depth`.
    package func deepened(to depth: Int) -> CodeColumn {
        unsafe CodeColumn(model.deepened(to: depth), base: base, owner: owner)
    }

    package func row(_ slot: UInt32) -> UnsafeMutableRawPointer { unsafe base + Int(slot) * model.rowBytes }

    /// A computer of the distances from `query`, which is in the form that `exact` takes, to codes; to vectors where
    /// the codes' grid says too little of the query. It lives in `scratch` until the next one is made.
    func computer(_ query: Query, _ exact: Distances, _ scratch: SearchScratch) -> DistanceComputer {
        let (vector, centerProduct) = unsafe components(query, exact, scratch)
        let storage = unsafe scratch.codeQueryStorage(bytes: model.queryBytes)
        let lost =
            model.kind == .half
            ? unsafe prepareHalf(vector, storage.assumingMemoryBound(to: Float.self))
            : unsafe prepare(vector, centerProduct, storage.assumingMemoryBound(to: cairn_code_query.self))
        guard let lost else {
            scratch.walksByCodes = false
            return DistanceComputer(query, exact)
        }
        scratch.walksByCodes = true
        scratch.codeQueryLoss = lost
        return unsafe DistanceComputer(Query(vector: UnsafeRawPointer(storage), norm: 1), distances)
    }

    /// The query as floats: less the center, or for products with its product with that, which is the same for all
    /// rows; rotated if the codes are.
    private func components(
        _ query: Query, _ exact: Distances, _ scratch: SearchScratch
    ) -> (vector: UnsafePointer<Float>, centerProduct: Float) {
        let dimensions = model.dimensions, floats = scratch.codeComponents(2 * dimensions)
        var vector = unsafe exact.components(of: query, scratch: floats, count: dimensions), product: Float = 0
        if !model.center.isEmpty {
            unsafe model.center.withUnsafeBufferPointer { center in
                if model.isProduct {
                    product = unsafe Self.product(vector, center.baseAddress!, dimensions)
                } else {
                    for index in 0..<dimensions { floats[index] = unsafe vector[index] - center[index] }
                    unsafe vector = UnsafePointer(floats.base)
                }
            }
        }
        guard let rotation else { return unsafe (vector, product) }
        let rotated = floats.dropFirst(dimensions)
        unsafe rotation.apply(vector, to: rotated.base)
        return unsafe (UnsafePointer(rotated.base), product)
    }

    /// The inner product of two vectors.
    private static func product(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int) -> Float {
        let first = unsafe UnsafeRawPointer(a), second = unsafe UnsafeRawPointer(b)
        var sums = SIMD8<Float>(), index = 0
        while index + 8 <= count {
            let left = unsafe (first + 4 * index).loadUnaligned(as: SIMD8<Float>.self)
            let right = unsafe (second + 4 * index).loadUnaligned(as: SIMD8<Float>.self)
            sums += left * right
            index += 8
        }
        var sum = sums.sum()
        while index < count {
            sum += unsafe a[index] * b[index]
            index += 1
        }
        return sum
    }

    /// Brings a vector into the form that the kernels of half-precision rows take. Returns what it loses: nothing, or
    /// nil if rows do not reach where it is.
    private func prepareHalf(_ vector: UnsafePointer<Float>, _ query: UnsafeMutablePointer<Float>) -> Float? {
        let dimensions = model.dimensions, factor = model.isProduct ? 1 / model.scale : model.scale
        var largest: Float = 0
        for index in 0..<dimensions {
            let value = unsafe vector[index] * factor
            unsafe query[index] = value
            largest = max(largest, abs(value))
        }
        unsafe (query + dimensions).update(repeating: 0, count: model.paddedDimensions - dimensions)
        guard model.isProduct ? largest < .infinity : largest <= CodeModel.largestHalf else { return nil }
        return 0
    }

    /// Brings a vector into the form that the kernels take. Returns the square of what it loses, nil if that is too
    /// much; for products, whose grid is the query's own, 0.
    private func prepare(
        _ vector: UnsafePointer<Float>, _ centerProduct: Float, _ query: UnsafeMutablePointer<cairn_code_query>
    ) -> Float? {
        let dimensions = model.dimensions, padding = model.paddedDimensions - dimensions
        let values = unsafe UnsafeMutableRawPointer(query) + MemoryLayout<cairn_code_query>.size
        let bytes = unsafe values.assumingMemoryBound(to: UInt8.self)
        unsafe withUnsafeMutableBytes(of: &query.pointee.levels) { levels in unsafe levels.copyBytes(from: model.levels)
        }
        if model.isProduct {
            let signed = unsafe values.assumingMemoryBound(to: Int8.self)
            let unit = unsafe cairn_quantize_i8(vector, signed, dimensions)
            var sum: Int32 = 0
            for index in 0..<dimensions { unsafe sum &+= Int32(signed[index]) }
            // A component is low + position / scale. The sum is that of the rounded numbers, as the kernel's is: what
            // rounding takes from the one it takes from the other.
            unsafe query.pointee.offset = -model.low * (unit * Float(sum)) - centerProduct
            unsafe query.pointee.scale = -unit / model.scale
            unsafe (bytes + dimensions).update(repeating: 0, count: padding)
            return 0
        } else {
            unsafe cairn_quantize_u8(
                vector, bytes, dimensions, model.low, model.scale, Int32(model.lastPosition))
            unsafe query.pointee.offset = 0
            // The square of the scale may be too large or too small for a float where that of a step is not.
            let step = 1 / model.scale
            unsafe query.pointee.scale = min(step * step, .greatestFiniteMagnitude)
            let fill = model.kind == .scalar4 ? model.levels[0] : 0
            unsafe (bytes + dimensions).update(repeating: fill, count: padding)
            let high = model.value(at: UInt8(model.lastPosition))
            var beyond: Float = 0
            let lost = unsafe cairn_grid_loss(vector, bytes, dimensions, model.low, step, high, &beyond)
            return beyond <= model.greatestReach ? lost : nil
        }
    }

    // MARK: What a distance by codes says of that by vectors

    /// The least distance that a vector is likely to have, by that of its code.
    struct Bound {
        fileprivate let margin: Float
        fileprivate let unit: Float
        fileprivate let isProduct: Bool

        @inline(__always)
        func least(_ distance: Float) -> Float {
            if isProduct { return distance - margin }
            let root = max(distance * unit, 0).squareRoot() - margin
            return root > 0 ? root * root : 0
        }

        /// For distances that are the vectors' already.
        static func exact(isProduct: Bool) -> Bound { Bound(margin: 0, unit: 1, isProduct: isProduct) }
    }

    /// `queryLoss`: the square of what the query lost; `share`: of the margin.
    func bound(for query: Query, _ exact: Distances, queryLoss: Float = 0, share: Float = 1) -> Bound {
        let length = model.isProduct ? exact.length(of: query) : 1
        // Rows that lose nothing have no margin; a query between their values has one all the same.
        let margin = model.margin > 0 ? model.margin * length * share : queryLoss.squareRoot()
        return Bound(margin: margin, unit: model.distanceUnit, isProduct: model.isProduct)
    }

    /// The least distances for the search that `scratch` belongs to: the distances themselves if its walk went by
    /// vectors. `share`: of the margin.
    func bound(for query: Query, _ exact: Distances, _ scratch: SearchScratch, share: Float = 1) -> Bound {
        scratch.walksByCodes
            ? bound(for: query, exact, queryLoss: scratch.codeQueryLoss, share: share)
            : .exact(isProduct: model.isProduct)
    }
}

extension Graph {
    /// The components of a slot's vector as codes are made of them; in `scratch`, or where the vector is, until the
    /// next call.
    package func codeComponents(_ slot: UInt32, _ scratch: SearchScratch) -> UnsafePointer<Float> {
        let query = distances.query(forRow: slot, expansion: scratch.expansion(distances.dimensions))
        return unsafe distances.components(
            of: query, scratch: scratch.codeComponents(distances.dimensions), count: distances.dimensions)
    }
}
