/// Little-endian integers in raw memory, at any address: for what is too hot or too large for byte arrays.
extension UnsafeRawBufferPointer {
    /// The integer whose bytes begin at `offset`, least significant first. Traps past the end.
    package func littleEndian<T: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as type: T.Type = T.self) -> T {
        T(littleEndian: unsafe loadUnaligned(fromByteOffset: offset, as: T.self))
    }
}

extension UnsafeMutableRawPointer {
    /// Stores `value`, least significant byte first.
    @inline(__always)
    package func storeLittleEndian<T: FixedWidthInteger & BitwiseCopyable>(_ value: T) {
        unsafe storeBytes(of: value.littleEndian, as: T.self)
    }
}
