/// The checksums of a segment's pages. Entries of eight bytes, one for each 4-KiB page of the segment's pieces in file
/// order: the page's CRC32C (u32) and its stamp (u32), the low half of the generation that last changed it. An entry of
/// stamp 0 says the page was never written and is all zeros. Every table page holds 511 entries; its last eight bytes
/// are the entry of the table page itself, over its first 4088 bytes.
package enum PageTable {
    package static let entrySize = 8
    package static let entriesPerPage = Geometry.pageSize / entrySize - 1

    /// Bytes of the table for `pages` pages.
    package static func length(pages: Int) -> Int {
        (pages + entriesPerPage - 1) / entriesPerPage * Geometry.pageSize
    }

    /// Where entry `page` is in the table.
    package static func offset(ofEntry page: Int) -> Int {
        page / entriesPerPage * Geometry.pageSize + page % entriesPerPage * entrySize
    }

    /// The stamp of a generation: its low half, or 1 where that is 0, which means never written.
    package static func stamp(_ generation: Generation) -> UInt32 {
        max(1, UInt32(truncatingIfNeeded: generation.rawValue))
    }

    /// An encoded table over `checksums`, all of generation `generation`; nil stands for a page never written.
    package static func encoded(_ checksums: [UInt32?], generation: Generation) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: length(pages: checksums.count))
        for (page, checksum) in checksums.enumerated() {
            guard let checksum else { continue }
            bytes.store(checksum, at: offset(ofEntry: page))
            bytes.store(stamp(generation), at: offset(ofEntry: page) + 4)
        }
        for page in stride(from: 0, to: bytes.count, by: Geometry.pageSize) {
            var own = Array(bytes[page..<(page + Geometry.pageSize)])
            seal(&own, generation: generation)
            bytes.store(own, at: page)
        }
        return bytes
    }

    private static let sealOffset = Geometry.pageSize - entrySize

    /// Seals a page of a table, changed in `generation`.
    package static func seal(_ page: inout [UInt8], generation: Generation) {
        page.store(Checksum.crc32c(page, prefix: sealOffset), at: sealOffset)
        page.store(stamp(generation), at: sealOffset + 4)
    }

    /// Whether a page of a table is as it was sealed.
    package static func isSealed(_ page: [UInt8]) -> Bool {
        page.integer(at: sealOffset) == Checksum.crc32c(page, prefix: sealOffset)
    }
}
