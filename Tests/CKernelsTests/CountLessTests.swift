import CKernels
import TestSupport
import Testing

/// The pool's search against counting one by one.
@Suite struct CountLessTests {
    static let sizes = Array(0...70) + [100, 127, 128, 129, 200, 255, 256, 257, 1000, 4095, 4096, 5003]

    @Test(arguments: Level.supported)
    func `every place in pools of every size`(_ level: Level) {
        var random = SeededGenerator(seed: 5)
        for size in Self.sizes {
            // From narrow and from full ranges: with many equal keys, and with the top bit set in half of them.
            for mask in [UInt64(0xF), 0xFFFF, .max] {
                let keys = (0..<size).map { _ in random.next() & mask }.sorted()
                var wanted: [UInt64] = [0, 1, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, .max]
                for place in Swift.stride(from: 0, to: size, by: 1 + size / 50) {
                    wanted += [keys[place], keys[place] &+ 1, keys[place] &- 1]
                }
                check(level, keys, wanted)
            }
        }
    }

    @Test(arguments: Level.supported)
    func `all less, none less, all equal`(_ level: Level) {
        for size in Self.sizes {
            check(level, [UInt64](repeating: 7, count: size), [6, 7, 8])
            check(level, [UInt64](repeating: 1 << 63, count: size), [1 << 63 - 1, 1 << 63, 1 << 63 + 1])
        }
    }

    private func check(_ level: Level, _ keys: [UInt64], _ wanted: [UInt64]) {
        guard let countLess = unsafe cairn_count_less_at(level.cValue) else { fatalError("no kernel") }
        let memory = GuardedMemory(capacity: 8 * keys.count)
        let start = unsafe memory.place(littleEndianBytes(keys)).assumingMemoryBound(to: UInt64.self)
        for key in wanted {
            let count = unsafe countLess(start, UInt32(keys.count), key)
            let expected = keys.firstIndex { $0 >= key } ?? keys.count
            #expect(Int(count) == expected, "\(level), \(keys.count) keys, \(key)")
        }
    }
}
