import CKernels

/// How a search weighs its work where a vector costs a read of the disk, as long as some hundred codes.
///
/// It reads fewer vectors and looks further by the codes, in such a measure that the same ef finds as much as it does in
/// memory: on one million SIFT rows with 4 bits, at an ef of 100, 20 vectors in the place of 24, and a recall of 0.980 as
/// before. What no ef finds then is 0.003 of the neighbours, there and on 256 dimensions: less than codes may lose.
enum DiskReading {
    /// Of the margin by which a candidate's code may be farther than the k-th vector.
    static let marginShare: Float = 0.7
    /// Candidates that are read with the k best: most of them are needed, and to ask twice takes longer.
    static let stageExtra = 6
    /// Vectors that a stage after the first reads at the most.
    static let stage = 32

    /// Candidates whose lists are read together, where lists are on the disk as well. With more, a walk looks at
    /// candidates that it would not have come to.
    static let listsAtOnce = 4

    static func widened(_ width: Int) -> Int { width + width / 8 }

    /// After how many hops of a walk of `width` the rows of its best candidates are begun to be read: most of the best
    /// are known long before the walk knows that there are no better ones.
    static func beginning(ofWalk width: Int) -> Int { max(1, width * 35 / 100) }
}

/// Vectors that the best candidates are compared by, where vectors are on the disk: all of a stage are read at a time.
extension Graph {
    /// Computes the distances from `computer`'s query to the vectors of `count` slots.
    func compareFetched(
        _ computer: DistanceComputer, _ slots: UncheckedBuffer<UInt32>, _ count: Int,
        _ results: UncheckedBuffer<Float>, _ scratch: SearchScratch
    ) {
        guard let reads = scratch.rowReads else {
            fetchRows?(slots, count)
            computer.prefetch(slots, count)
            return computer.compute(slots, count, results)
        }
        let atOnce = SearchScratch.fetchedAtOnce
        var first = 0
        while first < count {
            let next = min(count, first + atOnce), some = slots.dropFirst(first)
            let rows = unsafe scratch.fetchedRows
            if unsafe reads.read(some, next - first, to: rows) {
                unsafe distances.compute(
                    computer.query, rowsAt: rows, of: some, next - first, results.dropFirst(first), scratch)
            } else {
                fetchRows?(some, next - first)
                computer.compute(some, next - first, results.dropFirst(first))
            }
            first = next
        }
    }
}

extension Graph {
    /// Has the rows of the pool's best candidates read: most of them are what a search for `count` will decide between.
    func expectRows(_ count: Int, of size: Int, _ scratch: SearchScratch) {
        guard let reads = scratch.rowReads, count > 0 else { return }
        let gathered = scratch.gathered, pool = scratch.pool
        let wanted = min(size, gathered.count, SearchScratch.fetchedAtOnce, count + DiskReading.stageExtra)
        for index in 0..<wanted { gathered[index] = pool[index].slot }
        reads.expect(gathered, wanted)
    }
}

extension Distances {
    /// Computes the distances to copies of the rows of `count` slots, no more than `SearchScratch.fetchedAtOnce`.
    fileprivate func compute(
        _ query: Query, rowsAt base: UnsafeRawPointer, of slots: UncheckedBuffer<UInt32>, _ count: Int,
        _ results: UncheckedBuffer<Float>, _ scratch: SearchScratch
    ) {
        var rows = unsafe self.rows.pointee
        unsafe rows.base = base
        if let norms = unsafe rows.norms {
            let copies = scratch.fetchedNorms
            for index in 0..<count { copies[index] = unsafe norms[Int(slots[index])] }
            unsafe rows.norms = UnsafePointer(copies.base)
        }
        if unsafe custom != nil {
            for index in 0..<count {
                results[index] = unsafe distance(query, toRowAt: base + index * rows.stride)
            }
            return
        }
        unsafe kernel(&rows, query.vector, query.norm, scratch.ordinals.base, count, results.base)
    }
}
