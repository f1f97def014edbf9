import CKernels

/// How vectors become codes.
///
/// 8 bits: a grid of equal steps over the range of all components. 4 bits: sixteen of the positions of a coarser grid,
/// chosen so that a sample loses as little as it can. Half precision: a floating-point number of 16 bits for each
/// component, which holds data that no grid of equal steps fits.
///
/// All components share the grid. Vectors are centered first where components lie around different values, and rotated
/// where their scales differ much; neither changes a distance (see `CodeRotation`).
package struct CodeModel: Sendable, Hashable {
    /// How a component is kept.
    package enum Kind: UInt8, Sendable, CaseIterable {
        case scalar8 = 1
        case scalar4 = 2
        case half = 3
    }

    package let kind: Kind
    /// Components of a vector.
    package let dimensions: Int
    /// Inner products are compared, else squared distances.
    package let isProduct: Bool
    /// What is taken from the components first; empty: nothing.
    package let center: [Float]
    /// The value at position 0, and positions a unit. Half precision: 0, and what components are multiplied by, a power
    /// of two.
    package let low: Float
    package let scale: Float
    /// Positions (0...127) of the sixteen levels, ascending; zeros for other kinds.
    package let levels: [UInt8]
    package let isRotated: Bool
    /// How far the distance by codes may lie above that by vectors: in 199 of 200 pairs of near vectors of the sample
    /// it does not by more. Of square roots for squared distances; for inner products, for a query of length 1.
    package internal(set) var margin: Float
    /// How many places behind the tenth by their vectors the ten nearest of the sample come by their codes: in 19 of 20
    /// queries no more. It widens walks (`Graph.walkWidth`); where searches turn out to lose something it is raised.
    package internal(set) var depth: Int
    /// The mean square that a component of the sample loses.
    package internal(set) var error: Float
    /// Vectors in the store when it was trained.
    package let trainedCount: Int

    package init(
        kind: Kind, dimensions: Int, isProduct: Bool, center: [Float], low: Float, scale: Float, levels: [UInt8],
        isRotated: Bool, margin: Float, depth: Int, error: Float, trainedCount: Int
    ) {
        precondition(levels.count == 16 && (center.isEmpty || center.count == dimensions))
        self.kind = kind
        self.dimensions = dimensions
        self.isProduct = isProduct
        self.center = center
        self.low = low
        self.scale = scale
        self.levels = levels
        self.isRotated = isRotated
        self.margin = margin
        self.depth = depth
        self.error = error
        self.trainedCount = trainedCount
    }

    /// A model of these codes by which walks look further: to `depth`.
    package func deepened(to depth: Int) -> CodeModel {
        var model = self
        model.depth = depth
        return model
    }

    /// Codes of a row, those that fill it up included: whole blocks are what the kernels take.
    package var paddedDimensions: Int { Self.paddedDimensions(kind, dimensions) }
    /// Bytes of a row.
    package var rowBytes: Int { Self.rowBytes(kind, dimensions: dimensions) }
    /// Bytes of a query in the kernels' form.
    var queryBytes: Int {
        kind == .half ? 4 * paddedDimensions : MemoryLayout<cairn_code_query>.size + paddedDimensions
    }

    /// Whether insertions look for neighbours by these codes. Where they put the nearest far out of their order a graph
    /// would be another one, and not as good a one, as by the vectors; half precision saves insertions too little to be
    /// worth it.
    package var guidesInsertion: Bool { kind != .half && depth <= Self.greatestGuidingDepth }
    private static let greatestGuidingDepth = 10

    /// The highest position of the grid.
    var lastPosition: Int { kind == .scalar8 ? 255 : 127 }

    static func paddedDimensions(_ kind: Kind, _ dimensions: Int) -> Int {
        let block =
            switch kind {
            case .scalar8: 64
            case .scalar4: 128
            case .half: 32
            }
        return (dimensions + block - 1) / block * block
    }

    package static func rowBytes(_ kind: Kind, dimensions: Int) -> Int {
        let padded = paddedDimensions(kind, dimensions)
        return switch kind {
        case .scalar8: padded
        case .scalar4: padded / 2
        case .half: 2 * padded
        }
    }

    /// What a distance between a query and a code is multiplied by to be one between vectors.
    var distanceUnit: Float {
        guard kind == .half && !isProduct else { return 1 }
        let step = 1 / scale
        return step * step
    }

    /// The largest magnitude of a half-precision number.
    static let largestHalf: Float = 65_504

    /// The square of how far beyond the grid's border a vector may lie: as much as rounding its components takes, or a
    /// quarter of what rows lose. From what lies farther the border is not where it should be compared from.
    var greatestReach: Float {
        let step = 1 / scale
        return Float(dimensions) * max(step * step / 12, error / 4)
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

    /// The value that a position stands for, before the center is added.
    func value(at position: UInt8) -> Float { low + Float(position) / scale }
}
