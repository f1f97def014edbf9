import CKernels
import TestSupport
import Testing

@Suite struct ChecksumTests {
    @Test func `known values`() {
        for (bytes, expected) in [
            ([], 0),
            (Array("123456789".utf8), 0xE306_9283),
            ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
            ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
            (Array(0..<32), 0x46DD_794E),
        ] as [([UInt8], UInt32)] {
            #expect(checksum(bytes) == expected)
            #expect(portableChecksum(bytes) == expected)
            #expect(bitwiseChecksum(bytes[...]) == expected)
        }
    }

    /// Up to 5,000 bytes is past one round of each kind of the three-stream loops.
    @Test func `every length, at every alignment`() {
        let bytes = randomBytes(5000)
        let memory = GuardedMemory(capacity: bytes.count + 64)
        // The register after each prefix, without the last inversion.
        var expected: [UInt32] = [0xFFFF_FFFF]
        for byte in bytes { expected.append(advanced(expected[expected.count - 1], byte)) }
        for length in 0...5000 {
            let start = unsafe memory.place(Array(bytes[..<length]), gap: length % 17)
            #expect(unsafe cairn_crc32c(0, start, length) == ~expected[length], "\(length) bytes")
            #expect(unsafe cairn_crc32c_portable(0, start, length) == ~expected[length], "\(length) bytes, portable")
        }
    }

    @Test func `in two parts anywhere`() {
        let bytes = randomBytes(4600)
        let whole = bitwiseChecksum(bytes[...])
        for split in Array(0...70) + Array(stride(from: 71, through: 4600, by: 37)) {
            let (head, tail) = (Array(bytes[..<split]), Array(bytes[split...]))
            #expect(checksum(tail, after: checksum(head)) == whole, "\(split)")
            #expect(portableChecksum(tail, after: portableChecksum(head)) == whole, "\(split)")
        }
    }

    @Test func `a megabyte`() {
        let bytes = randomBytes(1 << 20)
        #expect(checksum(bytes) == portableChecksum(bytes))
    }

    private func randomBytes(_ count: Int) -> [UInt8] {
        var random = SeededGenerator(seed: 9)
        return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    private func checksum(_ bytes: [UInt8], after crc: UInt32 = 0) -> UInt32 {
        unsafe bytes.withUnsafeBytes { unsafe cairn_crc32c(crc, $0.baseAddress, $0.count) }
    }

    private func portableChecksum(_ bytes: [UInt8], after crc: UInt32 = 0) -> UInt32 {
        unsafe bytes.withUnsafeBytes { unsafe cairn_crc32c_portable(crc, $0.baseAddress, $0.count) }
    }

    /// One bit at a time, straight from the polynomial.
    private func bitwiseChecksum(_ bytes: ArraySlice<UInt8>) -> UInt32 { ~bytes.reduce(0xFFFF_FFFF, advanced) }

    private func advanced(_ register: UInt32, _ byte: UInt8) -> UInt32 {
        var register = register ^ UInt32(byte)
        for _ in 0..<8 { register = register >> 1 ^ (register & 1 == 0 ? 0 : 0x82F6_3B78) }
        return register
    }
}
