#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Link lists in heap memory, by number from 1 on. A list is the batch that made it, its head (the count) and room for
/// `capacity` ids. A list that searches may see is never written again: a change makes a new one and publishes its
/// number, and the old one is let go of when nobody can be reading it any more.
@safe
package final class ListArena: @unchecked Sendable {
    /// The most ids of a list.
    package let capacity: Int
    private let stride: Int
    private let shift: Int
    /// Addresses of the chunks, which hold 2^shift lists each.
    private let chunks: ReservedArray<UInt>
    private var chunkCount = 0
    private var free: [UInt32] = []
    /// One more than the highest number given out; 0 is no list.
    private var next = 1

    package init(capacity: Int) {
        self.capacity = capacity
        stride = capacity + 2
        var shift = 10
        while shift > 0 && (stride << shift) * 4 > 1 << 20 { shift -= 1 }
        self.shift = shift
        chunks = ReservedArray(capacity: Int(UInt32.max) >> shift + 1)
    }

    deinit {
        for chunk in 0..<chunkCount { unsafe releaseChunk(chunks.base[chunk]) }
    }

    /// Lists in use.
    package var count: Int { next - 1 - free.count }
    package var listBytes: Int { stride * 4 }
    package var byteCount: Int { (chunkCount << shift) * listBytes }

    /// A new list of batch `owner`, whose head and ids are zeros. Only the writer calls this.
    package func allocate(owner: UInt32) -> UInt32 {
        let place: UInt32
        if let last = free.popLast() {
            place = last
        } else {
            place = UInt32(next)
            if next >> shift >= chunkCount { addChunk() }
            next += 1
        }
        let words = self.words(place)
        unsafe memset(words.base, 0, listBytes)
        words[0] = owner
        return place
    }

    /// Takes back a list that nobody reads.
    package func release(_ place: UInt32) {
        free.append(place)
        if free.count == next - 1 { trim() }
    }

    /// Gives all memory back: no list is in use.
    private func trim() {
        for chunk in 0..<chunkCount { unsafe releaseChunk(chunks.base[chunk]) }
        chunkCount = 0
        free.removeAll()
        next = 1
    }

    private func addChunk() {
        guard let pointer = unsafe malloc((stride << shift) * 4) else { fatalError("out of memory for link lists") }
        chunks.extend(to: chunkCount + 1)
        unsafe chunks.base[chunkCount] = UInt(bitPattern: pointer)
        chunkCount += 1
    }

    @inline(__always)
    private func words(_ place: UInt32) -> UncheckedBuffer<UInt32> {
        let chunk = unsafe UnsafeMutablePointer<UInt32>(bitPattern: chunks.base[Int(place) >> shift])!
        let index = Int(place) & (1 &<< shift &- 1)
        return unsafe UncheckedBuffer(chunk + index &* stride, count: stride)
    }

    /// The list's head, then its ids.
    @inline(__always)
    package func list(_ place: UInt32) -> UncheckedBuffer<UInt32> { words(place).dropFirst(1) }

    /// The batch that made the list.
    func owner(_ place: UInt32) -> UInt32 { words(place)[0] }
}

private func releaseChunk(_ address: UInt) {
    unsafe free(UnsafeMutableRawPointer(bitPattern: address))
}
