package import Allocation
package import FileFormat
import Threading

/// Inserts rows in sub-batches, on one or several threads, with the same result whatever their number.
///
/// A sub-batch is searched against a graph that does not change, so its rows need no locks; each row's candidates also
/// include the earlier rows of its own sub-batch, by brute force, at every level it has (without them a cluster that
/// arrives all at once would not find itself). Then the back-links are grouped by their target, in row order, and each
/// target's list is written once.
///
/// Sub-batches grow with the graph, up to 512 rows and 2 % of it, and end after a row whose level is new: the rows
/// after it need its entry point. At the end of each, whoever may have lost its anchor gets one (`Graph.anchor`).
@safe
package final class Insertion: @unchecked Sendable {
    // Sendable because one thread at a time calls it, and in a round of `team` each thread writes only its own
    // scratches and notes, and the rows or lists that it was given.

    let graph: Graph
    private let team: WorkerTeam
    /// As many for each thread as it has walks under way.
    private let scratches: [SearchScratch]
    /// The lowest level whose lists are made: 0, or 1 when only the upper layers are rebuilt.
    let lowestLevel: Int
    /// Levels of the rows after the graph's last that are in place but not linked yet.
    private var waiting: [Int] = []
    private(set) var rows: [Row] = []
    /// The rows that have a list at a level, by level.
    private var rowsAtLevel: [[Int]] = []
    /// Ids from here on are not slots: a list that has them is damaged.
    private(set) var slotLimit: UInt32 = 0
    let edgeDistances = Memory<Candidate>()
    /// How many links each row chose at each level.
    private let edgeCounts = Memory<UInt32>()
    let backLinks = Memory<BackLink>()
    var backLinkCount = 0
    var groups: [Range<Int>] = []
    /// Slots that a dropped link may have cost their anchor, as each thread found them.
    private var unsettled: [UnsettledSlots]
    /// Slots that no near neighbor links to, as each thread found them.
    private var unfound: [UnsettledSlots]
    /// How many rows each thread found whose nearest codes put out of their order.
    private let doubts: [DoubtCounter]
    private var view: GraphView

    struct Row {
        var slot: UInt32
        var level: Int
        /// Where the row's links are in `edgeDistances`, `connectivity` for each level.
        var firstEdge: Int
    }

    /// `threads`: how many may work; the result does not depend on it.
    package init(into graph: Graph, threads: Int, lowestLevel: Int = 0) {
        self.graph = graph
        self.lowestLevel = lowestLevel
        team = WorkerTeam(threads)
        scratches = (0..<team.size * Self.walksOfThread).map { _ in SearchScratch() }
        unsettled = (0..<team.size).map { _ in UnsettledSlots() }
        unfound = (0..<team.size).map { _ in UnsettledSlots() }
        doubts = (0..<team.size).map { _ in DoubtCounter() }
        view = graph.newestView
    }

    private static var walksOfThread: Int { WalksInTurns<EverySlot>.most }

    private func scratch(_ thread: Int) -> SearchScratch { scratches[thread * Self.walksOfThread] }

    /// The threads that work.
    package var threads: Int { team.size }

    /// About how many rows were inserted since this was last asked whose nearest the codes put out of their order.
    package func takeDoubted() -> Int { doubts.reduce(0) { $0 + $1.take() } }

    /// Distances computed and lists read so far.
    package var work: (distances: Int, hops: Int) {
        scratches.reduce((0, 0)) { ($0.0 + $1.distanceCount, $0.1 + $1.hopCount) }
    }

    /// Heap memory in use, without the graph's.
    package var byteCount: Int { scratches.reduce(edgeDistances.byteCount) { $0 + $1.byteCount } }

    /// Links the next `count` slots, whose vectors and slot table rows are in place, into the graph; their levels are
    /// drawn here and written to the slot table. With more rows to come, those that do not fill a sub-batch wait for
    /// them, so that the graph does not depend on how the rows were handed over. Whoever calls must be alone with the
    /// graph. False, with some of the rows linked, if `isCancelled` says so between two sub-batches.
    @discardableResult
    package func append(
        _ count: Int, moreToCome: Bool = false, isCancelled: () -> Bool = { false }
    ) throws(OutOfMemory) -> Bool {
        for _ in 0..<count {
            let level = graph.levels.next(maximum: graph.parameters.maximumLevel)
            graph.columns.setLevel(UInt32(graph.count + waiting.count), level)
            waiting.append(level)
        }
        try graph.extend(slots: graph.count + waiting.count)
        var next = 0
        while next < waiting.count {
            if isCancelled() { return false }
            let first = graph.count
            if moreToCome && waiting.count - next < Self.subBatchLimit(count: first) { break }
            let size = Self.subBatch(levels: waiting[next...], count: first, maximumLevel: graph.maximumLevel)
            try insert(slots: (0..<size).map { (UInt32(first + $0), waiting[next + $0]) }) { [graph] in
                graph.count = first + size
            }
            next += size
        }
        waiting.removeFirst(next)
        return true
    }

    /// Links rows of the batch that is being written, in the order given: their vectors are in place, and `Graph.slots`
    /// has their records. Slots at the end of the graph come in order; the others are slots that were unlinked before
    /// and have their level. `state`: what the rows become when they are linked. False, with some of the rows
    /// linked, if `isCancelled` says so between two sub-batches.
    @discardableResult
    package func insert(
        _ rows: [(slot: UInt32, level: Int)], state: SlotState = .live, isCancelled: () -> Bool = { false }
    ) throws(OutOfMemory) -> Bool {
        guard let changes = graph.changes else { preconditionFailure("no batch has begun") }
        let levels = rows.map { $0.level }
        var next = 0
        while next < rows.count {
            if isCancelled() { return false }
            let size = Self.subBatch(levels: levels[next...], count: graph.count, maximumLevel: graph.maximumLevel)
            let part = Array(rows[next..<next + size])
            try insert(slots: part) { [graph] in
                for row in part {
                    graph.count = max(graph.count, Int(row.slot) + 1)
                    graph.lowestSlot = min(graph.lowestSlot, row.slot)
                    graph.slots.setState(row.slot, state, sequence: changes.sequence)
                }
            }
            next += size
        }
        return true
    }

    /// The most rows of a sub-batch into a graph of `count` nodes.
    static func subBatchLimit(count: Int) -> Int { max(1, min(512, count / 50)) }

    /// How many of the rows to come, whose levels are given, make the next sub-batch.
    static func subBatch(levels: ArraySlice<Int>, count: Int, maximumLevel: Int) -> Int {
        let limit = min(levels.count, subBatchLimit(count: count))
        let newLevel = levels.prefix(limit).firstIndex { $0 > maximumLevel }
        return newLevel.map { $0 - levels.startIndex + 1 } ?? limit
    }

    /// Inserts one sub-batch. Only its last row may be higher than the graph. `join` makes the rows part of the graph
    /// once they are linked.
    func insert(slots: [(slot: UInt32, level: Int)], join: () -> Void) throws(OutOfMemory) {
        let lowest = graph.lowestSlot
        try prepare(slots)
        guard graph.maximumLevel >= 0 else {
            // The first node: nothing to link to.
            (graph.entryPoint, graph.maximumLevel) = slots[0]
            return join()
        }
        view = graph.insertionView
        // Whoever has the lowest level at all takes part; the others wait in the store for level 0.
        let size = max(1, min(Self.walksOfThread, rows.count / team.size))
        team.forEach((rows.count + size - 1) / size) { [self] group, thread in
            let first = group * size
            link(
                first..<min(first + size, rows.count), scratches[(thread * Self.walksOfThread)...], doubts[thread])
        }
        // Not before every search has ended: what is left of old links may lead to a slot that is used again.
        team.forEach(rows.count) { [self] index, thread in setForwardLinks(index, scratch(thread)) }
        try collectBackLinks()
        team.forEach(groups.count, chunk: 16) { [self] index, thread in
            addBackLinks(index, scratch(thread), unsettled[thread])
        }
        if let last = slots.last, last.level > graph.maximumLevel {
            (graph.entryPoint, graph.maximumLevel) = last
        }
        join()
        if lowestLevel == 0 { try settle(slots, formerLowest: lowest) }
    }

    /// Gives an anchor to the slots of this sub-batch that have none, and in a batch a link from a near neighbor to
    /// those that none has. The lists do not change while it is found out who that is, so the result does not depend on
    /// the threads.
    private func settle(_ rows: [(slot: UInt32, level: Int)], formerLowest: UInt32) throws(OutOfMemory) {
        var slots = rows.map { $0.slot }
        // What was the lowest slot needed no anchor.
        if graph.lowestSlot < formerLowest { slots.append(formerLowest) }
        for part in unsettled { slots.append(contentsOf: part.take()) }
        slots.sort()
        let view = graph.newestView
        let count = slots.count, sorted = slots
        team.forEach(count, chunk: 64) { [self] index, thread in
            if index > 0 && sorted[index] == sorted[index - 1] { return }
            if !graph.hasAnchor(sorted[index], in: view) { unsettled[thread].append(sorted[index]) }
            if isLive && graph.lacksNearLink(sorted[index], in: view, scratch(thread)) {
                unfound[thread].append(sorted[index])
            }
        }
        for slot in unsettled.flatMap({ $0.take() }).sorted() { try graph.anchor(slot, scratches[0]) }
        for slot in unfound.flatMap({ $0.take() }).sorted() { try graph.linkFromNear(slot, scratches[0]) }
    }

    /// Rows come into a store that changes, one batch after the other.
    var isLive: Bool { graph.changes != nil }

    /// Makes the rows' lists, and all the room that linking them takes: the threads find it there.
    private func prepare(_ slots: [(slot: UInt32, level: Int)]) throws(OutOfMemory) {
        let parameters = graph.parameters
        rows.removeAll(keepingCapacity: true)
        rowsAtLevel = Array(repeating: [], count: max(graph.maximumLevel, 0) + 1)
        var edges = 0
        for (slot, level) in slots {
            for shared in lowestLevel..<max(lowestLevel, min(level, graph.maximumLevel) + 1) {
                rowsAtLevel[shared].append(rows.count)
            }
            rows.append(Row(slot: slot, level: level, firstEdge: edges))
            edges += (level + 1) * parameters.connectivity
            if level > 0 && graph.upper.firstList(slot) == nil { try graph.upper.add(slot, level: level) }
            for level in lowestLevel..<max(lowestLevel, level + 1) { try graph.startList(slot, level: level) }
        }
        try edgeDistances.grow(to: edges)
        try edgeCounts.grow(to: edges / parameters.connectivity)
        let highest = slots.reduce(graph.count) { max($0, Int($1.slot) + 1) }
        slotLimit = UInt32(highest)
        // A list, and all of the rows that want to be in it.
        let batch = slots.count + parameters.capacity(level: 0) + 1
        let kept = graph.walkWidth(parameters.constructionWidth, in: graph.insertionView).kept
        for scratch in scratches {
            try graph.prepare(
                scratch, slots: highest, width: max(kept, parameters.constructionWidth), batch: batch)
            try scratch.selection.prepare(limit: parameters.capacity(level: 0))
        }
    }

    // MARK: Forward links: each row by itself

    /// What the rows of `group` link to. Their walks over level 0 take turns, which changes nothing but the time.
    private func link(_ group: Range<Int>, _ scratches: ArraySlice<SearchScratch>, _ doubts: DoubtCounter) {
        var walks = WalksInTurns<EverySlot>(), walking: [(index: Int, query: Query, scratch: SearchScratch)] = []
        let width = graph.parameters.constructionWidth, bounds = graph.walkWidth(width, in: view)
        for (index, scratch) in zip(group, scratches) {
            let row = rows[index], highest = min(row.level, graph.maximumLevel)
            guard highest >= lowestLevel else { continue }
            let expansion = scratch.expansion(2 * graph.distances.dimensions)
            let query = graph.distances.query(forRow: row.slot, expansion: expansion)
            let computer = graph.walkComputer(query, in: view, scratch)
            var entry = graph.descend(computer, to: highest, in: view, scratch)
            for level in stride(from: highest, through: max(lowestLevel, 1), by: -1) {
                let size = graph.searchUpperLevel(
                    computer, from: entry, level: level, width: width, in: view, scratch)
                entry = scratch.pool[0].unexpanded
                let candidates =
                    decided(query, size: size, scratch, nil) ?? walk(to: query, level: level, scratch)
                choose(index, level: level, query, size: candidates, scratch)
            }
            guard lowestLevel == 0 else { continue }
            walking.append((index, query, scratch))
            walks.append(
                LevelZeroWalk(
                    graph, computer, from: entry, bounds, in: view, rule: EverySlot(), scratch))
        }
        walks.finish { number, size in
            let (index, query, scratch) = walking[number]
            let decided = decided(query, size: size, scratch, doubts)
            if let decided, view.codes == nil { check(index, query, size: decided, scratch, doubts) }
            choose(index, level: 0, query, size: decided ?? walk(to: query, level: 0, scratch), scratch)
        }
    }

    /// Has the vectors decide about the candidates in the pool. Returns how many there are; nil if the codes had put
    /// them so much out of their order that the pool says little of who is near.
    private func decided(_ query: Query, size: Int, _ scratch: SearchScratch, _ doubts: DoubtCounter?) -> Int? {
        let size = linked(size, scratch)
        guard let codes = view.codes, scratch.walksByCodes else {
            return min(size, graph.parameters.constructionWidth)
        }
        let order = graph.rescore(query, codes, size: size, scratch)
        if order != .kept { doubts?.add(1) }
        return order == .lost ? nil : min(size, graph.parameters.constructionWidth)
    }

    /// Whether codes that insertions do not go by keep the order of what one row in four found by the vectors.
    private func check(_ index: Int, _ query: Query, size: Int, _ scratch: SearchScratch, _ doubts: DoubtCounter) {
        guard let codes = graph.codes, index % 4 == 0 else { return }
        if graph.order(query, by: codes, size: size, scratch) != .kept { doubts.add(4) }
    }

    /// Looks for candidates by the vectors, so that no codes, however bad, leave a bad graph behind.
    private func walk(to query: Query, level: Int, _ scratch: SearchScratch) -> Int {
        let computer = DistanceComputer(query, graph.distances), width = graph.parameters.constructionWidth
        let entry = graph.descend(computer, to: level, in: view, scratch)
        let size =
            level > 0
            ? graph.searchUpperLevel(computer, from: entry, level: level, width: width, in: view, scratch)
            : graph.searchLevelZero(
                computer, from: entry, WalkWidth(width), in: view, rule: EverySlot(), scratch)
        return linked(size, scratch)
    }

    /// Chooses the links of a row at a level among the candidates in the pool.
    private func choose(_ index: Int, level: Int, _ query: Query, size: Int, _ scratch: SearchScratch) {
        let row = rows[index], dimensions = graph.distances.dimensions
        let size = addEarlierRows(before: index, level: level, query: query, size: size, scratch)
        let kept = scratch.selection.choose(
            scratch.pool, size, limit: graph.parameters.connectivity, in: graph,
            expansion: scratch.expansion(2 * dimensions).dropFirst(dimensions))
        edges(row, level: level).copy(scratch.selection.chosen, length: kept)
        edgeCounts.buffer[edgeCount(row, level: level)] = UInt32(kept)
    }

    /// Makes the links that a row chose its lists.
    private func setForwardLinks(_ index: Int, _ scratch: SearchScratch) {
        let row = rows[index], highest = min(row.level, graph.maximumLevel)
        guard highest >= lowestLevel else { return }
        for level in lowestLevel...highest {
            let chosen = edges(row, level: level), count = Int(edgeCounts.buffer[edgeCount(row, level: level)])
            for index in 0..<count { scratch.gathered[index] = chosen[index].slot }
            graph.setList(row.slot, level: level, scratch.gathered, count: count)
        }
    }

    /// The links that a row chose at a level, with their distances.
    func edges(_ row: Row, level: Int) -> UncheckedBuffer<Candidate> {
        edgeDistances.buffer.dropFirst(row.firstEdge + level * graph.parameters.connectivity)
    }

    private func edgeCount(_ row: Row, level: Int) -> Int { row.firstEdge / graph.parameters.connectivity + level }

    /// Takes out of the pool what links that were left over lead to: slots that are free, or this sub-batch's own.
    private func linked(_ size: Int, _ scratch: SearchScratch) -> Int {
        guard graph.hasUnlinkedSlots else { return size }
        let pool = scratch.pool
        var kept = 0
        for index in 0..<size where graph.isLinked(pool[index].slot) {
            pool[kept] = pool[index]
            kept += 1
        }
        return kept
    }

    /// Offers the earlier rows of the sub-batch that have `level` to the pool.
    private func addEarlierRows(
        before index: Int, level: Int, query: Query, size: Int, _ scratch: SearchScratch
    ) -> Int {
        var pool = CandidatePool(scratch)
        pool.size = size
        var found = 0
        for other in rowsAtLevel[level] where other < index {
            scratch.gathered[found] = rows[other].slot
            found += 1
        }
        graph.distances.compute(query, scratch.gathered, found, scratch.distances)
        scratch.distanceCount += found
        let width = graph.parameters.constructionWidth
        for position in 0..<found {
            let candidate = Candidate(distance: scratch.distances[position], slot: scratch.gathered[position])
            if pool.admits(candidate, width: width) { _ = pool.insert(candidate, width: width) }
        }
        return pool.size
    }
}

/// What one thread counts.
private final class DoubtCounter: @unchecked Sendable {
    // Sendable because in a round of the team one thread adds to it, and the caller takes from it only between rounds.

    private var count = 0

    func add(_ number: Int) { count += number }

    func take() -> Int {
        defer { count = 0 }
        return count
    }
}

/// Slots that one thread collects.
final class UnsettledSlots: @unchecked Sendable {
    // Sendable because in a round of the team one thread appends to it, and the caller takes from it only between
    // rounds.

    private var slots: [UInt32] = []

    func append(_ slot: UInt32) { slots.append(slot) }

    /// Takes what was collected.
    func take() -> [UInt32] {
        defer { slots.removeAll(keepingCapacity: true) }
        return slots
    }
}
