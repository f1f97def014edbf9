import CKernels

/// A search of level 0 in progress: the best `width` slots around where it began, ascending in a pool.
///
/// A hop is `gather`, which takes the next candidate, finds its neighbours that were not seen yet and asks for their
/// rows; then `lookAhead`, which asks for the rows of the next candidate's neighbours and for the list of the one
/// after; only then `compare`, which computes, so that the memory is on its way while the CPU works (worth a quarter of
/// the queries a second at 128 dimensions). Several walks may take turns instead (`takeTurn`), each computing while the
/// others wait for memory.
///
/// What `rule` does not find is walked through, and takes no place from what it finds: the pool then holds the best
/// `width` found ones and whatever else is nearer than the last of them.
@safe
struct LevelZeroWalk<Rule: SearchRule> {
    private let lists: LevelZeroLists
    private let computer: DistanceComputer
    private let columns: Columns
    private let plan: PrefetchPlan
    private let scratch: SearchScratch
    private let gathered: UncheckedBuffer<UInt32>
    private let results: UncheckedBuffer<Float>
    private let rule: Rule
    /// How many candidates are looked at, and how many kept.
    private let width: Int
    private let kept: Int
    private let limit: UInt32
    private let listCapacity: Int
    private let poolLimit: Int
    private var visited: VisitedSet.View
    private var pool: CandidatePool
    private var live = 0
    private var cursor = 0
    /// How many neighbours wait to be compared.
    private var found = 0
    private var distanceCount = 0
    private var hopCount = 0
    /// In turns: the neighbours of a candidate were gathered, and are not compared yet.
    private var isGathered = false
    private let trace: SearchTrace?
    private let fetchRows: (@Sendable (UncheckedBuffer<UInt32>, Int) -> Void)?

    /// Begins at `entry`. `scratch` has been prepared for the walk, and belongs to it until `finish`. `masked`: a slot,
    /// not the entry's, that is left out as if it were not in the graph.
    @inline(__always)
    init(
        _ graph: Graph, _ computer: DistanceComputer, from entry: Candidate, _ width: WalkWidth, in view: GraphView,
        rule: Rule, masking masked: UInt32? = nil, _ scratch: SearchScratch
    ) {
        lists = view.levelZero
        fetchRows = graph.fetchRows == nil || !computer.compares(graph.columns) ? nil : graph.fetchRows
        self.computer = computer
        columns = graph.columns
        plan = computer.prefetchPlan
        self.scratch = scratch
        trace = scratch.trace
        gathered = scratch.gathered
        results = scratch.distances
        self.rule = rule
        self.width = width.looked
        kept = width.kept
        limit = UInt32(truncatingIfNeeded: view.count)
        listCapacity = graph.parameters.capacity(level: 0)
        poolLimit = Rule.isNeeded ? VisibleSlots.poolLimit(width: kept) : .max
        visited = scratch.visited.view(reserving: 2)
        pool = CandidatePool(scratch)
        _ = visited.insert(entry.slot)
        if let masked { _ = visited.insert(masked) }
        if Rule.isNeeded {
            _ = pool.insert(entry, width: kept, live: &live, rule: rule)
        } else {
            _ = pool.insert(entry, width: kept)
        }
    }

    /// Whether there is another hop to make.
    @inline(__always)
    var hasNext: Bool {
        guard cursor < pool.size else { return false }
        guard Rule.isNeeded else { return cursor < width }
        return cursor < width &+ (pool.size &- live) && pool.size < poolLimit
    }

    /// Whether a walk of `width` would end here: its best are the same as those of a wider walk, which goes the same
    /// way up to here. For walks without a rule.
    func isDone(_ width: Int) -> Bool { cursor >= min(width, pool.size) }

    /// How many candidates are in the pool.
    var size: Int { pool.size }

