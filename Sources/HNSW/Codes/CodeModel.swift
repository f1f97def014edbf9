import CKernels

/// How vectors become codes: a grid of equal steps over the range of all components for 8 bits; for 4 bits sixteen of the
/// positions of a coarser grid, chosen so that what is lost on a sample is as little as it can be.
///
/// All components share the grid. Where their scales differ much, which costs most with few bits, vectors are rotated first,
/// which changes no distance (see `CodeRotation`).
package struct CodeModel: Sendable, Hashable {
    /// Bits of a component.
    package enum Kind: UInt8, Sendable {
        case scalar8 = 1
        case scalar4 = 2
    }

    package let kind: Kind
    /// Components of a vector.
    package let dimensions: Int
    /// Inner products are compared, else squared distances.
    package let isProduct: Bool
    /// The value at position 0, and positions a unit.
    package let low: Float
    package let scale: Float
    /// Positions (0...127) of the sixteen levels, ascending; zeros for 8 bits.
    package let levels: [UInt8]
    package let isRotated: Bool
    /// How far the distance by codes may lie above that by vectors: in 199 of 200 pairs of near vectors of the sample it does
    /// not by more. Of square roots for squared distances; for inner products, for a query of length 1.
    package internal(set) var margin: Float
    /// How many places behind the tenth by their vectors the ten nearest of the sample come by their codes: in 19 of 20
    /// queries no more.
    package internal(set) var depth: Int
    /// The mean square that a component of the sample loses.
    package internal(set) var error: Float
    /// Vectors in the store when it was trained.
    package let trainedCount: Int

    package init(
        kind: Kind, dimensions: Int, isProduct: Bool, low: Float, scale: Float, levels: [UInt8], isRotated: Bool,
        margin: Float, depth: Int, error: Float, trainedCount: Int
    ) {
        precondition(levels.count == 16)
        self.kind = kind
        self.dimensions = dimensions
        self.isProduct = isProduct
        self.low = low
        self.scale = scale
        self.levels = levels
        self.isRotated = isRotated
        self.margin = margin
        self.depth = depth
        self.error = error
        self.trainedCount = trainedCount
    }

    /// Codes of a row, those that fill it up included: whole blocks are what the kernels take.
    package var paddedDimensions: Int { Self.paddedDimensions(kind, dimensions) }
    /// Bytes of a row.
    package var rowBytes: Int { Self.rowBytes(kind, dimensions: dimensions) }
    /// Bytes of a query in the kernels' form.
    var queryBytes: Int { MemoryLayout<cairn_code_query>.size + paddedDimensions }

    /// The highest position of the grid.
    var lastPosition: Int { kind == .scalar8 ? 255 : 127 }

    static func paddedDimensions(_ kind: Kind, _ dimensions: Int) -> Int {
        let block = kind == .scalar8 ? 64 : 128
        return (dimensions + block - 1) / block * block
    }

    package static func rowBytes(_ kind: Kind, dimensions: Int) -> Int {
        let padded = paddedDimensions(kind, dimensions)
        return kind == .scalar8 ? padded : padded / 2
    }

    /// The nearest level to each position of the grid.
    package var nearestLevels: [UInt8] {
        (0..<128).map { position in
            let nearest = levels.indices.min {
                abs(Int(levels[$0]) - position) < abs(Int(levels[$1]) - position)
            }
            return UInt8(nearest ?? 0)
        }
    }

    /// The value that a position stands for.
    func value(at position: UInt8) -> Float { low + Float(position) / scale }
}

/// Encodes vectors by a model; it keeps the memory that this takes. One thread at a time.
@safe
package final class CodeEncoder {
    package let model: CodeModel
    private let rotation: CodeRotation?
    private let nearest: [UInt8]
    private let rotated: Memory<Float>
    private let positions: Memory<UInt8>

    package init(_ model: CodeModel) {
        self.model = model
        rotation = model.isRotated ? CodeRotation(dimensions: model.dimensions) : nil
        nearest = model.nearestLevels
        rotated = Memory(model.dimensions)
        positions = Memory(model.paddedDimensions)
    }

    /// Writes the code of a vector of `model.dimensions` components to `row`. Returns the square of what is lost.
    @discardableResult
    package func encode(_ vector: UnsafePointer<Float>, to row: UnsafeMutableRawPointer) -> Float {
        let components = unsafe rotatedComponents(vector), positions = self.positions.buffer
        unsafe cairn_quantize_u8(
            components, positions.base, model.dimensions, model.low, model.scale, Int32(model.lastPosition))
        switch model.kind {
        case .scalar8:
            unsafe row.copyMemory(from: positions.base, byteCount: model.paddedDimensions)
        case .scalar4:
            let bytes = unsafe row.assumingMemoryBound(to: UInt8.self)
            unsafe nearest.withUnsafeBufferPointer {
                unsafe cairn_pack_4(positions.base, $0.baseAddress!, bytes, model.paddedDimensions)
            }
        }
        return unsafe loss(components)
    }

    private func rotatedComponents(_ vector: UnsafePointer<Float>) -> UnsafePointer<Float> {
        guard let rotation else { return unsafe vector }
        unsafe rotation.apply(vector, to: rotated.buffer.base)
        return unsafe UnsafePointer(rotated.buffer.base)
    }

    /// The square of the difference between the components and what their positions stand for.
    private func loss(_ components: UnsafePointer<Float>) -> Float {
        let positions = self.positions.buffer, step = 1 / model.scale
        var sum: Float = 0
        for index in 0..<model.dimensions {
            let position = model.kind == .scalar8 ? positions[index] : model.levels[Int(nearest[Int(positions[index])])]
            let difference = unsafe components[index] - (model.low + Float(position) * step)
            sum += difference * difference
        }
        if sum < .infinity { return sum }
        // A vector that is not a number has no place that it could lose.
        return sum == .infinity ? .greatestFiniteMagnitude : 0
    }
}
