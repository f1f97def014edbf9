/// What a length means that Chroma keeps next to a vector.
package enum ChromaLength {
    /// What a stored row is multiplied by to be the vector that was given. Chroma keeps lengths of vectors that it
    /// normalised, for cosine; in the indexes of other metrics the place holds whatever memory held. So a length counts
    /// only where the row has the length 1 itself: nil where it does not, or the length is none.
    package static func scale(_ length: Float, row: UnsafePointer<Float>, dimensions: Int) -> Float? {
        let square = unsafe squaredLength(row, dimensions)
        guard abs(square - 1) <= 1e-3, length.isFinite, length > 0 else { return nil }
        return length
    }

    /// Eight sums side by side, which the CPU adds at once.
    package static func squaredLength(_ row: UnsafePointer<Float>, _ dimensions: Int) -> Float {
        var sums = SIMD8<Float>()
        var index = 0
        while index + 8 <= dimensions {
            let values = unsafe UnsafeRawPointer(row + index).loadUnaligned(as: SIMD8<Float>.self)
            sums += values * values
            index += 8
        }
        var rest: Float = 0
        while index < dimensions {
            unsafe rest += row[index] * row[index]
            index += 1
        }
        return sums.sum() + rest
    }
}
