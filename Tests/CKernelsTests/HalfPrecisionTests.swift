import CKernels
import Testing

@Suite struct HalfPrecisionTests {
    @Test func `all halves become the floats they stand for, and come back`() {
        let halves = [UInt16](0...UInt16.max)
        let floats = widened(halves)
        let back = narrowed(floats)
        for (index, half) in halves.enumerated() {
            let exact = halfValue(half)
            if exact.isNaN {
                #expect(floats[index].isNaN && back[index] == half | 0x0200, "\(half)")
            } else {
                let same = Double(floats[index]) == exact && floats[index].sign == exact.sign
                #expect(same && back[index] == half, "\(half)")
            }
        }
    }

    /// Between neighbouring halves, the middle goes to the one with an even last bit, and what is beside it to the
    /// nearer: all the way from zero through the subnormals to infinity.
    @Test func `rounding to nearest, ties to even`() {
        var floats: [Float] = []
        var expected: [UInt16] = []
        for low in UInt16(0)..<0x7C00 {
            // What would be after the largest half, were there no infinity, is where overflow starts to be nearer.
            let above = low == 0x7BFF ? 65536 : halfValue(low + 1)
            let middle = Float((halfValue(low) + above) / 2)
            floats += [middle.nextDown, middle, middle.nextUp]
            expected += [low, low & 1 == 0 ? low : low + 1, low + 1]
        }
        #expect(narrowed(floats) == expected)
        #expect(narrowed(floats.map { -$0 }) == expected.map { $0 | 0x8000 })
    }

    @Test func `overflow, tiny numbers and NaN`() {
        let largest = Float.greatestFiniteMagnitude
        #expect(
            narrowed([65520, 1e6, largest, .infinity, -65520, -largest, -.infinity])
                == [0x7C00, 0x7C00, 0x7C00, 0x7C00, 0xFC00, 0xFC00, 0xFC00])
        #expect(
            narrowed([0x1p-25, (0x1p-25 as Float).nextUp, 0x1p-40, .leastNonzeroMagnitude, -0.0, -0x1p-30])
                == [0, 1, 0, 0, 0x8000, 0x8000])
        for bits: UInt32 in [0x7F80_0001, 0x7FC0_0000, 0x7FFF_FFFF, 0xFF80_0001, 0x7FA5_A5A5] {
            let half = narrowed([Float(bitPattern: bits)])[0]
            #expect(half & 0x7C00 == 0x7C00 && half & 0x0200 != 0 && UInt32(half >> 15) == bits >> 31)
        }
    }

    @Test func `any number of them, and none beside`() {
        for count in 0...70 {
            var halves = [UInt16](repeating: 0x5555, count: count + 4)
            var floats = [Float](repeating: 7, count: count + 4)
            let ones = [UInt16](repeating: 0x3C00, count: count)
            unsafe ones.withUnsafeBufferPointer { from in
                unsafe floats.withUnsafeMutableBufferPointer { to in
                    unsafe cairn_f16_to_f32(from.baseAddress, to.baseAddress, count)
                }
            }
            #expect(floats == [Float](repeating: 1, count: count) + [7, 7, 7, 7])
            unsafe floats.withUnsafeBufferPointer { from in
                unsafe halves.withUnsafeMutableBufferPointer { to in
                    unsafe cairn_f32_to_f16(from.baseAddress, to.baseAddress, count)
                }
            }
            #expect(halves == ones + [0x5555, 0x5555, 0x5555, 0x5555])
        }
    }

    private func widened(_ halves: [UInt16]) -> [Float] {
        unsafe [Float](unsafeUninitializedCapacity: halves.count) { to, count in
            unsafe cairn_f16_to_f32(halves, to.baseAddress, halves.count)
            count = halves.count
        }
    }

    private func narrowed(_ floats: [Float]) -> [UInt16] {
        unsafe [UInt16](unsafeUninitializedCapacity: floats.count) { to, count in
            unsafe cairn_f32_to_f16(floats, to.baseAddress, floats.count)
            count = floats.count
        }
    }
}
