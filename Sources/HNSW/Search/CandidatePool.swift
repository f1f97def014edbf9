import CKernels

/// The best candidates so far, ascending: a sorted array that is inserted into, not a heap, because a search reads it
/// in order, cuts it at the width, and asks what comes next to prefetch it.
@safe
struct CandidatePool {
    let candidates: UncheckedBuffer<Candidate>
    let countLess: cairn_count_less_fn
    var size = 0

    @inline(__always)
    init(_ scratch: SearchScratch) {
        candidates = scratch.pool
        unsafe countLess = scratch.countLess
    }

    /// A pool in memory of its own: room for one more than it will hold.
    init(_ memory: UncheckedBuffer<Candidate>, _ scratch: SearchScratch) {
        candidates = memory
        unsafe countLess = scratch.countLess
    }

    /// Inserts `candidate`, dropping the worst one if there are `width` already, and returns its place. Only for one
    /// that `admits`.
    @inline(__always)
    mutating func insert(_ candidate: Candidate, width: Int) -> Int {
        let place = unsafe Int(countLess(candidates.base, UInt32(truncatingIfNeeded: size), candidate))
        let moved = (size < width ? size : width &- 1) &- place
        candidates.move(from: place, to: place &+ 1, length: moved)
        candidates[place] = candidate
        if size < width { size &+= 1 }
        return place
    }

    /// Takes out `candidate` if it is there.
    mutating func remove(_ candidate: Candidate) {
        let place = unsafe Int(countLess(candidates.base, UInt32(truncatingIfNeeded: size), candidate))
        guard place < size, candidates[place] == candidate else { return }
        size &-= 1
        candidates.move(from: place &+ 1, to: place, length: size &- place)
    }

    /// Whether `candidate` belongs among the best `width`.
    @inline(__always)
    func admits(_ candidate: Candidate, width: Int) -> Bool {
        size < width || candidate < candidates[width &- 1]
    }

    /// Whether `candidate` belongs into a pool that also holds candidates that `rule` does not find: until the `live`
    /// ones that it does find are `width`, or if it is nearer than the last.
    @inline(__always)
    func admits(_ candidate: Candidate, width: Int, live: Int) -> Bool {
        live < width || candidate < candidates[size &- 1]
    }

    /// Inserts a candidate that `admits`, and drops what is then behind the `width` best found ones. Returns its place.
    /// The pool grows by one at the most.
    @inline(__always)
    mutating func insert<Rule: SearchRule>(_ candidate: Candidate, width: Int, live: inout Int, rule: Rule) -> Int {
        let place = insert(candidate, width: size &+ 1)
        guard rule.finds(candidate.slot) else { return place }
        live &+= 1
        while live > width || (live == width && !rule.finds(candidates[size &- 1].slot)) {
            size &-= 1
            if rule.finds(candidates[size].slot) { live &-= 1 }
        }
        return place
    }
}
