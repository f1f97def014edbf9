import CKernels

/// Numbers as they are in files of one type, and which of them it cannot hold.
package struct ComponentEncoding: Sendable {
    let scalar: VectorFileScalar

    package init(scalar: VectorFileScalar) { self.scalar = scalar }

    /// The values as floats; `values` must be aligned for the type, and `out` have room for all of them. Those that are
    /// not floats are rounded to the nearest: f64, and integers of more than 24 bits.
    package func decode(_ values: UnsafeRawPointer, _ count: Int, to out: UnsafeMutablePointer<Float>) {
        switch scalar {
        case .float32: unsafe UnsafeMutableRawPointer(out).copyMemory(from: values, byteCount: count * 4)
        case .float16: unsafe cairn_f16_to_f32(values.bindMemory(to: UInt16.self, capacity: count), out, count)
        case .float64: unsafe convert(values, count, to: out) { (value: Double) in Float(value) }
        case .uint8: unsafe convert(values, count, to: out) { (value: UInt8) in Float(value) }
        case .int8: unsafe convert(values, count, to: out) { (value: Int8) in Float(value) }
        case .int32: unsafe convert(values, count, to: out) { (value: Int32) in Float(value) }
        case .uint32: unsafe convert(values, count, to: out) { (value: UInt32) in Float(value) }
        case .int64: unsafe convert(values, count, to: out) { (value: Int64) in Float(value) }
        case .uint64: unsafe convert(values, count, to: out) { (value: UInt64) in Float(value) }
        }
    }

    /// The place of the first value that a float cannot hold: one of f64 that is finite and would become infinite. nil
    /// if there is none.
    func firstOverflow(_ values: UnsafeRawPointer, _ count: Int) -> Int? {
        guard scalar == .float64 else { return nil }
        let values = unsafe values.assumingMemoryBound(to: Double.self)
        return (0..<count).first { index in unsafe values[index].isFinite && !Float(values[index]).isFinite }
    }

    /// Encodes values up to the first that the type cannot hold, and returns its place; nil if there is none. `out` has
    /// room for all of them and is aligned for the type.
    func encode(_ values: UnsafeBufferPointer<Float>, to out: UnsafeMutableRawPointer) -> Int? {
        switch scalar {
        case .float32:
            guard let start = values.baseAddress else { return nil }
            unsafe out.copyMemory(from: start, byteCount: values.count * 4)
            return nil
        case .float16:
            guard let start = values.baseAddress else { return nil }
            unsafe cairn_f32_to_f16(start, out.assumingMemoryBound(to: UInt16.self), values.count)
            // From here on the nearest half is infinite; what was infinite stays so.
            return unsafe values.firstIndex { $0.magnitude >= 65_520 && $0.isFinite }
        case .float64:
            guard let start = values.baseAddress else { return nil }
            let out = unsafe out.assumingMemoryBound(to: Double.self)
            for index in 0..<values.count { unsafe out[index] = Double(start[index]) }
            return nil
        case .uint8: return unsafe narrow(values, to: out, UInt8.self)
        case .int8: return unsafe narrow(values, to: out, Int8.self)
        case .int32: return unsafe narrow(values, to: out, Int32.self)
        case .uint32: return unsafe narrow(values, to: out, UInt32.self)
        case .int64: return unsafe narrow(values, to: out, Int64.self)
        case .uint64: return unsafe narrow(values, to: out, UInt64.self)
        }
    }

    /// The same for integers and a type of integers.
    func encode<Value: FixedWidthInteger>(_ values: ArraySlice<Value>, to out: UnsafeMutableRawPointer) -> Int? {
        switch scalar {
        case .float32, .float16, .float64: preconditionFailure("integers go to a type of integers")
        case .uint8: return unsafe narrow(values, to: out, UInt8.self)
        case .int8: return unsafe narrow(values, to: out, Int8.self)
        case .int32: return unsafe narrow(values, to: out, Int32.self)
        case .uint32: return unsafe narrow(values, to: out, UInt32.self)
        case .int64: return unsafe narrow(values, to: out, Int64.self)
        case .uint64: return unsafe narrow(values, to: out, UInt64.self)
        }
    }

    private func narrow<Target: FixedWidthInteger>(
        _ values: UnsafeBufferPointer<Float>, to out: UnsafeMutableRawPointer, _: Target.Type
    ) -> Int? {
        let out = unsafe out.assumingMemoryBound(to: Target.self)
        for index in values.indices {
            guard let value = unsafe Target(exactly: values[index]) else { return index }
            unsafe out[index] = value.littleEndian
        }
        return nil
    }

    private func narrow<Value: FixedWidthInteger, Target: FixedWidthInteger>(
        _ values: ArraySlice<Value>, to out: UnsafeMutableRawPointer, _: Target.Type
    ) -> Int? {
        let out = unsafe out.assumingMemoryBound(to: Target.self)
        for (index, number) in values.enumerated() {
            guard let value = Target(exactly: number) else { return index }
            unsafe out[index] = value.littleEndian
        }
        return nil
    }
}

/// Kept a closure so that each type gets its own loop with its own conversion, which the compiler vectorises.
@inline(__always)
private func convert<Source: BitwiseCopyable>(
    _ values: UnsafeRawPointer, _ count: Int, to out: UnsafeMutablePointer<Float>, _ conversion: (Source) -> Float
) {
    let values = unsafe values.bindMemory(to: Source.self, capacity: count)
    for i in 0..<count { unsafe out[i] = conversion(values[i]) }
}

extension VectorFileScalar {
    /// What to do about a value that does not fit; a clause.
    var advice: String {
        func whole<Target: FixedWidthInteger>(_: Target.Type) -> String {
            "\(name) takes whole numbers from \(Target.min) to \(Target.max); scale the data, or write float32"
        }
        return switch self {
        case .float32, .float64: "\(name) takes every number"
        case .float16: "beyond half precision, 65504; scale the data, or write float32"
        case .uint8: whole(UInt8.self)
        case .int8: whole(Int8.self)
        case .int32: whole(Int32.self)
        case .uint32: whole(UInt32.self)
        case .int64: whole(Int64.self)
        case .uint64: whole(UInt64.self)
        }
    }
}
