import FileFormat
import Testing

@Suite struct BytesTests {
    @Test func integersAreLittleEndian() {
        var bytes = [UInt8](repeating: 0xAA, count: 16)
        bytes.store(0x0102_0304_0506_0708 as UInt64, at: 3)
        #expect(bytes[2..<12] == [0xAA, 8, 7, 6, 5, 4, 3, 2, 1, 0xAA])
        #expect(bytes.integer(at: 3, as: UInt64.self) == 0x0102_0304_0506_0708)
        #expect(bytes.integer(at: 3, as: UInt32.self) == 0x0506_0708)
        #expect(bytes.integer(at: 4, as: UInt16.self) == 0x0607)
        bytes.store([1, 2, 3], at: 13)
        #expect(bytes[12...] == [0xAA, 1, 2, 3])
        #expect(bytes.count == 16)
    }

    @Test(arguments: [(0, 0), (1, 64), (63, 64), (64, 64), (65, 128)])
    func roundsUp(value: Int, expected: Int) {
        #expect(roundUp(value, to: 64) == expected)
    }

    @Test func checksumIsCastagnoli() {
        #expect(Checksum.crc32c(Array("123456789".utf8), prefix: 9) == 0xE306_9283)
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7) }
        for count in [0, 1, 7, 64, 508, 1000] {
            #expect(Checksum.crc32c(bytes, prefix: count) == referenceChecksum(bytes[..<count]))
        }
    }

    @Test func identifiersAreRandomAndReadLikeUUIDs() {
        let identifier = Identifier(bytes: Array(0..<16))
        #expect(identifier.description == "00010203-0405-0607-0809-0a0b0c0d0e0f")
        let many = (0..<100).map { _ in Identifier.random() }
        #expect(Set(many).count == 100)
        #expect(many.allSatisfy { $0.bytes[6] >> 4 == 4 && $0.bytes[8] >> 6 == 2 })
    }

    @Test func slotEntriesHaveTheirPlaces() {
        #expect(SlotEntry.size == 16)
        #expect([SlotEntry.labelOffset, SlotEntry.levelOffset, SlotEntry.stateOffset] == [0, 8, 9])
        let states: [SlotState] = [.unused, .live, .marked, .erased, .superseded]
        #expect(states.map(\.rawValue) == [0, 1, 2, 3, 4])
    }
}
