/// Little-endian integers at explicit offsets of a byte array: every structure of the format is read and written
/// through these, never by binding a Swift struct to bytes. Offsets are constants of the format, so a wrong one is a
/// bug and traps. Inlinable, or other modules would call them without knowing the type.
extension [UInt8] {
    /// The integer whose bytes begin at `offset`, least significant first.
    @inlinable
    package func integer<T: FixedWidthInteger & UnsignedInteger>(at offset: Int, as type: T.Type = T.self) -> T {
        var value: T = 0
        for index in 0..<(T.bitWidth / 8) {
            value |= T(self[offset + index]) << T(8 * index)
        }
        return value
    }

    /// Stores `value` from `offset` on, least significant byte first.
    @inlinable
    package mutating func store<T: FixedWidthInteger & UnsignedInteger>(_ value: T, at offset: Int) {
        for index in 0..<(T.bitWidth / 8) {
            self[offset + index] = UInt8(truncatingIfNeeded: value >> T(8 * index))
        }
    }

    /// Stores `bytes` from `offset` on.
    @inlinable
    package mutating func store(_ bytes: some Collection<UInt8>, at offset: Int) {
        replaceSubrange(offset..<(offset + bytes.count), with: bytes)
    }
}

/// `value` rounded up to a multiple of `unit`.
package func roundUp(_ value: Int, to unit: Int) -> Int {
    (value + unit - 1) / unit * unit
}
