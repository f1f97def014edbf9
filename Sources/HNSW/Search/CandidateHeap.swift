import Allocation

/// Candidates of any number, of which only the smallest is asked for: a binary heap. Its memory stays for the next
/// search.
@safe
struct CandidateHeap {
    private let memory: Memory<Candidate>
    private(set) var count = 0

    /// An empty one.
    init(_ memory: Memory<Candidate>) {
        self.memory = memory
    }

    @inline(__always)
    var minimum: Candidate? { count == 0 ? nil : memory.buffer[0] }

    /// All of them, in no order.
    var candidates: UncheckedBuffer<Candidate> { memory.buffer.prefix(count) }

    @inline(__always)
    mutating func insert(_ candidate: Candidate) throws(OutOfMemory) {
        try memory.grow(to: count &+ 1)
        let heap = memory.buffer
        var child = count
        count &+= 1
        while child > 0 {
            let parent = (child &- 1) / 2
            if heap[parent] <= candidate { break }
            heap[child] = heap[parent]
            child = parent
        }
        heap[child] = candidate
    }

    /// Only where there is one.
    mutating func removeMinimum() {
        count &-= 1
        if count > 0 { sink(memory.buffer[count]) }
    }

    /// Puts `candidate` in the smallest one's place. Only where there is one.
    mutating func replaceMinimum(_ candidate: Candidate) { sink(candidate) }

    mutating func removeAll() { count = 0 }

    /// Fills the free place at the top.
    private func sink(_ candidate: Candidate) {
        let heap = memory.buffer
        var parent = 0
        while true {
            var child = 2 &* parent &+ 1
            if child >= count { break }
            if child &+ 1 < count && heap[child &+ 1] < heap[child] { child &+= 1 }
            if heap[child] >= candidate { break }
            heap[parent] = heap[child]
            parent = child
        }
        heap[parent] = candidate
    }
}
