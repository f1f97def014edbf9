import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

extension FileImage {
    /// Makes these bytes the content of a file, whatever it held. Ranges of zeros beyond its old end become holes.
    func write(over descriptor: Int32) throws(Errno) {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw Errno(rawValue: errno) }
        let oldSize = Int(status.st_size)
        if oldSize != size {
            guard ftruncate(descriptor, off_t(size)) == 0 else { throw Errno(rawValue: errno) }
        }
        let oldPages = (oldSize + Page.size - 1) / Page.size
        var index = 0
        var parts: [iovec] = unsafe []
        while index < pages.count {
            // One call for each run of pages; systems take 1024 parts.
            unsafe parts.removeAll(keepingCapacity: true)
            let first = index
            while index < pages.count, index - first < 1024 {
                guard let page = pages[index] ?? (index < oldPages ? Page.zeros : nil) else { break }
                let count = Swift.min(Page.size, size - index * Page.size)
                unsafe parts.append(iovec(iov_base: page.bytes, iov_len: count))
                index += 1
            }
            if first == index {
                index += 1
                continue
            }
            let start = first * Page.size, length = Swift.min(index * Page.size, size) - start
            let written = unsafe pwritev(descriptor, parts, Int32(index - first), off_t(start))
            guard written >= 0 else { throw Errno(rawValue: errno) }
            guard written == length else { throw .noSpace }
        }
    }

    /// The bytes of an open file.
    init(reading descriptor: Int32) throws(Errno) {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw Errno(rawValue: errno) }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe pread(descriptor, $0.baseAddress, $0.count, 0) }
        guard count >= 0 else { throw Errno(rawValue: errno) }
        guard count == bytes.count else { throw .ioError }
        self.init(bytes)
    }
}
