import CKernels
import TestSupport
import Testing

@Suite struct QuantizationTests {
    static let special: [Float] = [
        0, -0.0, 0.5, 1.5, 2.5, -0.5, 126.5, 127.5, 254.5, 255.5, 255, 256, 1e9, -1e9, 0x1p23, 0x1p24, 0x1p31, 0x1p63,
        .infinity, -.infinity, .nan, -.nan, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, .leastNonzeroMagnitude,
        -.leastNonzeroMagnitude, .leastNormalMagnitude, 0.49999997, 0.50000006,
    ]

    /// Floats of all exponents.
    static func anyFloats(_ n: Int, _ random: inout SeededGenerator) -> [Float] {
        (0..<n).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: random.next())) }
    }

    static func quantizedU8(_ from: [Float], low: Float, scale: Float, maximum: Int32) -> [UInt8] {
        let source = GuardedMemory(capacity: 4 * from.count)
        let target = GuardedMemory(capacity: from.count + 1)
        let start = unsafe source.place(littleEndianBytes(from.map(\.bitPattern))).assumingMemoryBound(to: Float.self)
        let to = unsafe (target.end - from.count).assumingMemoryBound(to: UInt8.self)
        unsafe cairn_quantize_u8(start, to, from.count, low, scale, maximum)
        #expect(unsafe to[-1] == 0)
        return unsafe Array(UnsafeBufferPointer(start: to, count: from.count))
    }

    static func quantizedI8(_ from: [Float]) -> (unit: Float, values: [Int8]) {
        let source = GuardedMemory(capacity: 4 * from.count)
        let target = GuardedMemory(capacity: from.count + 1)
        let start = unsafe source.place(littleEndianBytes(from.map(\.bitPattern))).assumingMemoryBound(to: Float.self)
        let to = unsafe (target.end - from.count).assumingMemoryBound(to: Int8.self)
        let unit = unsafe cairn_quantize_i8(start, to, from.count)
        #expect(unsafe to[-1] == 0)
        return unsafe (unit, Array(UnsafeBufferPointer(start: to, count: from.count)))
    }

    @Test func `positions on a grid`() {
        var random = SeededGenerator(seed: 1)
        let parameters: [(Float, Float, Int32)] = [
            (0, 1, 255), (0, 1, 127), (-1, 127.5, 255), (-3.7, 11.3, 127), (100, 0.01, 15), (0, -1, 255), (0, 0, 255),
            (0, .infinity, 255), (.infinity, 1, 255), (-.infinity, 1, 127), (.nan, 1, 255), (0, .nan, 255),
            (-3e38, 3e38, 255), (0, 0x1p-140, 255), (0, 1, 0),
        ]
        for (low, scale, maximum) in parameters {
            let ordinary = (0..<300).map { _ in Float.random(in: -5..<300, using: &random) }
            let values = Self.special + ordinary + Self.anyFloats(500, &random)
            let expected = values.map { value -> UInt8 in
                let position = ((value - low) * scale).rounded(.toNearestOrEven)
                return position.isNaN ? 0 : UInt8(max(0, min(Float(maximum), position)))
            }
            #expect(Self.quantizedU8(values, low: low, scale: scale, maximum: maximum) == expected)
        }
    }

    @Test func `any number of values`() {
        var random = SeededGenerator(seed: 2)
        for n in 0...140 {
            let values = (0..<n).map { _ in Float.random(in: -1..<1, using: &random) }
            let positions = values.map { UInt8(max(0, (($0 + 0.5) * 127).rounded(.toNearestOrEven))) }
            #expect(Self.quantizedU8(values, low: -0.5, scale: 127, maximum: 255) == positions)
            let largest = values.map(\.magnitude).max() ?? 0
            let (unit, quantized) = Self.quantizedI8(values)
            #expect(unit == largest / 127)
            #expect(quantized == values.map { Int8(($0 * (127 / largest)).rounded(.toNearestOrEven)) })
        }
    }

    static func gridLoss(
        _ from: [Float], _ positions: [UInt8], low: Float, step: Float, high: Float
    ) -> (lost: Float, beyond: Float) {
        let source = GuardedMemory(capacity: 4 * from.count), places = GuardedMemory(capacity: from.count)
        var beyond: Float = -1
        let lost = unsafe cairn_grid_loss(
            source.place(littleEndianBytes(from.map(\.bitPattern))).assumingMemoryBound(to: Float.self),
            places.place(positions).assumingMemoryBound(to: UInt8.self), from.count, low, step, high, &beyond)
        return (lost, beyond)
    }

    @Test func `what positions lose`() {
        var random = SeededGenerator(seed: 6)
        for n in 0...140 {
            // All exact in floats, so that the order of the sums does not matter.
            let values = (0..<n).map { _ in Float(Int.random(in: -40...80, using: &random)) / 4 }
            let positions = (0..<n).map { _ in UInt8.random(in: 0...15, using: &random) }
            let found = Self.gridLoss(values, positions, low: -2, step: 0.5, high: 5.5)
            var lost: Float = 0, beyond: Float = 0
            for (value, position) in zip(values, positions) {
                let difference = value - (-2 + Float(position) * 0.5)
                lost += difference * difference
                let outside = max(-2 - value, value - 5.5, 0)
                beyond += outside * outside
            }
            #expect(found == (lost, beyond))
        }
        #expect(Self.gridLoss([.infinity, 1], [255, 0], low: 0, step: 1, high: 255) == (.infinity, .infinity))
        #expect(Self.gridLoss([.nan], [0], low: 0, step: 1, high: 255).lost.isNaN)
    }

    @Test func `signed units of every size`() {
        var random = SeededGenerator(seed: 3)
        for exponent in stride(from: -149, through: 127, by: 3) {
            let size = Float(sign: .plus, exponent: exponent, significand: 1)
            let values = (0..<100).map { _ in size * Float.random(in: -1...1, using: &random) } + [-size]
            let (unit, quantized) = Self.quantizedI8(values)
            #expect(unit == size / 127)
            for (value, position) in zip(values, quantized) {
                let exact = Double(value) / Double(size) * 127
                #expect((exact - Double(position)).magnitude <= 0.50001)
            }
            #expect(quantized.last == -127)
        }
    }

    @Test func `signed units of special values`() {
        #expect(Self.quantizedI8([0, -0.0, 0]) == (0, [0, 0, 0]))
        #expect(Self.quantizedI8([.nan, .nan]) == (0, [0, 0]))
        #expect(Self.quantizedI8([.nan, 2, -4]) == (4 / 127, [0, 64, -127]))
        let largest = Float.greatestFiniteMagnitude
        #expect(Self.quantizedI8([.infinity, -.infinity, 1, .nan]) == (largest / 127, [127, -127, 0, 0]))
        #expect(Self.quantizedI8([largest, -largest / 2]) == (largest / 127, [127, -64]))
        #expect(Self.quantizedI8([.leastNonzeroMagnitude, 0]).values == [127, 0])
        var random = SeededGenerator(seed: 4)
        #expect(!Self.quantizedI8(Self.anyFloats(4000, &random)).values.contains(-128))
    }

    /// What Tests/NeonKernels/codes.c finds too: the bits do not depend on the machine.
    @Test func `the same bits on every machine`() {
        var random = SeededGenerator(seed: 1)
        var codes: UInt32 = 0
        for round in 0..<64 {
            // One rounding each, so that the inputs are the same everywhere too; subnormal in every other round.
            let values = (0..<333).map { _ -> Float in
                let bits = random.next()
                return Float(Int32(truncatingIfNeeded: bits) >> 8) * Float(bits >> 60) * (round % 2 == 0 ? 1 : 0x1p-130)
            }
            let positions = Self.quantizedU8(values, low: -0x1p22, scale: 0x1.2345p-18, maximum: 255)
            let (unit, signed) = Self.quantizedI8(values)
            let (lost, beyond) = Self.gridLoss(
                Array(values.dropLast(round)), Array(positions.dropLast(round)), low: -0x1p22, step: 0x1.cp17,
                high: 0x1p21)
            let bytes =
                positions + signed.map(UInt8.init(bitPattern:))
                + littleEndianBytes([unit.bitPattern, lost.bitPattern, beyond.bitPattern])
            codes = unsafe cairn_crc32c(codes, bytes, bytes.count)
        }
        #expect(codes == 0x5373_D814)
    }

    @Test func `four bits each`() {
        var random = SeededGenerator(seed: 5)
        let codeOf = (0..<128).map { _ in UInt8.random(in: 0...15, using: &random) }
        for n in stride(from: 0, through: 1024, by: 128) {
            let positions = (0..<n).map { _ in UInt8.random(in: 0...127, using: &random) }
            let source = GuardedMemory(capacity: n)
            let table = GuardedMemory(capacity: 128)
            let target = GuardedMemory(capacity: n / 2 + 1)
            let to = unsafe (target.end - n / 2).assumingMemoryBound(to: UInt8.self)
            unsafe cairn_pack_4(
                source.place(positions).assumingMemoryBound(to: UInt8.self),
                table.place(codeOf).assumingMemoryBound(to: UInt8.self), to, n)
            #expect(unsafe to[-1] == 0)
            let packed = unsafe Array(UnsafeBufferPointer(start: to, count: n / 2))
            #expect(packed == Code.bits4.packed(positions.map { codeOf[Int($0)] }))
        }
    }
}
