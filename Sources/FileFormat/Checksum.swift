import CKernels

/// CRC32C (Castagnoli), the only checksum of the format.
package enum Checksum {
    /// The checksum of `bytes`, continuing from `seed` (0 to begin).
    package static func crc32c(_ bytes: UnsafeRawBufferPointer, seed: UInt32 = 0) -> UInt32 {
        unsafe cairn_crc32c(seed, bytes.baseAddress, bytes.count)
    }

    /// The checksum of the first `count` bytes of an array.
    package static func crc32c(_ bytes: [UInt8], prefix count: Int) -> UInt32 {
        unsafe bytes.withUnsafeBytes { unsafe crc32c(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }
}
