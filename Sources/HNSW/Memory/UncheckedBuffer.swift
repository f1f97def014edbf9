package import Allocation

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Elements at consecutive addresses, without bounds checks in release builds: what the hot loops index. Debug builds
/// check every access, so the tests run with bounds. It does not own its memory.
@safe
package struct UncheckedBuffer<Element: BitwiseCopyable>: @unchecked Sendable {
    // Sendable because it is an address and a count, both immutable; whoever owns the memory orders access to the
    // elements.

    package let base: UnsafeMutablePointer<Element>
    package let count: Int

    @inline(__always)
    package init(_ base: UnsafeMutablePointer<Element>, count: Int) {
        unsafe self.base = base
        self.count = count
    }

    @inline(__always)
    package subscript(_ index: Int) -> Element {
        get {
            assert(index >= 0 && index < count)
            return unsafe base[index]
        }
        nonmutating set {
            assert(index >= 0 && index < count)
            unsafe base[index] = newValue
        }
    }

    /// A buffer of nothing.
    package static var none: UncheckedBuffer { unsafe UncheckedBuffer(UnsafeMutablePointer(bitPattern: 64)!, count: 0) }

    /// A buffer of the elements from `offset` on.
    @inline(__always)
    package func dropFirst(_ offset: Int) -> UncheckedBuffer {
        assert(offset >= 0 && offset <= count)
        return unsafe UncheckedBuffer(base + offset, count: count - offset)
    }

    /// Moves `length` elements from one place of the buffer to another; the ranges may overlap.
    @inline(__always)
    package func move(from: Int, to: Int, length: Int) {
        assert(from >= 0 && to >= 0 && length >= 0 && max(from, to) + length <= count)
        unsafe memmove(base + to, base + from, length * MemoryLayout<Element>.stride)
    }

    /// Makes all elements zeros.
    package func clear() { unsafe memset(base, 0, count * MemoryLayout<Element>.stride) }

    /// Copies `length` elements of `source` to the front of this buffer.
    @inline(__always)
    package func copy(_ source: UncheckedBuffer, length: Int) {
        assert(length <= count && length <= source.count)
        unsafe memmove(base, source.base, length * MemoryLayout<Element>.stride)
    }
}

/// Memory that is owned, zeroed when it is taken (lazily, by the kernel, when it is large) and grows by being replaced.
@safe
package final class Memory<Element: BitwiseCopyable>: @unchecked Sendable {
    // Sendable because it is part of one owner, who lets only one thread at a time grow it and orders access to the
    // elements.

    package private(set) var buffer = UncheckedBuffer<Element>.none
    /// How many bytes it takes.
    package var byteCount: Int { buffer.count * MemoryLayout<Element>.stride }

    /// None yet.
    package init() {}

    /// Room for `count` elements.
    package init(_ count: Int) throws(OutOfMemory) {
        try grow(to: max(count, 1))
    }

    deinit { release() }

    /// Makes room for `count` elements; the first ones keep their values, the new ones are zero. Doubles, so that
    /// growing one by one costs O(1) each. When it throws, what there was is left.
    @inline(__always)
    package func grow(to count: Int) throws(OutOfMemory) {
        if count > buffer.count { try replace(count) }
    }

    @inline(never)
    private func replace(_ count: Int) throws(OutOfMemory) {
        let count = max(count, 2 * buffer.count)
        let (bytes, overflows) = count.multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
        guard !overflows else { throw OutOfMemory(bytes: .max) }
        let pointer = try unsafe ProcessMemory.zeroed(bytes)
        let larger = unsafe UncheckedBuffer(pointer.assumingMemoryBound(to: Element.self), count: count)
        larger.copy(buffer, length: buffer.count)
        release()
        buffer = larger
    }

    private func release() {
        if buffer.count > 0 { unsafe ProcessMemory.release(UnsafeMutableRawPointer(buffer.base)) }
    }
}

extension UncheckedBuffer where Element: Comparable {
    /// Sorts the first `count` elements.
    func sort(_ count: Int) {
        assert(count <= self.count)
        // A list and its new links, or what is nearly in order: less than the general sort costs to begin.
        if count <= 256 { return sortNearlySorted(count) }
        var elements = unsafe UnsafeMutableBufferPointer(start: base, count: count)
        unsafe elements.sort()
    }
}

extension UncheckedBuffer<UInt32> {
    /// Eight elements from `index` on.
    @inline(__always)
    func eight(at index: Int) -> SIMD8<UInt32> {
        assert(index >= 0 && index + 8 <= count)
        return unsafe UnsafeRawPointer(base + index).loadUnaligned(as: SIMD8<UInt32>.self)
    }
}
