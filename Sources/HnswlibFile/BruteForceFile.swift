package import MappedStorage
package import SystemPackage

/// A file of hnswlib's brute-force index, BFIndex: 24 bytes of header, then rows of a vector and a label up to the
/// capacity. Only the first `count` rows mean anything; after them comes what its memory happened to hold.
package final class BruteForceFile: Sendable {
    package static let headerSize = 24

    package let path: FilePath
    package let capacity: UInt64
    /// The bytes of a row: a vector, then its label of eight bytes.
    package let stride: Int
    package let count: Int
    package let fileBytes: Int
    private let rows: FilePart

    package var vectorBytes: Int { stride - 8 }

    /// Opens a file. One that was cut off behind its last row is as good as whole.
    package init(_ path: FilePath, calls: SystemCalls = .system) throws(HnswlibFileError) {
        let (file, size) = try openFile(path, calls: calls)
        func wrong(_ offset: Int, _ message: String) -> HnswlibFileError {
            HnswlibFileError(path, "\(message): it is damaged, or no BFIndex file", offset: offset)
        }
        guard let head = try file.head(Self.headerSize) else {
            throw wrong(size, "it has \(size) bytes, a BFIndex file has 24 and more")
        }
        let fields = BruteForceHeader(head)
        guard fields.stride > 8, fields.stride <= UInt64(HnswlibHeader.maximumVectorBytes + 8) else {
            throw wrong(8, "byte offset 8 of its header: rows of \(fields.stride) bytes, they have 9 to 2^24 + 8")
        }
        guard fields.count <= fields.capacity else {
            throw wrong(16, "byte offset 16 of its header: \(fields.count) rows with room for \(fields.capacity)")
        }
        guard fields.count <= UInt64(HnswlibHeader.maximumCount) else {
            throw wrong(16, "byte offset 16 of its header: \(fields.count) rows, the most is 2^31 - 1")
        }
        (capacity, stride, count) = (fields.capacity, Int(fields.stride), Int(fields.count))
        rows = FilePart(file: file, start: Self.headerSize, count: count * stride)
        guard rows.end <= size else {
            throw wrong(
                size, "it ends at byte offset \(size), but \(count) rows of \(stride) bytes reach to \(rows.end)")
        }
        let (whole, overflow) = capacity.multipliedReportingOverflow(by: fields.stride)
        guard !overflow else { throw wrong(0, "byte offset 0 of its header: room for \(capacity) rows") }
        guard whole >= UInt64(size - Self.headerSize) else {
            throw wrong(
                Self.headerSize + Int(whole),
                "it goes on from byte offset \(Self.headerSize + Int(whole)) to \(size), behind a capacity of \(capacity) "
                    + "rows of \(stride) bytes")
        }
        self.path = path
        fileBytes = size
    }

    /// Reads rows as they are in the file into a buffer of just that size.
    package func readRows(_ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws(HnswlibFileError) {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "the rows must be the file's")
        precondition(buffer.count == range.count * stride, "the buffer has room for just these rows")
        try unsafe rows.read(into: buffer, at: range.lowerBound * stride)
    }
}
