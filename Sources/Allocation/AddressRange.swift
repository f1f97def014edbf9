#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Addresses that belong to their owner: nothing is behind them, and touching them ends the process, until memory or a
/// file is put there.
@safe
package final class AddressRange: @unchecked Sendable {
    // Sendable because start and length are immutable, and the kernel lets any thread change what is behind a part.

    package let start: UnsafeMutableRawPointer
    package let byteCount: Int

    /// Reserves `byteCount` bytes, at least 1.
    package init(_ byteCount: Int) throws(OutOfMemory) {
        guard ProcessMemory.isAllowed(0), let start = unsafe Self.map(byteCount) else {
            throw OutOfMemory(bytes: byteCount)
        }
        unsafe self.start = start
        self.byteCount = byteCount
    }

    deinit { unsafe munmap(start, byteCount) }

    private static func map(_ byteCount: Int) -> UnsafeMutableRawPointer? {
        let start = unsafe mmap(nil, byteCount, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let start = unsafe start, unsafe start != MAP_FAILED else { return nil }
        return unsafe start
    }

    /// Whether this number of addresses in a row is to be had at the moment.
    package static func isAvailable(_ byteCount: Int) -> Bool {
        guard let start = unsafe map(byteCount) else { return false }
        unsafe munmap(start, byteCount)
        return true
    }

    /// Puts zeroed memory behind a part: whole pages.
    package func commit(_ part: Range<Int>) throws(OutOfMemory) {
        precondition(part.lowerBound >= 0 && part.upperBound <= byteCount)
        guard ProcessMemory.isAllowed(part.count),
            unsafe mprotect(start + part.lowerBound, part.count, PROT_READ | PROT_WRITE) == 0
        else { throw OutOfMemory(bytes: part.count) }
        guard part.count < ProcessMemory.uncheckedBytes || ProcessMemory.canMap(ProcessMemory.headroom) else {
            unsafe mprotect(start + part.lowerBound, part.count, PROT_NONE)
            throw OutOfMemory(bytes: part.count)
        }
    }
}
