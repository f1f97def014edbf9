import CKernels

/// The codes of a graph's vectors, one row a slot, and how they are compared. Rows may be written while searches read others.
@safe
package final class CodeColumn: @unchecked Sendable {
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

    package func row(_ slot: UInt32) -> UnsafeMutableRawPointer { unsafe base + Int(slot) * model.rowBytes }

    /// A computer of the distances from `query`, which is in the form that `exact` takes, to codes; to vectors where the codes'
    /// grid says too little of the query. It lives in `scratch` until the next one is made.
    func computer(_ query: Query, _ exact: Distances, _ scratch: SearchScratch) -> DistanceComputer {
        let vector = unsafe components(query, exact, scratch)
        let storage = unsafe scratch.codeQueryStorage(bytes: model.queryBytes)
        let lost = unsafe prepare(vector, storage.assumingMemoryBound(to: cairn_code_query.self))
        guard lost <= greatestQueryLoss else {
            scratch.codeQueryLoss = 0
            return DistanceComputer(query, exact)
        }
        scratch.codeQueryLoss = lost
        return unsafe DistanceComputer(Query(vector: UnsafeRawPointer(storage), norm: 1), distances)
    }

    /// The query as floats, rotated if the codes are.
    private func components(_ query: Query, _ exact: Distances, _ scratch: SearchScratch) -> UnsafePointer<Float> {
        let floats = scratch.codeComponents(2 * model.dimensions)
        let vector = unsafe exact.components(of: query, scratch: floats, count: model.dimensions)
        guard let rotation else { return unsafe vector }
        let rotated = floats.dropFirst(model.dimensions)
        unsafe rotation.apply(vector, to: rotated.base)
        return unsafe UnsafePointer(rotated.base)
    }

    /// The square of what a query may lose: fifty times what rounding its components takes. What loses more lies outside of
    /// the grid, whose border is not where it should be compared from.
    private var greatestQueryLoss: Float {
        let step = 1 / model.scale
        return 4 * Float(model.dimensions) * (step * step)
    }

    /// Brings a vector into the form that the kernels take. Returns the square of what it loses; for products, whose grid is the
    /// query's own, 0.
    private func prepare(_ vector: UnsafePointer<Float>, _ query: UnsafeMutablePointer<cairn_code_query>) -> Float {
        let dimensions = model.dimensions, padding = model.paddedDimensions - dimensions
        let values = unsafe UnsafeMutableRawPointer(query) + MemoryLayout<cairn_code_query>.size
        let bytes = unsafe values.assumingMemoryBound(to: UInt8.self)
        unsafe withUnsafeMutableBytes(of: &query.pointee.levels) { levels in
            for index in 0..<16 { unsafe levels[index] = model.levels[index] }
        }
        if model.isProduct {
            let signed = unsafe values.assumingMemoryBound(to: Int8.self)
            let unit = unsafe cairn_quantize_i8(vector, signed, dimensions)
            var sum: Int32 = 0
            for index in 0..<dimensions { unsafe sum &+= Int32(signed[index]) }
            // A component is low + position / scale. The sum is that of the rounded numbers, as the kernel's is: what rounding
            // takes from the one it takes from the other.
            unsafe query.pointee.offset = 1 - model.low * (unit * Float(sum))
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
            return unsafe loss(vector, bytes)
        }
    }

    /// The square of the difference between components and what their positions stand for.
    private func loss(_ vector: UnsafePointer<Float>, _ positions: UnsafePointer<UInt8>) -> Float {
        let step = 1 / model.scale
        let raw = unsafe UnsafeRawPointer(vector), bytes = unsafe UnsafeRawPointer(positions)
        var sums = SIMD8<Float>(), index = 0
        while index + 8 <= model.dimensions {
            let values = unsafe (raw + 4 * index).loadUnaligned(as: SIMD8<Float>.self)
            let places = unsafe (bytes + index).loadUnaligned(as: SIMD8<UInt8>.self)
            let difference = values - (model.low + SIMD8<Float>(places) * step)
            sums += difference * difference
            index += 8
        }
        var sum = sums.sum()
        while index < model.dimensions {
            let difference = unsafe vector[index] - (model.low + Float(positions[index]) * step)
            sum += difference * difference
            index += 1
        }
        return sum
    }

    // MARK: What a distance by codes says of that by vectors

    /// The least distance that a vector is likely to have, by that of its code.
    struct Bound {
        fileprivate let margin: Float
        fileprivate let isProduct: Bool

        @inline(__always)
        func least(_ distance: Float) -> Float {
            if isProduct { return distance - margin }
            let root = max(distance, 0).squareRoot() - margin
            return root > 0 ? root * root : 0
        }
    }

    /// `queryLoss`: the square of what the query lost.
    func bound(for query: Query, _ exact: Distances, queryLoss: Float = 0) -> Bound {
        let length = model.isProduct ? exact.length(of: query) : 1
        // Rows that lose nothing have no margin; a query between their values has one all the same.
        let margin = model.margin > 0 ? model.margin * length : queryLoss.squareRoot()
        return Bound(margin: margin, isProduct: model.isProduct)
    }
}

extension Graph {
    /// The components of a slot's vector as codes are made of them; in `scratch`, or where the vector is, until the next
    /// call.
    package func codeComponents(_ slot: UInt32, _ scratch: SearchScratch) -> UnsafePointer<Float> {
        let query = distances.query(forRow: slot, expansion: scratch.expansion(distances.dimensions))
        return unsafe distances.components(
            of: query, scratch: scratch.codeComponents(distances.dimensions), count: distances.dimensions)
    }
}
