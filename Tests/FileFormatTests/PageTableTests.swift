import FileFormat
import Testing

@Suite struct PageTableTests {
    @Test(arguments: [(0, 0), (1, 4096), (20, 4096), (511, 4096), (512, 8192), (1022, 8192), (1023, 12288)])
    func lengthIsWholePages(pages: Int, expected: Int) {
        #expect(PageTable.length(pages: pages) == expected)
    }

    @Test(arguments: [(0, 0), (1, 8), (510, 4080), (511, 4096), (512, 4104), (1022, 8192)])
    func entriesSkipTheSeals(page: Int, expected: Int) {
        #expect(PageTable.offset(ofEntry: page) == expected)
    }

    @Test func encodesEntriesAndSeals() {
        var checksums: [UInt32?] = (0..<600).map { 0xA000_0000 + $0 }
        checksums[1] = nil
        checksums[599] = nil
        let bytes = PageTable.encoded(checksums, generation: 0x9_0000_0007)
        #expect(bytes.count == 8192)
        #expect(Array(bytes[..<8]) == [0, 0, 0, 0xA0, 7, 0, 0, 0])
        #expect(Array(bytes[8..<16]) == [0, 0, 0, 0, 0, 0, 0, 0])
        #expect(Array(bytes[16..<24]) == [2, 0, 0, 0xA0, 7, 0, 0, 0])
        #expect(Array(bytes[4080..<4088]) == [0xFE, 1, 0, 0xA0, 7, 0, 0, 0])
        #expect(Array(bytes[4096..<4104]) == [0xFF, 1, 0, 0xA0, 7, 0, 0, 0])
        #expect(bytes[(4096 + 88 * 8)..<8184].allSatisfy { $0 == 0 })
        for page in [0, 4096] {
            let seal = littleEndian(referenceChecksum(bytes[page..<(page + 4088)])) + [7, 0, 0, 0]
            #expect(Array(bytes[(page + 4088)..<(page + 4096)]) == seal)
        }
    }

    /// A stamp of 0 says "never written", so no generation may have it.
    @Test(arguments: [(1, 1), (2, 2), (0xFFFF_FFFF, 0xFFFF_FFFF), (0x1_0000_0000, 1), (0x1_0000_0002, 2)])
    func stampsAreNeverZero(number: UInt64, stamp: UInt32) {
        let generation = Generation(rawValue: number)
        #expect(PageTable.stamp(generation) == stamp)
        #expect(Array(PageTable.encoded([5], generation: generation)[..<8]) == [5, 0, 0, 0] + littleEndian(stamp))
    }
}
