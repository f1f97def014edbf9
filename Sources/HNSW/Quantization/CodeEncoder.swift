package import Allocation
import CKernels

/// Encodes vectors by a model; it keeps the memory that this takes. One thread at a time.
@safe
package final class CodeEncoder {
    package let model: CodeModel
    private let rotation: CodeRotation?
    private let nearest: [UInt8]
    private let centered: Memory<Float>
    private let rotated: Memory<Float>
    private let positions: Memory<UInt8>
    private let halves: Memory<UInt16>

    /// What became of a vector.
    package struct Encoded {
        /// The square of the difference between the vector and what its code stands for.
        package let loss: Float
        /// The grid does not reach it. Its code is that of another place, and a search from it goes by vectors.
        package let isBeyondGrid: Bool
    }

    package init(_ model: CodeModel) throws(OutOfMemory) {
        self.model = model
        rotation = model.isRotated ? CodeRotation(dimensions: model.dimensions) : nil
        nearest = model.nearestLevels
        centered = try Memory(model.dimensions)
        rotated = try Memory(model.paddedDimensions)
        positions = try Memory(model.kind == .half ? 1 : model.paddedDimensions)
        halves = try Memory(model.kind == .half ? model.paddedDimensions : 1)
    }

    /// Writes the code of a vector of `model.dimensions` components to `row`.
    @discardableResult
    package func encode(_ vector: UnsafePointer<Float>, to row: UnsafeMutableRawPointer) -> Encoded {
        let components = unsafe transformed(vector)
        if model.kind == .half { return unsafe encodeHalves(components, to: row) }
        let positions = self.positions.buffer
        unsafe cairn_quantize_u8(
            components, positions.base, model.dimensions, model.low, model.scale, Int32(model.lastPosition))
        if model.kind == .scalar8 {
            unsafe row.copyMemory(from: positions.base, byteCount: model.paddedDimensions)
        } else {
            let bytes = unsafe row.assumingMemoryBound(to: UInt8.self)
            unsafe nearest.withUnsafeBufferPointer {
                unsafe cairn_pack_4(positions.base, $0.baseAddress!, bytes, model.paddedDimensions)
            }
        }
        return unsafe loss(components)
    }

    /// The components less the center, rotated.
    private func transformed(_ vector: UnsafePointer<Float>) -> UnsafePointer<Float> {
        var components = unsafe vector
        if !model.center.isEmpty {
            for index in 0..<model.dimensions {
                centered.buffer[index] = unsafe vector[index] - model.center[index]
            }
            unsafe components = UnsafePointer(centered.buffer.base)
        }
        guard let rotation else { return unsafe components }
        unsafe rotation.apply(components, to: rotated.buffer.base)
        return unsafe UnsafePointer(rotated.buffer.base)
    }

    /// Half precision: components times the scale, rounded; what is too large for it becomes the largest there is.
    private func encodeHalves(_ components: UnsafePointer<Float>, to row: UnsafeMutableRawPointer) -> Encoded {
        let scaled = rotated.buffer, dimensions = model.dimensions, padded = model.paddedDimensions
        var isBeyond = false
        for index in 0..<dimensions {
            let value = unsafe components[index] * model.scale, limited = CodeModel.clampedToHalf(value)
            // Not for what is no number, which has no place that it could lose.
            if limited != value && value == value { isBeyond = true }
            scaled[index] = limited
        }
        for index in dimensions..<padded { scaled[index] = 0 }
        unsafe cairn_f32_to_f16(scaled.base, halves.buffer.base, padded)
        unsafe row.copyMemory(from: halves.buffer.base, byteCount: 2 * padded)
        unsafe cairn_f16_to_f32(halves.buffer.base, scaled.base, dimensions)
        // The scaled components are gone; the differences are of those that were given.
        let step = 1 / model.scale
        var sum: Float = 0
        for index in 0..<dimensions {
            let difference = unsafe components[index] - scaled[index] * step
            sum += difference * difference
        }
        return Encoded(loss: Self.finite(sum), isBeyondGrid: isBeyond)
    }

    /// The square of the difference between the components and what their positions stand for.
    private func loss(_ components: UnsafePointer<Float>) -> Encoded {
        let positions = self.positions.buffer, high = model.value(at: UInt8(model.lastPosition))
        if model.kind == .scalar4 {
            for index in 0..<model.dimensions {
                positions[index] = model.levels[Int(nearest[Int(positions[index])])]
            }
        }
        var outside: Float = 0
        let sum = unsafe cairn_grid_loss(
            components, positions.base, model.dimensions, model.low, 1 / model.scale, high, &outside)
        return Encoded(loss: Self.finite(sum), isBeyondGrid: outside > model.greatestReach)
    }

    private static func finite(_ sum: Float) -> Float {
        if sum < .infinity { return sum }
        // A vector that is not a number has no place that it could lose.
        return sum == .infinity ? .greatestFiniteMagnitude : 0
    }
}

extension CodeModel {
    /// A number that half precision holds; 0 for what is none.
    static func clampedToHalf(_ value: Float) -> Float {
        value == value ? min(max(value, -largestHalf), largestHalf) : 0
    }
}
