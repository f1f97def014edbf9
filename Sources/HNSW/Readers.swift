import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The threads that read at the moment, so that a writer knows when memory that they might still look at can be used
/// again: epoch-based reclamation (Fraser, 2004). A reader takes one of the places, which also lends it the memory of a
/// search; it waits for nobody unless every place is taken.
///
/// A writer first makes something unreachable, then calls `advance()`, and may reuse it once `havePassed` says that
/// every reader of that time has left.
@safe
package final class Readers: @unchecked Sendable {
    /// More threads than this that read at once wait for a place.
    private static let placeCount = 256
    /// Words between two places: they are written by different threads, so each has its own cache lines.
    private static let spacing = 16

    /// Each place's epoch; 0 when it is free.
    private let places: UnsafeMutablePointer<Atomic<UInt64>>
    private let scratches: UnsafeMutablePointer<SearchScratch?>
    private let epoch = Atomic<UInt64>(1)

    package init() {
        unsafe places = .allocate(capacity: Self.placeCount * Self.spacing)
        for index in 0..<Self.placeCount * Self.spacing { unsafe (places + index).initialize(to: Atomic(0)) }
        unsafe scratches = .allocate(capacity: Self.placeCount)
        unsafe scratches.initialize(repeating: nil, count: Self.placeCount)
    }

    deinit {
        unsafe scratches.deinitialize(count: Self.placeCount)
        unsafe scratches.deallocate()
        unsafe places.deallocate()
    }

    /// Runs `body` as a reader, with a scratch of its own: whatever is published when it starts stays readable until it ends.
    package func read<Result, Failure: Error>(
        _ body: (SearchScratch) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let place = enter()
        defer { leave(place) }
        return try body(scratch(place))
    }

    /// Takes a place; `leave` gives it back.
    package func enter() -> Int {
        var index = Int(truncatingIfNeeded: Self.threadHash) & (Self.placeCount - 1)
        var tried = 0
        while !take(index) {
            index = (index + 1) & (Self.placeCount - 1)
            tried += 1
            if tried % Self.placeCount == 0 { sched_yield() }
        }
        return index
    }

    /// Takes up to `count` further places, for their scratches: those that are free, without waiting.
    package func enterMore(_ count: Int) -> [Int] {
        var taken: [Int] = [], index = Int(truncatingIfNeeded: Self.threadHash) & (Self.placeCount - 1)
        for _ in 0..<Self.placeCount where taken.count < count {
            index = (index + 1) & (Self.placeCount - 1)
            if take(index) { taken.append(index) }
        }
        return taken
    }

    /// Takes the place if it is free. What the reader loads afterwards is what was published before a writer saw it here,
    /// or later.
    private func take(_ place: Int) -> Bool {
        let word = unsafe places + place * Self.spacing
        guard unsafe word.pointee.load(ordering: .relaxed) == 0 else { return false }
        let now = epoch.load(ordering: .acquiring)
        let isTaken = unsafe word.pointee.compareExchange(
            expected: 0, desired: now, ordering: .sequentiallyConsistent
        ).exchanged
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        return isTaken
    }

    package func leave(_ place: Int) {
        unsafe (places + place * Self.spacing).pointee.store(0, ordering: .releasing)
    }

    /// The scratch that goes with a place that was taken.
    package func scratch(_ place: Int) -> SearchScratch {
        if let scratch = unsafe scratches[place] { return scratch }
        let scratch = SearchScratch()
        unsafe scratches[place] = scratch
        return scratch
    }

    /// Starts a new epoch and returns the one that ended: readers of it, or of earlier ones, may see what was reachable
    /// before.
    package func advance() -> UInt64 {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        return epoch.wrappingAdd(1, ordering: .sequentiallyConsistent).oldValue
    }

    /// Whether every reader of `epoch` and before has left.
    package func havePassed(_ epoch: UInt64) -> Bool {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        for index in 0..<Self.placeCount {
            let taken = unsafe (places + index * Self.spacing).pointee.load(ordering: .sequentiallyConsistent)
            if taken != 0 && taken <= epoch { return false }
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
        for place in 0..<Self.placeCount where take(place) {
            bytes += unsafe scratches[place]?.byteCount ?? 0
            leave(place)
        }
        return bytes
    }

    /// Distances computed and link lists read by searches that have ended, and whose places nobody has at the moment.
    package var work: (distances: Int, listsRead: Int) {
        var work = (distances: 0, listsRead: 0)
        for place in 0..<Self.placeCount where take(place) {
            work.distances += unsafe scratches[place]?.distanceCount ?? 0
            work.listsRead += unsafe scratches[place]?.hopCount ?? 0
            leave(place)
        }
        return work
    }

    private static var threadHash: UInt64 {
        #if canImport(Darwin)
        let thread = unsafe UInt64(UInt(bitPattern: pthread_self()))
        #else
        let thread = UInt64(pthread_self())
        #endif
        return (thread &* 0x9E37_79B9_7F4A_7C15) >> 40
    }
}
