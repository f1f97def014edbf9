/// Checksums of pages. In the columns of vectors and norms the rows of slots that are not in use count as zeros: new
/// rows are written there before any durable state knows of them, and a crash in between must not look like damage.
package struct MaskedChecksum: Sendable {
    private let geometry: Geometry

    package init(geometry: Geometry) {
        self.geometry = geometry
    }

    /// The CRC32C of a page as it is.
    package func plain(_ page: [UInt8]) -> UInt32 { Checksum.crc32c(page, prefix: page.count) }

    /// The CRC32C of page `number` of `column`, with zeros for the rows of slots that are not `inUse`.
    package func masked(
        _ page: [UInt8], _ column: Geometry.Column, page number: Int, inUse: (UInt32) -> Bool
    ) -> UInt32 {
        let stride = geometry.stride(of: column), start = number * Geometry.pageSize
        var bytes = page
        var slot = start / stride
        while slot * stride < start + Geometry.pageSize {
            if !inUse(UInt32(truncatingIfNeeded: slot)) {
                let low = max(slot * stride, start) - start
                let high = min((slot + 1) * stride, start + Geometry.pageSize) - start
                unsafe bytes.withUnsafeMutableBytes { buffer in
                    for index in low..<min(high, buffer.count) { unsafe buffer[index] = 0 }
                }
            }
            slot += 1
        }
        return Checksum.crc32c(bytes, prefix: bytes.count)
    }
}
