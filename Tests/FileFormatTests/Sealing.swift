import FileFormat

/// CRC32C bit by bit, as FORMAT.md defines it: independent of the code under test.
func referenceChecksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var crc: UInt32 = 0xFFFF_FFFF
    for byte in bytes {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 1 ? 0x82F6_3B78 : 0) }
    }
    return ~crc
}

/// `sector` with `values` written over it from `offset` on and its checksum made right again: what a hostile or newer
/// program could have written.
func resealed(_ sector: [UInt8], _ offset: Int, _ values: [UInt8]) -> [UInt8] {
    var bytes = sector
    bytes.replaceSubrange(offset..<(offset + values.count), with: values)
    bytes.replaceSubrange(508..<512, with: littleEndian(referenceChecksum(bytes[..<508])))
    return bytes
}

func littleEndian(_ number: some FixedWidthInteger) -> [UInt8] {
    (0..<number.bitWidth / 8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
}

/// `sector` with each of its bits flipped, one at a time.
func singleBitFlips(_ sector: [UInt8]) -> some Sequence<[UInt8]> {
    (0..<sector.count * 8).lazy.map { bit in
        var bytes = sector
        bytes[bit / 8] ^= 1 << (bit % 8)
        return bytes
    }
}
