package import Allocation

/// Zeroed elements at addresses that never move: the range is reserved once, and memory is put behind its beginning as
/// the array grows. So readers keep their pointer while a writer extends the array, and elements that were never
/// written cost no memory.
@safe
package final class ReservedArray<Element: ~Copyable>: @unchecked Sendable {
    // Sendable because `base` never moves, `usableBytes` belongs to the one thread that extends it, and the owner
    // orders access to the elements.

    package let base: UnsafeMutablePointer<Element>
    /// The most elements it can have.
    package let capacity: Int
    private let addresses: AddressRange
    private var usableBytes = 0

    /// It grows by whole pages of this size, the largest of the systems we run on; a long one by what the kernel makes
    /// large pages of.
    private static var page: Int { 16 << 10 }
    private static var largePage: Int { 2 << 20 }

    /// Reserves addresses for `capacity` elements, whose all-zeros pattern must be a valid value.
    package init(capacity: Int) throws(OutOfMemory) {
        self.capacity = capacity
        let (bytes, overflows) = max(capacity, 1).multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
        guard !overflows && bytes < .max - Self.page else { throw OutOfMemory(bytes: .max) }
        addresses = try AddressRange(Self.roundUp(bytes, to: Self.page))
        unsafe base = addresses.start.assumingMemoryBound(to: Element.self)
    }

    /// Makes the first `count` elements usable; the new ones are zero. One thread at a time; readers of the others go on.
    package func extend(to count: Int) throws(OutOfMemory) {
        precondition(count <= capacity)
        let needed = count * MemoryLayout<Element>.stride
        guard needed > usableBytes else { return }
        // An eighth more, so that growing one by one asks the system seldom.
        let unit = needed < Self.largePage ? Self.page : Self.largePage
        let end = min(Self.roundUp(needed + needed / 8, to: unit), addresses.byteCount)
        try addresses.commit(usableBytes..<end)
        usableBytes = end
    }

    private static func roundUp(_ bytes: Int, to unit: Int) -> Int { (bytes + unit - 1) / unit * unit }
}