    /// Takes the next candidate, and asks for the rows of its neighbours that were not seen yet.
    @inline(__always)
    mutating func gather() {
        let node = pool.candidates[cursor].slot
        pool.candidates[cursor] |= Candidate.expandedFlag
        if visited.count &+ listCapacity > visited.touched.count {
            scratch.visited.update(visited)
            visited = scratch.visited.view(reserving: listCapacity)
        }
        // Locals, because what a store might point to is loaded and stored each time.
        var visited = self.visited
        let (ids, length) = lists.list(node, gathered)
        trace?.readList(ids, length)
        var found = 0, index = 0
        while index < length {
            // Read once: the file may change between two looks at it.
            let id = ids[index]
            index &+= 1
            if id >= limit { continue }
            gathered[found] = id
            found &+= visited.insert(id)
        }
        index = 0
        while index < found {
            computer.prefetch(gathered[index], lines: plan.rowLines)
            if Rule.isNeeded {
                unsafe cairn_prefetch(columns.slotTable + Int(gathered[index]) &* Columns.slotEntrySize)
            }
            index &+= 1
        }
        if let fetchRows { fetchRows(gathered, found) }
        self.visited = visited
        self.found = found
        cursor = nextUnexpanded(after: cursor)
    }

    /// Takes the next candidates, several at a time, reads their lists from the disk, and finds their neighbours that were
    /// not seen yet. Begins to read the lists of those after them: nearly all of them are looked at in the end. Returns
    /// how many candidates it took.
    mutating func gather(by reads: any RowReads) -> Int {
        let nodes = scratch.ahead, most = DiskReading.listsAtOnce
        let end = min(pool.size, Rule.isNeeded ? width &+ (pool.size &- live) : width)
        var count = 0, place = cursor
        while place < end && count < 2 &* most {
            if !pool.candidates[place].isExpanded {
                nodes[count] = pool.candidates[place].slot
                if count < most { pool.candidates[place] |= Candidate.expandedFlag }
                count &+= 1
            }
            place &+= 1
        }
        reads.expect(nodes, count)
        count = min(count, most)
        let lists = scratch.fetchedLists, stride = columns.linkStride
        let isRead = unsafe reads.read(nodes, count, to: UnsafeMutableRawPointer(lists.base))
        if visited.count &+ count &* listCapacity > visited.touched.count {
            scratch.visited.update(visited)
            visited = scratch.visited.view(reserving: count &* listCapacity)
        }
        var visited = self.visited, found = 0
        for index in 0..<count {
            let (ids, length) = self.lists.list(
                nodes[index], copy: isRead ? lists.dropFirst(index &* stride) : nil)
            trace?.readList(ids, length)
            for place in 0..<length {
                // Read once: the file may change between two looks at it.
                let id = ids[place]
                if id >= limit { continue }
                gathered[found] = id
                found &+= visited.insert(id)
            }
        }
        for index in 0..<found {
            computer.prefetch(gathered[index], lines: plan.rowLines)
            if Rule.isNeeded {
                unsafe cairn_prefetch(columns.slotTable + Int(gathered[index]) &* Columns.slotEntrySize)
            }
        }
        self.visited = visited
        self.found = found
        hopCount &+= count &- 1
        cursor = nextUnexpanded(after: cursor)
        return count
    }

    /// Asks for what the next hops will read.
    @inline(__always)
    func lookAhead() {
        guard cursor < pool.size else { return }
        let (ids, length) = lists.list(pool.candidates[cursor].slot, scratch.ahead)
        var index = 0
        while index < length {
            computer.prefetch(ids[index], lines: plan.pipelinedLines)
            index &+= 1
        }
        let second = nextUnexpanded(after: cursor)
        if second < pool.size { lists.prefetch(pool.candidates[second].slot) }
    }

