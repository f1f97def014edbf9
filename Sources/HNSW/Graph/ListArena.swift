package import Allocation

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
    // Sendable because the thread that writes alone takes and gives back lists, and a list that searches may see is not
    // written until its readers have left.

    /// The most ids of a list.
    package let capacity: Int
    private let stride: Int
    private let shift: Int
    /// Addresses of the chunks, which hold 2^shift lists each.
    private let chunks: ReservedArray<UInt>
    private var chunkCount = 0
    /// The list that was given back last, whose first word is the number of the one before it; 0 for none.
    private var firstFree: UInt32 = 0
    private var freeCount = 0
    /// One more than the highest number given out; 0 is no list.
    private var next = 1
    private let end: Int

    /// `capacity`: ids of a list. `owners`: how many lists can be in use; those that were replaced, and that searches
    /// may still be reading, come on top.
    package init(capacity: Int, owners: Int) throws(OutOfMemory) {
        self.capacity = capacity
        stride = capacity + 2
        var shift = 10
        while shift > 0 && (stride << shift) * 4 > 1 << 20 { shift -= 1 }
        self.shift = shift
        end = min(16 * owners + 65_536, Int(UInt32.max))
        chunks = try ReservedArray(capacity: end >> shift + 1)
    }

    deinit {
        for chunk in 0..<chunkCount { unsafe releaseChunk(chunks.base[chunk]) }
    }

    /// Lists in use.
    package var count: Int { next - 1 - freeCount }
    package var listBytes: Int { stride * 4 }
    package var byteCount: Int { (chunkCount << shift) * listBytes }

    /// A new list of batch `owner`, whose head and ids are zeros. Only the writer calls this.
    package func allocate(owner: UInt32) throws(OutOfMemory) -> UInt32 {
        let place: UInt32, words: UncheckedBuffer<UInt32>
        if firstFree != 0 {
            place = firstFree
            words = self.words(place)
            firstFree = words[0]
            freeCount -= 1
        } else {
            guard next < end else { throw OutOfMemory(bytes: listBytes) }
            place = UInt32(next)
            if next >> shift >= chunkCount { try addChunk() }
            next += 1
            words = self.words(place)
        }
        unsafe memset(words.base, 0, listBytes)
        words[0] = owner
        return place
    }

    /// Takes back a list that nobody reads.
    package func release(_ place: UInt32) {
        words(place)[0] = firstFree
        firstFree = place
        freeCount += 1
        if freeCount == next - 1 { trim() }
    }

    /// Gives all memory back: no list is in use.
    private func trim() {
        for chunk in 0..<chunkCount { unsafe releaseChunk(chunks.base[chunk]) }
        chunkCount = 0
        (firstFree, freeCount) = (0, 0)
        next = 1
    }

    private func addChunk() throws(OutOfMemory) {
        try chunks.extend(to: chunkCount + 1)
        unsafe chunks.base[chunkCount] = UInt(bitPattern: try ProcessMemory.allocate((stride << shift) * 4))
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
    if let chunk = unsafe UnsafeMutableRawPointer(bitPattern: address) { unsafe ProcessMemory.release(chunk) }
}
