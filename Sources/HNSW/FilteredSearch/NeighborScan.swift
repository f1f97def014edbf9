import CKernels

/// The step of a walk over level 0 that keeps its candidates its own way: one node after the other, the neighbours that
/// were not seen yet and their distances. What the next step will read is asked for before it is computed, as in
/// `search`.
@safe
struct NeighborScan {
    private let graph: Graph
    private let lists: LevelZeroLists
    private let scratch: SearchScratch
    private let query: Query
    private let limit: UInt32
    private let listCapacity: Int
    private let plan: PrefetchPlan
    private var visited: VisitedSet.View
    private var hopCount = 0
    private(set) var distanceCount = 0
    /// The neighbours of the last node, and how far they are.
    let slots: UncheckedBuffer<UInt32>
    let distances: UncheckedBuffer<Float>

    /// Begins a walk at `entry`. `scratch` has been prepared for it.
    init(_ graph: Graph, _ query: Query, from entry: Candidate, in view: GraphView, _ scratch: SearchScratch) {
        self.graph = graph
        self.query = query
        self.scratch = scratch
        lists = view.levelZero
        limit = UInt32(truncatingIfNeeded: view.count)
        listCapacity = graph.parameters.capacity(level: 0)
        plan = PrefetchPlan(rowBytes: graph.columns.vectorStride)
        visited = scratch.visited.view(reserving: 1)
        slots = scratch.gathered
        distances = scratch.distances
        _ = visited.insert(entry.slot)
    }

    /// Computes the distances of the neighbours of `node` that were not seen yet, and returns how many there are.
    /// `next`: the node that will be asked for next, unless these neighbours come before it.
    @inline(__always)
    mutating func expand(_ node: UInt32, next: UInt32?) -> Int {
        if visited.count &+ listCapacity > visited.touched.count {
            scratch.visited.update(visited)
            visited = scratch.visited.view(reserving: listCapacity)
        }
        let columns = graph.columns, slots = slots
        let (ids, length) = lists.list(node, slots)
        var found = 0, index = 0
        while index < length {
            // Read once: the file may change between two looks at it.
            let id = ids[index]
            index &+= 1
            if id >= limit { continue }
            slots[found] = id
            found &+= visited.insert(id)
        }
        index = 0
        while index < found {
            unsafe cairn_prefetch_lines(columns.vector(slots[index]), plan.rowLines)
            unsafe cairn_prefetch(columns.slotTable + Int(slots[index]) &* Columns.slotEntrySize)
            index &+= 1
        }
        graph.fetchRows?(slots, found)
        if let next {
            let (nextIDs, nextLength) = lists.list(next, scratch.ahead)
            index = 0
            while index < nextLength {
                unsafe cairn_prefetch_lines(columns.vector(nextIDs[index]), plan.pipelinedLines)
                index &+= 1
            }
        }
        graph.distances.compute(query, slots, found, distances)
        if let trace = scratch.trace {
            trace.readList(ids, length)
            trace.compared(DistanceComputer(query, graph.distances), slots, found)
        }
        distanceCount &+= found
        hopCount &+= 1
        return found
    }

    /// Leaves the scratch clean for the next search.
    func finish() {
        scratch.visited.update(visited)
        scratch.visited.clear()
        scratch.distanceCount += distanceCount
        scratch.hopCount += hopCount
    }
}