    /// Computes the distances of what was gathered, and puts what is near enough into the pool.
    @inline(__always)
    mutating func compare() {
        computer.compute(gathered, found, results)
        trace?.compared(computer, gathered, found)
        distanceCount &+= found
        hopCount &+= 1
        var pool = self.pool, live = self.live, cursor = self.cursor
        var index = 0
        while index < found {
            let candidate = Candidate(distance: results[index], slot: gathered[index])
            let place: Int
            if Rule.isNeeded {
                place =
                    pool.admits(candidate, width: kept, live: live)
                    ? pool.insert(candidate, width: kept, live: &live, rule: rule) : -1
            } else {
                place = pool.admits(candidate, width: kept) ? pool.insert(candidate, width: kept) : -1
            }
            if place >= 0 {
                if place < cursor { cursor = place }
                if place <= cursor &+ PrefetchPlan.listDistance { lists.prefetch(gathered[index]) }
            }
            index &+= 1
        }
        (self.pool, self.live, self.cursor) = (pool, live, cursor)
    }

    /// Makes half a hop: what it asks the memory for is there by the walk's next turn. False when there is nothing left
    /// to do.
    @inline(__always)
    mutating func takeTurn() -> Bool {
        if isGathered {
            compare()
            isGathered = false
            guard hasNext else { return false }
            lists.prefetch(pool.candidates[cursor].slot)
        } else {
            guard hasNext else { return false }
            if let reads = scratch.listReads { _ = gather(by: reads) } else { gather() }
            isGathered = true
        }
        return true
    }

    /// Leaves the scratch clean for the next search. Returns how many candidates are in the pool; -1 if more belong
    /// there than it has room for.
    @inline(__always)
    mutating func finish() -> Int {
        scratch.visited.update(visited)
        scratch.visited.clear()
        scratch.distanceCount += distanceCount
        scratch.hopCount += hopCount
        return Rule.isNeeded && pool.size >= poolLimit ? -1 : pool.size
    }

    @inline(__always)
    private func nextUnexpanded(after cursor: Int) -> Int {
        var next = cursor &+ 1
        while next < pool.size && pool.candidates[next].isExpanded { next &+= 1 }
        return next
    }
}

extension Columns {
    /// Asks for the list of a slot: its head, and the first lines of its ids.
    @inline(__always)
    func prefetchList(_ slot: UInt32) {
        unsafe cairn_prefetch(linkHeads + Int(slot))
        unsafe cairn_prefetch_lines(links + Int(slot) &* linkStride, Int32(min(linkStride / 16, 4)))
    }
}

/// Walks that take turns on one thread.
@safe
struct WalksInTurns<Rule: SearchRule>: ~Copyable {
    private let walks: UnsafeMutablePointer<LevelZeroWalk<Rule>>
    private var count = 0
    private let capacity: Int

    /// How many walks a thread has under way: with more, each waits longer for its turn than for memory.
    static var most: Int { 4 }

    init() {
        capacity = Self.most
        unsafe walks = .allocate(capacity: capacity)
    }

    deinit {
        unsafe walks.deinitialize(count: count)
        unsafe walks.deallocate()
    }

    /// Has a walk take part.
    mutating func append(_ walk: LevelZeroWalk<Rule>) {
        precondition(count < capacity)
        unsafe (walks + count).initialize(to: walk)
        count += 1
    }

    /// Walks to the end. Calls `walked` with each walk's number and how many candidates are in its pool, and `body` once
    /// all have ended, with how many `finish` says; and lets go of the memory.
    consuming func finish<Failure: Error>(
        walked: (_ number: Int, _ size: Int) -> Void = { _, _ in },
        _ body: (_ number: Int, _ size: Int) throws(Failure) -> Void
    ) throws(Failure) {
        var waiting = [Int](0..<count)
        while !waiting.isEmpty {
            var index = 0
            while index < waiting.count {
                if unsafe walks[waiting[index]].takeTurn() {
                    index &+= 1
                } else {
                    let number = waiting.remove(at: index)
                    unsafe walked(number, walks[number].size)
                }
            }
        }
        var sizes: [Int] = []
        // All leave their scratches clean, whatever comes of the first.
        for number in 0..<count { unsafe sizes.append(walks[number].finish()) }
        for number in 0..<count { try body(number, sizes[number]) }
    }
}
