import FileFormat
import Testing

@testable import HNSW

/// Changing a graph as the writer of a store does, without files.
extension TestGraph {

    /// Adds rows in a batch of their own, and publishes it. `reusing`: they get free slots of their level, if there are any.
    @discardableResult
    func add(_ vectors: [[Float]], reusing: Bool = false) -> [UInt32] {
        change(adding: vectors, reusing: reusing).slots
    }

    /// Erases slots in a batch of their own, and publishes it.
    func erase(_ slots: [UInt32]) {
        _ = change(erasing: slots)
    }

    /// Makes a batch and publishes it.
    @discardableResult
    func change(
        adding vectors: [[Float]] = [], reusing: Bool = false, erasing: [UInt32] = []
    ) -> (slots: [UInt32], changes: GraphChanges) {
        let (slots, changes) = makeBatch(adding: vectors, reusing: reusing, erasing: erasing)
        publish(changes)
        return (slots, changes)
    }

    /// Makes a batch that searches do not see yet.
    func makeBatch(
        adding vectors: [[Float]] = [], reusing: Bool = false, erasing: [UInt32] = []
    ) -> (slots: [UInt32], changes: GraphChanges) {
        sequence = sequence.next
        graph.beginBatch(sequence)
        let rows = vectors.map { place($0, reusing: reusing) }
        try! insertion.insert(rows.map { ($0.slot, $0.level) })
        liveCount += rows.count
        for slot in erasing { setState(slot, .erased) }
        try! graph.unlink(erasing, scratch: scratch)
        graph.hasUnlinkedSlots = liveCount + markedCount < graph.count
        return (rows.map { $0.slot }, graph.endBatch())
    }

    func publish(_ changes: GraphChanges) {
        graph.retire(graph.publish(changes, hasDeadSlots: liveCount < graph.count))
    }

    /// Deletes slots so that it can be undone: they stay in the graph.
    func mark(_ slots: [UInt32]) {
        sequence = sequence.next
        graph.beginBatch(sequence)
        for slot in slots { setState(slot, .marked) }
        publish(graph.endBatch())
    }

    /// Gives a vector its level, slot and record; to be linked.
    private func place(_ vector: [Float], reusing: Bool) -> (slot: UInt32, level: Int) {
        let level = graph.levels.next(maximum: graph.parameters.maximumLevel)
        var slot = UInt32(vectors.count)
        if reusing, let index = freeSlots.firstIndex(where: { $0.level == level }) {
            slot = freeSlots.remove(at: index).slot
        } else {
            try! graph.extend(slots: Int(slot) + 1)
        }
        write(vector, to: slot)
        graph.slots.setRow(slot, label: UInt64(1000 + slot), level: level, state: .erased, sequence: sequence)
        return (slot, level)
    }

    /// Changes the state of a slot that is live or marked.
    private func setState(_ slot: UInt32, _ state: SlotState) {
        if graph.slots.state(slot) == .live { liveCount -= 1 } else { markedCount -= 1 }
        graph.slots.setState(slot, state, sequence: sequence)
        switch state {
        case .live: liveCount += 1
        case .marked: markedCount += 1
        default: freeSlots.append((slot, graph.slots.level(slot)))
        }
    }

    /// Brings every slot of level 0 and each list of the writer's newest state into one value: equal for equal graphs.
    var newestLists: [[UInt32]] {
        (0..<UInt32(graph.count)).flatMap { slot in
            (0...graph.slots.level(slot)).map { graph.neighbors(slot, level: $0) }
        }
    }

    /// The same of what searches see.
    var publishedLists: [[UInt32]] {
        let view = graph.publishedView
        return (0..<UInt32(view.count)).flatMap { slot in
            (0...graph.slots.level(slot)).map { level in
                let (ids, count) = view.list(slot, level: level)
                return (0..<count).map { ids[$0] }
            }
        }
    }

    var linkedSlots: [UInt32] { (0..<UInt32(graph.count)).filter { graph.isLinked($0) } }

    /// Links per linked slot on level 0.
    var meanDegree: Double {
        let linked = linkedSlots
        return Double(linked.reduce(0) { $0 + graph.neighbors($1, level: 0).count }) / Double(max(linked.count, 1))
    }
}

/// What is wrong with the writer's newest graph: nothing in a sound one. Computed from the lists alone.
func problems(_ holder: TestGraph) -> [String] {
    let graph = holder.graph, linked = Set(holder.linkedSlots)
    var problems: [String] = []
    guard !linked.isEmpty else { return graph.maximumLevel == -1 ? [] : ["an empty graph has an entry point"] }
    if !linked.contains(graph.entryPoint) { problems.append("the entry point \(graph.entryPoint) is not linked") }
    if graph.slots.level(graph.entryPoint) != graph.maximumLevel { problems.append("the entry point's level is wrong") }
    var lists: [UInt32: [UInt32]] = [:]
    for slot in linked {
        let top = graph.slots.level(slot)
        if top > graph.maximumLevel { problems.append("\(slot) is higher than the entry point") }
        for level in 0...top {
            let neighbors = graph.neighbors(slot, level: level)
            if level == 0 { lists[slot] = neighbors }
            if neighbors.count > graph.parameters.capacity(level: level) {
                problems.append("\(slot) has too many links")
            }
            if Set(neighbors).count != neighbors.count { problems.append("\(slot) has a link twice: \(neighbors)") }
            if neighbors.contains(slot) { problems.append("\(slot) links to itself") }
            for other in neighbors where Int(other) >= graph.count || graph.slots.level(other) < level {
                problems.append("\(slot) links to \(other), which is not so high")
            }
        }
    }
    // Level 0 alone, and through linked slots alone.
    var seen: Set<UInt32> = [graph.entryPoint], waiting = [graph.entryPoint]
    while let slot = waiting.popLast() {
        for next in lists[slot] ?? [] where linked.contains(next) && seen.insert(next).inserted { waiting.append(next) }
    }
    if seen.count != linked.count { problems.append("\(linked.count - seen.count) slots cannot be reached") }
    // An anchor: an earlier slot, with links both ways.
    let lowest = linked.min()!
    let lost = linked.filter { slot in
        slot != lowest && !(lists[slot] ?? []).contains { $0 < slot && (lists[$0] ?? []).contains(slot) }
    }
    if !lost.isEmpty { problems.append("\(lost.count) slots have no anchor, as \(lost.min()!)") }
    return problems
}
