import HnswlibFile
import SystemPackage
import TestSupport
import Testing

@Suite struct BruteForceTests {
    let directory: TemporaryDirectory
    let path: FilePath

    init() throws {
        directory = try TemporaryDirectory()
        path = directory.appending("flat.bin")
    }

    /// Rows of a float and a label, with garbage up to the capacity.
    private func file(capacity: UInt64 = 5, stride: UInt64 = 12, count: UInt64 = 3, rows: Int = 3, tail: Int = 24)
        -> [UInt8]
    {
        let number = SampleIndex()
        let body = (0..<rows).flatMap { number.bytes(Float($0).bitPattern) + number.bytes(UInt64($0) * 100) }
        return number.bytes(capacity) + number.bytes(stride) + number.bytes(count) + body
            + (0..<tail).map { UInt8(truncatingIfNeeded: $0 &* 91 &+ 3) }
    }

    private func rows(_ file: BruteForceFile, _ range: Range<Int>) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: range.count * file.stride)
        let result = unsafe bytes.withUnsafeMutableBytes { buffer in
            Result { () throws(HnswlibFileError) in try unsafe file.readRows(range, into: buffer) }
        }
        try result.get()
        return bytes
    }

    @Test func `rows up to the count, whatever is behind them`() throws {
        let whole = file()
        // Whole, and cut off anywhere behind the last row.
        for length in 60...84 {
            try writeBytes(Array(whole[..<length]), to: path)
            let file = try BruteForceFile(path)
            #expect(file.capacity == 5 && file.count == 3 && file.stride == 12 && file.vectorBytes == 4)
            #expect(file.fileBytes == length)
            #expect(try rows(file, 0..<3) == Array(whole[24..<60]))
            #expect(try rows(file, 1..<2) == Array(whole[36..<48]))
            #expect(try HnswlibFileKind.recognise(path) == .bruteForce)
        }
    }

    @Test func `nothing in it`() throws {
        for capacity in [0, 4] as [UInt64] {
            try writeBytes(file(capacity: capacity, count: 0, rows: 0, tail: Int(capacity) * 12), to: path)
            let file = try BruteForceFile(path)
            #expect(file.count == 0 && file.capacity == capacity)
            #expect(try HnswlibFileKind.recognise(path) == .bruteForce)
        }
    }

    @Test func `what is wrong with it`() throws {
        let cases: [([UInt8], String, Int)] = [
            (file(tail: 25), "it goes on from byte offset 84 to 85", 84),
            (Array(file(tail: 0).dropLast()), "ends at byte offset 59, but 3 rows of 12 bytes reach to 60", 59),
            (Array(file().prefix(23)), "it has 23 bytes, a BFIndex file has 24 and more", 23),
            (file(capacity: 2), "3 rows with room for 2", 16), (file(stride: 8), "rows of 8 bytes", 8),
            (file(stride: 0), "rows of 0 bytes", 8), (file(stride: .max), "rows of 18446744073709551615 bytes", 8),
            (file(stride: (1 << 24) + 9), "they have 9 to 2^24 + 8", 8),
            (file(capacity: .max), "room for 18446744073709551615 rows", 0),
            (file(capacity: .max, count: .max), "18446744073709551615 rows, the most is 2^31 - 1", 16),
            (file(capacity: 1 << 40, count: (1 << 31) - 1), "2147483647 rows of 12 bytes reach to 25769803788", 84),
        ]
        for (bytes, text, offset) in cases {
            try writeBytes(bytes, to: path)
            let error = failure { _ = try BruteForceFile(path) }
            #expect(error?.message.contains(text) == true && error?.offset == offset, "\(error?.message ?? "")")
            #expect(error?.path == path)
            #expect(try HnswlibFileKind.recognise(path) == nil)
        }
    }

    @Test func `each bit of the header is refused or harmless`() throws {
        var refused = 0
        for position in 0..<24 {
            for bit in 0..<8 {
                var bytes = file()
                bytes[position] ^= 1 << bit
                try writeBytes(bytes, to: path)
                do throws(HnswlibFileError) {
                    let file = try BruteForceFile(path)
                    #expect(24 + file.count * file.stride <= bytes.count && UInt64(file.count) <= file.capacity)
                    _ = try? rows(file, 0..<file.count)
                } catch {
                    refused += 1
                }
            }
        }
        // All of the stride but its lower bits, all of the count but its lower bits; of the capacity what overflows.
        #expect((110..<192).contains(refused))
    }

    @Test func `a file cut off since it was opened`() throws {
        try writeBytes(file(), to: path)
        let file = try BruteForceFile(path)
        try writeBytes(Array(self.file().prefix(50)), to: path)
        #expect(try rows(file, 0..<2).count == 24)
        #expect(failure { _ = try rows(file, 1..<3) }?.message.contains("was cut off at byte offset 50") == true)
    }
}
