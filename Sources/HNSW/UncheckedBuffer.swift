#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Elements at consecutive addresses, without bounds checks in release builds: what the hot loops index. Debug builds
/// check every access, so the tests run with bounds. It does not own its memory.
@safe
package struct UncheckedBuffer<Element: BitwiseCopyable>: @unchecked Sendable {
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

    /// The same memory from `offset` on.
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
    package private(set) var buffer: UncheckedBuffer<Element>
    /// How many bytes it takes.
    package var byteCount: Int { buffer.count * MemoryLayout<Element>.stride }

    package init(_ count: Int) {
        buffer = Self.zeroed(count)
    }

    deinit { unsafe free(buffer.base) }

    private static func zeroed(_ count: Int) -> UncheckedBuffer<Element> {
        let count = max(count, 1)
        guard let pointer = unsafe calloc(count, MemoryLayout<Element>.stride) else {
            fatalError("out of memory: \(count * MemoryLayout<Element>.stride) bytes")
        }
        return unsafe UncheckedBuffer(pointer.assumingMemoryBound(to: Element.self), count: count)
    }

    /// Makes room for `count` elements; the first ones keep their values, the new ones are zero. Doubles, so that growing
    /// one by one costs O(1) each.
    package func grow(to count: Int) {
        guard count > buffer.count else { return }
        let larger = Self.zeroed(max(count, 2 * buffer.count))
        larger.copy(buffer, length: buffer.count)
        unsafe free(buffer.base)
        buffer = larger
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
