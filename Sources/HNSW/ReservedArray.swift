#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Zeroed elements at addresses that never move: the range is reserved once, and memory is put behind its beginning as the
/// array grows. So readers keep their pointer while a writer extends the array, and elements that were never written
/// cost no memory.
@safe
package final class ReservedArray<Element: ~Copyable>: @unchecked Sendable {
    package let base: UnsafeMutablePointer<Element>
    private let reservedBytes: Int
    private var usableBytes = 0
    /// The most elements it can have.
    package let capacity: Int

    private static var step: Int { 2 << 20 }

    /// Reserves addresses for `capacity` elements, whose all-zeros pattern must be a valid value.
    package init(capacity: Int) {
        self.capacity = capacity
        let bytes = max(capacity, 1) * MemoryLayout<Element>.stride
        reservedBytes = (bytes + Self.step - 1) / Self.step * Self.step
        let start = unsafe mmap(nil, reservedBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let start = unsafe start, unsafe start != MAP_FAILED else {
            fatalError("out of addresses: \(reservedBytes) bytes")
        }
        unsafe base = start.assumingMemoryBound(to: Element.self)
    }

    deinit { unsafe munmap(UnsafeMutableRawPointer(base), reservedBytes) }

    /// Makes the first `count` elements usable; the new ones are zero. Not beside itself; readers of the others go on.
    package func extend(to count: Int) {
        precondition(count <= capacity)
        let needed = (count * MemoryLayout<Element>.stride + Self.step - 1) / Self.step * Self.step
        guard needed > usableBytes else { return }
        let raw = unsafe UnsafeMutableRawPointer(base)
        guard unsafe mprotect(raw + usableBytes, needed - usableBytes, PROT_READ | PROT_WRITE) == 0 else {
            fatalError("out of memory: \(needed) bytes")
        }
        usableBytes = needed
    }
}
