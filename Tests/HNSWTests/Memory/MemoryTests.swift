import Testing

@testable import HNSW

@Suite struct MemoryTests {
    @Test func `memory is zero at first and never empty`() throws {
        for count in [0, 1, 5000] {
            let memory = try Memory<UInt64>(count)
            #expect(memory.buffer.count == max(count, 1))
            #expect((0..<memory.buffer.count).allSatisfy { memory.buffer[$0] == 0 })
            #expect(memory.byteCount == 8 * max(count, 1))
        }
    }

    @Test func `growing keeps what is there, zeroes the rest and at least doubles`() throws {
        let memory = try Memory<UInt32>(3)
        for index in 0..<3 { memory.buffer[index] = UInt32(index + 1) }
        try memory.grow(to: 2)
        #expect(memory.buffer.count == 3)
        try memory.grow(to: 4)
        #expect(memory.buffer.count == 6)
        try memory.grow(to: 100)
        #expect(memory.buffer.count == 100)
        #expect((0..<100).map { memory.buffer[$0] } == [1, 2, 3] + [UInt32](repeating: 0, count: 97))
    }

    @Test func `copies, moves and cuts keep to their places`() throws {
        let memory = try Memory<Int32>(8), buffer = memory.buffer
        for index in 0..<8 { buffer[index] = Int32(index) }
        buffer.move(from: 1, to: 3, length: 4)
        #expect((0..<8).map { buffer[$0] } == [0, 1, 2, 1, 2, 3, 4, 7])
        buffer.move(from: 3, to: 0, length: 5)
        #expect((0..<8).map { buffer[$0] } == [1, 2, 3, 4, 7, 3, 4, 7])
        buffer.dropFirst(6).copy(buffer, length: 2)
        #expect((0..<8).map { buffer[$0] } == [1, 2, 3, 4, 7, 3, 1, 2])
        #expect(buffer.dropFirst(8).count == 0 && buffer.prefix(3).count == 3)
        buffer.copy(.none, length: 0)
        buffer.sort(5)
        #expect((0..<8).map { buffer[$0] } == [1, 2, 3, 4, 7, 3, 1, 2])
        withExtendedLifetime(memory) {}
    }
}
