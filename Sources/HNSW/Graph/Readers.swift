package import Allocation
import Synchronization
import Threading

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A time between two moments when something became unreachable for new readers.
package struct Epoch: Sendable, Hashable {
    let number: UInt64
}

/// The threads that read at the moment, so that a writer knows when memory that they might still look at can be used
/// again: epoch-based reclamation (Fraser, 2004). A reader takes one of the places, which also lends it the memory of a
/// search. It waits for nobody: where every place is taken, there are more places.
///
/// A writer first makes something unreachable, then calls `advance()`, and may reuse it once `havePassed` says that
/// every reader of that time has left.
@safe
package final class Readers: @unchecked Sendable {
    // Sendable because places and the epoch are atomic, blocks are added under `growing`, and a scratch is touched only
    // by the thread that has taken its place.

    /// Places come by the block, and stay.
    private static let blockSize = 256
    private static let mostBlocks = 1024
    /// Words between two places: they are written by different threads, so each has its own cache lines.
    private static let spacing = 16

    /// The first block, and the addresses of the others.
    private let firstBlock: UnsafeMutableRawPointer
    private let blocks: UnsafeMutablePointer<Atomic<UInt>>
    private let blockCount = Atomic<Int>(1)
    private let growing = Guarded<Void>(())
    private let epoch = Atomic<UInt64>(1)

    package init() throws(OutOfMemory) {
        let table = try unsafe ProcessMemory.zeroed(Self.mostBlocks * MemoryLayout<Atomic<UInt>>.stride)
        do throws(OutOfMemory) {
            unsafe firstBlock = try ProcessMemory.zeroed(Self.blockBytes)
        } catch {
            unsafe ProcessMemory.release(table)
            throw error
        }
        unsafe blocks = table.assumingMemoryBound(to: Atomic<UInt>.self)
    }

    deinit {
        for block in 0..<blockCount.load(ordering: .relaxed) {
            let start = unsafe blockStart(block * Self.blockSize)
            unsafe scratches(block * Self.blockSize).deinitialize(count: Self.blockSize)
            unsafe ProcessMemory.release(start)
        }
        unsafe ProcessMemory.release(UnsafeMutableRawPointer(blocks))
    }

    // MARK: Blocks: each place's epoch, 0 when it is free, then each place's scratch

    private static let wordBytes = blockSize * spacing * MemoryLayout<Atomic<UInt64>>.stride
    private static let blockBytes = wordBytes + blockSize * MemoryLayout<SearchScratch?>.stride

    @inline(__always)
    private func blockStart(_ place: Int) -> UnsafeMutableRawPointer {
        if place < Self.blockSize { return unsafe firstBlock }
        let address = unsafe (blocks + place / Self.blockSize).pointee.load(ordering: .acquiring)
        return unsafe UnsafeMutableRawPointer(bitPattern: address)!
    }

    private func word(_ place: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        let words = unsafe blockStart(place).assumingMemoryBound(to: Atomic<UInt64>.self)
        return unsafe words + place % Self.blockSize * Self.spacing
    }

    /// The scratches of the block that `place` is in.
    private func scratches(_ place: Int) -> UnsafeMutablePointer<SearchScratch?> {
        unsafe (blockStart(place) + Self.wordBytes).assumingMemoryBound(to: SearchScratch?.self)
    }

    /// Adds a block, unless somebody else just has.
    private func addBlock(behind count: Int) throws(OutOfMemory) {
        let result = growing.withLock { _ in
            Result { () throws(OutOfMemory) in
                guard blockCount.load(ordering: .relaxed) == count else { return }
                guard count < Self.mostBlocks else { throw OutOfMemory(bytes: 0) }
                // Zeros are places that are free, and no scratches.
                let start = try unsafe ProcessMemory.zeroed(Self.blockBytes)
                unsafe (blocks + count).pointee.store(UInt(bitPattern: start), ordering: .releasing)
                blockCount.store(count + 1, ordering: .sequentiallyConsistent)
            }
        }
        try result.get()
    }

    private var placeCount: Int { blockCount.load(ordering: .sequentiallyConsistent) * Self.blockSize }

    // MARK: Reading

    /// Takes a place; `leave` gives it back. Throws where there is no memory for more places.
    package func enter() throws(OutOfMemory) -> Int {
        let start = Self.firstTried
        var block = 0
        while true {
            let count = blockCount.load(ordering: .acquiring)
            while block < count {
                for offset in 0..<Self.blockSize {
                    let place = block * Self.blockSize + (start + offset) % Self.blockSize
                    if take(place) { return place }
                }
                block += 1
            }
            try addBlock(behind: count)
        }
    }

    /// Takes up to `count` further places, for their scratches: those that are free, without waiting.
    package func enterMore(_ count: Int) -> [Int] {
        var taken: [Int] = [], start = Self.firstTried
        for _ in 0..<Self.blockSize where taken.count < count {
            start = (start + 1) % Self.blockSize
            if take(start) { taken.append(start) }
        }
        return taken
    }

    /// Takes the place if it is free. What the reader loads afterwards is what was published before a writer saw it
    /// here, or later.
    private func take(_ place: Int) -> Bool {
        let word = unsafe word(place)
        guard unsafe word.pointee.load(ordering: .relaxed) == 0 else { return false }
        let now = epoch.load(ordering: .acquiring)
        let isTaken = unsafe word.pointee.compareExchange(
            expected: 0, desired: now, ordering: .sequentiallyConsistent
        ).exchanged
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        return isTaken
    }

    package func leave(_ place: Int) {
        unsafe word(place).pointee.store(0, ordering: .releasing)
    }

    /// The scratch that goes with a place that was taken.
    package func scratch(_ place: Int) -> SearchScratch {
        let scratches = unsafe scratches(place), index = place % Self.blockSize
        if let scratch = unsafe scratches[index] { return scratch }
        let scratch = SearchScratch()
        unsafe scratches[index] = scratch
        return scratch
    }

    // MARK: Waiting for readers

    /// Starts a new epoch and returns the one that ended: readers of it, or of earlier ones, may see what was reachable
    /// before.
    package func advance() -> Epoch {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        return Epoch(number: epoch.wrappingAdd(1, ordering: .sequentiallyConsistent).oldValue)
    }

    /// Whether every reader of `epoch` and before has left.
    package func havePassed(_ epoch: Epoch) -> Bool {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        for place in 0..<placeCount {
            let taken = unsafe word(place).pointee.load(ordering: .sequentiallyConsistent)
            if taken != 0 && taken <= epoch.number { return false }
        }
        return true
    }

    /// Waits until every reader that is there now has left.
    package func waitForAll() {
        let ended = advance()
        while !havePassed(ended) { usleep(50) }
    }

    /// Heap memory of the scratches that nobody is using.
    package var byteCount: Int {
        var bytes = 0
        for place in 0..<placeCount where take(place) {
            bytes += unsafe scratches(place)[place % Self.blockSize]?.byteCount ?? 0
            leave(place)
        }
        return bytes
    }

    /// Distances computed and link lists read by searches that have ended, and whose places nobody has at the moment.
    package var work: (distances: Int, listsRead: Int) {
        var work = (distances: 0, listsRead: 0)
        for place in 0..<placeCount where take(place) {
            work.distances += unsafe scratches(place)[place % Self.blockSize]?.distanceCount ?? 0
            work.listsRead += unsafe scratches(place)[place % Self.blockSize]?.hopCount ?? 0
            leave(place)
        }
        return work
    }

    /// Where the calling thread begins to look for a place in a block.
    private static var firstTried: Int { Int(truncatingIfNeeded: threadHash) & (blockSize - 1) }

    private static var threadHash: UInt64 {
        #if canImport(Darwin)
        let thread = unsafe UInt64(UInt(bitPattern: pthread_self()))
        #else
        let thread = UInt64(pthread_self())
        #endif
        return (thread &* 0x9E37_79B9_7F4A_7C15) >> 40
    }
}
