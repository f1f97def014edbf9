import CKernels

/// Numbers as they stand in files of one type, and which of them it cannot hold.
struct ComponentEncoding {
    let scalar: VectorFileScalar

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
        case .uint8: return unsafe narrow(values, to: out, UInt8.self)
        case .int8: return unsafe narrow(values, to: out, Int8.self)
        case .int32: return unsafe narrow(values, to: out, Int32.self)
        case .uint32: return unsafe narrow(values, to: out, UInt32.self)
        case .int64: return unsafe narrow(values, to: out, Int64.self)
        case .uint64: return unsafe narrow(values, to: out, UInt64.self)
        }
    }

    /// The same for integers and a type of integers.
    func encode(_ values: ArraySlice<Int64>, to out: UnsafeMutableRawPointer) -> Int? {
        switch scalar {
        case .float32, .float16: preconditionFailure("integers go to a type of integers")
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

    private func narrow<Target: FixedWidthInteger>(
        _ values: ArraySlice<Int64>, to out: UnsafeMutableRawPointer, _: Target.Type
    ) -> Int? {
        let out = unsafe out.assumingMemoryBound(to: Target.self)
        for (index, number) in values.enumerated() {
            guard let value = Target(exactly: number) else { return index }
            unsafe out[index] = value.littleEndian
        }
        return nil
    }
}

extension VectorFileScalar {
    /// What to do about a value that does not fit; a clause.
    var advice: String {
        func whole<Target: FixedWidthInteger>(_: Target.Type) -> String {
            "\(name) takes whole numbers from \(Target.min) to \(Target.max); scale the data, or write float32"
        }
        return switch self {
        case .float32: "float32 takes every number"
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
