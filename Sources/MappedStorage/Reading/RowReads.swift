import CReadRing
import FileFormat

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Reads of rows that are under way together, for one search at a time: `RowReader` lends them.
@safe
package final class RowReads: @unchecked Sendable {
    // Sendable because one thread at a time has it, and whoever gives it back lets go of it.

    /// How many reads are under way at a time.
    private static let depth = 64

    /// How many reads are kept.
    private let capacity: Int
    private let file: File
    private let memory: ColumnMemory
    private let column: Geometry.Column
    private let stride: Int
    private let ring: OpaquePointer
    private let pages: UnsafeMutableRawPointer
    private let bytesPerRead: Int
    /// Where rows are in the file, as of when it was lent.
    var places = RowPlaces()
    /// What was asked for since `finish`. A row lies in one of them.
    private var reads: [Read] = []
    private var underWay = 0
    /// Reads may be under way that nobody waits for any more: nothing is read again.
    private(set) var isBroken = false
    /// Reads that have ended since it was made.
    private(set) var endedCount = 0

    /// Whole pages of the file.
    private struct Read {
        let offset: Int
        let length: Int
        var state: State
        enum State { case underWay, done, failed }
    }

    /// nil where the kernel has no ring for it.
    init?(_ file: File, _ memory: ColumnMemory, _ column: Geometry.Column, capacity: Int) {
        (self.file, self.memory, self.column, self.capacity) = (file, memory, column, capacity)
        stride = memory.geometry.stride(of: column)
        // The most pages that a row lies on.
        bytesPerRead = ((stride - 2) / Geometry.pageSize + 2) * Geometry.pageSize
        let length = capacity * bytesPerRead
        guard
            let pages = unsafe mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            unsafe pages != MAP_FAILED
        else { return nil }
        guard let ring = unsafe cairn_read_ring_open(UInt32(Self.depth), file.descriptor, pages, length) else {
            unsafe munmap(pages, length)
            return nil
        }
        unsafe (self.ring, self.pages) = (ring, pages)
        reads.reserveCapacity(capacity)
    }

    deinit {
        // The kernel may still write into the pages of one that is broken.
        guard underWay == 0 else { return }
        unsafe cairn_read_ring_close(ring)
        unsafe munmap(pages, byteCount)
    }

    /// Memory for what is read.
    var byteCount: Int { capacity * bytesPerRead }

    /// Begins to read the rows of `count` slots, for who will most likely ask for them, as far as there is room.
    package func expect(_ slots: UnsafePointer<UInt32>, _ count: Int) {
        guard !isBroken else { return }
        for index in 0..<count {
            guard reads.count < capacity else { break }
            _ = unsafe read(of: slots[index])
        }
        submit(waitingFor: 0)
    }

    /// Puts the rows of `count` slots at `rows`, one after the other, as far apart as in the column. False if they cannot
    /// be read.
    package func read(_ slots: UnsafePointer<UInt32>, _ count: Int, to rows: UnsafeMutableRawPointer) -> Bool {
        var first = 0
        while first < count {
            let next = min(count, first + capacity)
            guard unsafe readSome(slots + first, next - first, to: rows + first * stride) else { return false }
            first = next
        }
        return true
    }

    /// Forgets what was asked for, once nothing is under way any more.
    func finish() {
        while underWay > 0 && !isBroken { submit(waitingFor: underWay) }
        reads.removeAll(keepingCapacity: true)
    }

    private func readSome(
        _ slots: UnsafePointer<UInt32>, _ count: Int, to rows: UnsafeMutableRawPointer
    ) -> Bool {
        if reads.count + count > capacity { finish() }
        guard !isBroken else { return false }
        var missing = 0
        for index in 0..<count {
            if let read = unsafe read(of: slots[index])?.read, reads[read].state == .underWay { missing += 1 }
        }
        // Two rows may wait for one read, and others may end first.
        submit(waitingFor: min(missing, underWay))
        for index in 0..<count {
            let slot = unsafe slots[index], target = unsafe rows + index * stride
            guard let (read, place) = read(of: slot) else {
                // It is in two places of the file, in memory of this process alone, or cannot be read.
                let row = unsafe memory.base(of: column) + Int(slot) * stride
                unsafe target.copyMemory(from: row, byteCount: stride)
                continue
            }
            while reads[read].state == .underWay && !isBroken { submit(waitingFor: 1) }
            guard reads[read].state == .done else { return false }
            unsafe target.copyMemory(from: pages + read * bytesPerRead + place, byteCount: stride)
        }
        return true
    }

    /// The read that has the row of a slot, begun now if there was none, and where in it; nil if there is no one place in
    /// the file to read it from. There is room for it.
    private func read(of slot: UInt32) -> (read: Int, place: Int)? {
        guard let offset = places.offset(ofRow: slot, stride) else { return nil }
        let first = offset & ~(Geometry.pageSize - 1), end = roundUp(offset + stride, to: Geometry.pageSize)
        for number in reads.indices {
            let start = reads[number].offset
            if start <= first && end <= start + reads[number].length { return (number, offset - start) }
        }
        if underWay == Self.depth { submit(waitingFor: 1) }
        guard !isBroken else { return nil }
        let number = reads.count
        reads.append(Read(offset: first, length: end - first, state: .underWay))
        underWay += 1
        unsafe cairn_read_ring_add(
            ring, pages + number * bytesPerRead, UInt32(end - first), UInt64(first), UInt64(number))
        return (number, offset - first)
    }

    /// Hands to the kernel what was begun, and takes what has ended.
    private func submit(waitingFor count: Int) {
        guard unsafe cairn_read_ring_submit(ring, UInt32(count)) == 0 else {
            isBroken = true
            return
        }
        var number: UInt64 = 0, length: Int32 = 0
        while unsafe cairn_read_ring_take(ring, &number, &length) {
            underWay -= 1
            endedCount += 1
            reads[Int(number)].state = length == Int32(reads[Int(number)].length) ? .done : .failed
        }
    }
}
