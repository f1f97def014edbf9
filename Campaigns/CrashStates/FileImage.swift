/// The bytes of a file. Copies share their pages; pages of zeros may be left out.
package struct FileImage: Sendable {
    /// The file's length in bytes.
    package private(set) var size = 0
    /// nil: zeros. Bytes beyond the size are zeros.
    private(set) var pages: [Page?] = []

    package init() {}

    package init(_ bytes: [UInt8]) {
        grow(to: bytes.count)
        write(bytes, at: 0)
    }

    /// All bytes in one array.
    package var bytes: [UInt8] {
        var result = [UInt8](repeating: 0, count: size)
        for (index, page) in pages.enumerated() {
            guard let page else { continue }
            let start = index * Page.size, count = min(Page.size, size - start)
            unsafe result.withUnsafeMutableBytes { buffer in
                unsafe buffer.baseAddress!.advanced(by: start).copyMemory(from: page.bytes, byteCount: count)
            }
        }
        return result
    }

    /// Makes the file at least `end` bytes long; what is new is zeros.
    package mutating func grow(to end: Int) {
        guard end > size else { return }
        size = end
        let count = (end + Page.size - 1) / Page.size
        if count > pages.count { pages.append(contentsOf: repeatElement(nil, count: count - pages.count)) }
    }

    /// Puts `bytes` at `offset`; what lies beyond the size is left out.
    package mutating func write(_ bytes: [UInt8], at offset: Int) {
        write(bytes, 0..<bytes.count, at: offset)
    }

    /// Puts the part `range` of `bytes`, which begins at `offset` of the file.
    mutating func write(_ bytes: [UInt8], _ range: Range<Int>, at offset: Int) {
        unsafe bytes.withUnsafeBytes { source in
            let end = min(range.upperBound, size - offset)
            guard range.lowerBound < end else { return }
            unsafe write(
                UnsafeRawBufferPointer(rebasing: source[range.lowerBound..<end]), at: offset + range.lowerBound)
        }
    }

    /// Puts `source`, which lies within the size, at `offset`.
    private mutating func write(_ source: UnsafeRawBufferPointer, at offset: Int) {
        var done = 0
        while done < source.count {
            let index = (offset + done) / Page.size, start = (offset + done) % Page.size
            let count = min(Page.size - start, source.count - done)
            let target = unsafe mutablePage(index)
            unsafe (target + start).copyMemory(from: source.baseAddress! + done, byteCount: count)
            done += count
        }
    }

    /// Fills a sector with zeros, or with what `generator` gives; what lies beyond the size is left out.
    mutating func spoil(sector: Int, with generator: inout CrashGenerator, zeros: Bool) {
        let offset = sector * Sector.size, count = min(Sector.size, size - offset)
        guard count > 0 else { return }
        let target = unsafe mutablePage(offset / Page.size) + offset % Page.size
        if zeros {
            unsafe target.initializeMemory(as: UInt8.self, repeating: 0, count: count)
            return
        }
        for position in 0..<count / 8 {
            unsafe target.storeBytes(of: generator.next(), toByteOffset: position * 8, as: UInt64.self)
        }
        for position in count / 8 * 8..<count {
            unsafe target.storeBytes(
                of: UInt8(truncatingIfNeeded: generator.next()), toByteOffset: position, as: UInt8.self)
        }
    }

    /// The bytes of a page of which this image has the only reference from now on.
    private mutating func mutablePage(_ index: Int) -> UnsafeMutableRawPointer {
        if pages[index] == nil {
            pages[index] = Page()
        } else if !isKnownUniquelyReferenced(&pages[index]) {
            pages[index] = pages[index].map(Page.init(copying:))
        }
        let page = pages[index]!
        page.invalidateDigest()
        return unsafe page.bytes
    }

    /// A hash of size and bytes, the same in every process.
    package var digest: UInt64 {
        var sum = mixed(UInt64(size) ^ 0x5851_F42D_4C95_7F2D)
        for (index, page) in pages.enumerated() {
            let digest = page?.digest ?? 0
            if digest != 0 { sum &+= mixed(digest &+ mixed(UInt64(index) &+ 1)) }
        }
        return sum
    }
}

/// What a disk writes whole or not at all.
package enum Sector {
    package static let size = 512
}
