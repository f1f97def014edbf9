import CAllocation

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Memory, or an error. Swift's arrays end the process when there is none; so whatever grows with the data, or with a
/// caller's numbers, is taken here, or asked for here before an array takes it.
///
/// The last of it is left to the rest of the program: a large piece is refused when less than `headroom` would be left.
/// Small allocations, those of Swift's runtime among them, live on that.
package enum ProcessMemory {
    /// Bytes that must be left.
    package static let headroom = 4 << 20
    /// Smaller pieces are taken without looking at what is left.
    package static let uncheckedBytes = 64 << 10
    /// From this size on a piece must also fit into what the control group has left.
    private static let groupCheckedBytes = 1 << 20

    /// `bytes` bytes at a multiple of `alignment`, a power of two.
    package static func allocate(_ bytes: Int, alignment: Int = 16) throws(OutOfMemory) -> UnsafeMutableRawPointer {
        try unsafe taking(bytes) {
            var pointer: UnsafeMutableRawPointer?
            return unsafe posix_memalign(&pointer, max(alignment, 16), max(bytes, 1)) == 0 ? pointer : nil
        }
    }

    /// The same, all zeros. The kernel provides a large piece page by page, as it is touched.
    package static func zeroed(_ bytes: Int) throws(OutOfMemory) -> UnsafeMutableRawPointer {
        try unsafe taking(bytes) { unsafe calloc(max(bytes, 1), 1) }
    }

    /// Gives a piece back.
    package static func release(_ pointer: UnsafeMutableRawPointer) { unsafe free(pointer) }

    /// Throws unless the process could have `bytes` bytes more now: asked before arrays take them.
    package static func expect(_ bytes: Int) throws(OutOfMemory) {
        guard isAllowed(bytes) else { throw OutOfMemory(bytes: bytes) }
        guard bytes < uncheckedBytes || (bytes < .max - headroom && canMap(bytes + headroom)) else {
            throw OutOfMemory(bytes: bytes)
        }
    }

    /// The same for addresses of which little is touched, such as a stack: a control group does not count the rest.
    package static func expectAddresses(_ bytes: Int) throws(OutOfMemory) {
        guard isAllowed(0), bytes < .max - headroom, canMap(bytes + headroom) else { throw OutOfMemory(bytes: bytes) }
    }

    /// The same as `expect` for `count` elements of `stride` bytes each, as an array or a dictionary has them that
    /// grows by doubling.
    package static func expect(growing count: Int, stride: Int) throws(OutOfMemory) {
        let (bytes, overflows) = count.multipliedReportingOverflow(by: 3 * stride)
        guard !overflows else { throw OutOfMemory(bytes: .max) }
        try expect(bytes)
    }

    private static func taking(
        _ bytes: Int, _ body: () -> UnsafeMutableRawPointer?
    ) throws(OutOfMemory) -> UnsafeMutableRawPointer {
        guard bytes >= 0, isAllowed(bytes), let pointer = unsafe body() else { throw OutOfMemory(bytes: bytes) }
        guard bytes < uncheckedBytes || canMap(headroom) else {
            unsafe free(pointer)
            throw OutOfMemory(bytes: bytes)
        }
        return unsafe pointer
    }

    /// Whether neither a test nor the control group refuses.
    static func isAllowed(_ bytes: Int) -> Bool {
        guard !cairn_refuses(max(bytes, 0)) else { return false }
        guard bytes >= groupCheckedBytes, let available = MemoryControlGroup.available else { return true }
        return bytes <= available - headroom
    }

    /// Whether the address space, and a system that does not promise more than it has, leave room for so much.
    static func canMap(_ bytes: Int) -> Bool {
        let pointer = unsafe mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let pointer = unsafe pointer, unsafe pointer != MAP_FAILED else { return false }
        unsafe munmap(pointer, bytes)
        return true
    }
}
