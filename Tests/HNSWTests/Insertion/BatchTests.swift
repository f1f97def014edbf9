import FileFormat
import TestSupport
import Testing

@testable import HNSW

/// Batches of changes: when searches see them, and what is left of one that fails.
@Suite struct BatchTests {
    private let vectors = clusteredVectors(700, dimensions: 8)

    private func made(_ count: Int = 600) -> TestGraph {
        TestGraph(Array(vectors[..<count]), connectivity: 4, width: 40, inPlace: count, capacity: 1200)
    }

    /// What a reader finds: lists, bounds, and each slot's visibility.
    private struct Seen: Equatable {
        let lists: [[UInt32]], count: Int, entryPoint: UInt32, maximumLevel: Int, sequence: BatchNumber,
            visible: [UInt32]

        init(_ holder: TestGraph) {
            let view = holder.graph.publishedView, slots = holder.graph.slots
            lists = holder.publishedLists
            (count, entryPoint, maximumLevel) = (view.count, view.entryPoint, view.maximumLevel)
            sequence = view.sequence
            visible = (0..<UInt32(view.count)).filter { slots.isVisible($0, at: view.sequence) }
        }
    }

    /// A slot keeps its level when it is free, and then it may be the highest of all.
    @Test func `upper layers that are made again have the levels of free slots`() throws {
        let holder = TestGraph(
            clusteredVectors(600, dimensions: 6), connectivity: 2, width: 20, inPlace: 600, capacity: 1200)
        for _ in 0..<20 { holder.erase([holder.graph.entryPoint]) }
        let graph = holder.graph, free = holder.freeSlots
        #expect(free.contains { $0.level > graph.maximumLevel })
        holder.reopen()
        #expect(try holder.graph.rebuildUpperLayers(threads: 1))
        for slot in 0..<UInt32(600) { #expect(holder.graph.upper.level(slot) == holder.graph.slots.level(slot)) }
        // They get the lists that they had, and nobody else's.
        let levels = holder.graph.slots,
            others = (0..<UInt32(600)).filter { slot in !free.contains { $0.slot == slot } }
        let before = others.map { holder.graph.neighbors($0, level: 1) }
        holder.sequence = holder.sequence.next
        holder.graph.beginBatch(holder.sequence)
        for (slot, level) in free {
            holder.graph.slots.setRow(slot, label: 1, level: level, state: .live, sequence: holder.sequence)
            for level in 0...level { try holder.graph.startList(slot, level: level) }
        }
        #expect(others.map { holder.graph.neighbors($0, level: 1) } == before)
        #expect(levels.level(free[0].slot) == free[0].level)
        holder.graph.rollBack(holder.graph.endBatch())
    }

    @Test func `a batch is invisible until it is published, and then as a whole`() {
        let holder = made(), before = Seen(holder), probe = vectors[650]
        let found = holder.search(probe, count: 10, width: 50)
        let (slots, changes) = holder.makeBatch(adding: Array(vectors[600..<700]), erasing: [5, 77, found[0]])
        #expect(Seen(holder) == before)
        #expect(holder.search(probe, count: 10, width: 50) == found)
        #expect(holder.exact(probe, count: 1000).count == 600)
        #expect(holder.newestLists.count > before.lists.count)
        holder.publish(changes)
        #expect(holder.publishedLists == holder.newestLists)
        #expect(holder.graph.sequence == 1 && holder.graph.publishedSlotCount == 700)
        #expect(holder.search(probe, count: 1, width: 50) == [slots[50]])
        #expect(
            Set(holder.exact(probe, count: 1000)) == Set((0..<700).map { UInt32($0) }).subtracting([5, 77, found[0]]))
        #expect(problems(holder) == [])
    }

    @Test func `a view that was taken before goes on seeing what it saw`() throws {
        let holder = made(), graph = holder.graph, place = try graph.readers.enter()
        let view = graph.publishedView, query = vectors[650]
        func search() throws -> [UInt32] {
            try holder.withQuery(query) { query in
                let found = try graph.exactSearch(query, count: 1000, in: view, scratch: holder.scratch)
                return (0..<found.count).map { found[$0].slot }
            }
        }
        let before = try search()
        for start in stride(from: 600, to: 700, by: 20) {
            holder.change(adding: Array(vectors[start..<start + 20]), reusing: false, erasing: [UInt32(start - 500)])
        }
        #expect(try search() == before)
        let walked = try holder.withQuery(query) { query in
            let found = try graph.search(query, count: 600, width: 600, in: view, scratch: holder.scratch)
            return (0..<found.count).map { found[$0].slot }
        }
        #expect(Set(walked).isSubset(of: Set(before)))
        #expect(walked.count > 590)
        graph.readers.leave(place)
    }

    @Test func `two batches in flight are published in their order`() {
        let holder = made(), before = Seen(holder)
        let first = holder.makeBatch(adding: Array(vectors[600..<630]), erasing: [1, 2])
        let afterFirst = holder.newestLists
        let second = holder.makeBatch(adding: Array(vectors[630..<680]), erasing: [3, first.slots[0]])
        let afterSecond = holder.newestLists
        #expect(Seen(holder) == before)
        let retired = holder.graph.publish(first.changes, hasDeadSlots: true)
        #expect(Array(holder.publishedLists) == afterFirst)
        #expect(holder.graph.sequence == 1)
        #expect(holder.exact(vectors[600], count: 1) == [first.slots[0]], "the second batch erases it")
        let retiredLater = holder.graph.publish(second.changes, hasDeadSlots: true)
        holder.graph.retire(retired)
        holder.graph.retire(retiredLater)
        #expect(holder.publishedLists == afterSecond)
        #expect(holder.exact(vectors[600], count: 1) != [first.slots[0]])
        #expect(problems(holder) == [])
    }

    @Test func `replaced lists are used again when their readers have left`() throws {
        let holder = made(), graph = holder.graph
        let place = try graph.readers.enter()
        for round in 0..<30 { holder.change(adding: [vectors[600 + round]], erasing: [UInt32(round * 3)]) }
        graph.beginBatch(31)
        graph.rollBack(graph.endBatch())
        let held = graph.overlay.arena.count
        #expect(held > graph.overlay.changedSlots.count, "what the reader may see is there")
        graph.readers.leave(place)
        graph.beginBatch(31)
        graph.rollBack(graph.endBatch())
        #expect(graph.overlay.arena.count == graph.overlay.changedSlots.count)
        #expect(graph.upper.arena.count == graph.upper.listCount)
        graph.fold()
        #expect(graph.overlay.arena.count == 0 && graph.overlay.changedSlots.isEmpty && graph.overlay.byteCount == 0)
        #expect(holder.publishedLists == holder.newestLists)
    }

    @Test func `folding brings everything into the columns and changes nothing`() {
        let holder = made()
        for start in stride(from: 600, to: 700, by: 10) {
            holder.change(
                adding: Array(vectors[start..<start + 10]), erasing: [UInt32(start - 600), UInt32(start - 300)])
        }
        let lists = holder.newestLists, seen = Seen(holder)
        holder.graph.fold()
        holder.graph.slots.forget(holder.graph.slots.takeChangedSlots())
        #expect(holder.newestLists == lists && Seen(holder) == seen)
        holder.reopen()
        #expect(holder.newestLists == lists && Seen(holder).visible == seen.visible)
        #expect(problems(holder) == [])
    }

    @Test(arguments: [false, true])
    func `undoing a batch restores every list, bound and level`(hasOneInFlight: Bool) throws {
        let holder = made(), graph = holder.graph
        holder.change(adding: Array(vectors[600..<620]), erasing: [0, 1, 2, 50])
        var waiting: GraphChanges?
        if hasOneInFlight { waiting = holder.makeBatch(adding: [vectors[620]], erasing: [60]).changes }
        let lists = holder.newestLists, seen = Seen(holder), levels = graph.levels, upper = holder.upperWords
        let state = (graph.count, graph.entryPoint, graph.maximumLevel, graph.lowestSlot)
        // Beginning a batch takes back what earlier ones replaced.
        graph.beginBatch(holder.sequence.next)
        graph.rollBack(graph.endBatch())
        let arenas = (graph.overlay.arena.count, graph.upper.arena.count)
        for isEnded in [true, false] {
            let sequence = holder.sequence.next
            graph.beginBatch(sequence)
            let erased: [UInt32] = [3, 4, graph.entryPoint, 100, 101], before = erased.map { graph.slots.snapshot($0) }
            var rows: [(slot: UInt32, level: Int)] = []
            for row in 0..<40 {
                // One of them becomes the entry point.
                let level = row == 20 ? graph.maximumLevel + 2 : graph.levels.next(maximum: 63)
                let slot = UInt32(graph.count + row)
                try graph.extend(slots: Int(slot) + 1)
                holder.write(vectors[630 + row], to: slot)
                graph.slots.setRow(slot, label: 1, level: level, state: .erased, sequence: sequence)
                rows.append((slot, level))
            }
            try holder.insertion.insert(rows)
            for slot in erased { graph.slots.setState(slot, .erased, sequence: sequence) }
            try graph.unlink(erased, scratch: holder.scratch)
            #expect(graph.count == state.0 + 40 && graph.maximumLevel != state.2)
            let changes = isEnded ? graph.endBatch() : nil
            for snapshot in before { graph.slots.restore(snapshot) }
            for row in rows { graph.slots.setState(row.slot, .erased, sequence: sequence) }
            graph.rollBack(changes ?? graph.endBatch())
            #expect((graph.count, graph.entryPoint, graph.maximumLevel, graph.lowestSlot) == state)
            #expect(graph.levels == levels)
            #expect(holder.newestLists == lists && Seen(holder) == seen)
            #expect(holder.upperWords == upper)
            #expect((graph.overlay.arena.count, graph.upper.arena.count) == arenas)
            #expect(problems(holder) == [])
        }
        if let waiting { holder.publish(waiting) }
        holder.vectors.removeLast(holder.vectors.count - graph.count)
        holder.change(adding: Array(vectors[640..<700]), erasing: [5, 6])
        #expect(problems(holder) == [])
        #expect(holder.publishedLists == holder.newestLists)
        #expect(holder.search(vectors[650], count: 1, width: 40) == [UInt32(graph.count - 50)])
    }

    @Test func `a slot of a batch that was undone may get another level`() throws {
        let holder = made(), graph = holder.graph, count = graph.count
        func insert(_ levels: [Int], sequence: BatchNumber) throws {
            graph.beginBatch(sequence)
            let rows = levels.enumerated().map { (slot: UInt32(count + $0.offset), level: $0.element) }
            try graph.extend(slots: count + rows.count)
            for row in rows {
                holder.write(vectors[Int(row.slot)], to: row.slot)
                graph.slots.setRow(row.slot, label: 1, level: row.level, state: .erased, sequence: sequence)
            }
            try holder.insertion.insert(rows)
        }
        try insert([1, 0, 3, 2], sequence: 1)
        for slot in count..<count + 4 { graph.slots.setState(UInt32(slot), .erased, sequence: 1) }
        graph.rollBack(graph.endBatch())
        try insert([3, 1, 0, 2, 2], sequence: 1)
        holder.sequence = 1
        holder.liveCount += 5
        holder.publish(graph.endBatch())
        #expect(problems(holder) == [])
        var nodes: [UInt32: Int] = [:]
        for node in 0..<graph.upper.nodeCount {
            let slot = graph.upper.nodes.buffer[2 * node]
            #expect(
                nodes.updateValue(Int(graph.upper.nodes.buffer[2 * node + 1]), forKey: slot) == nil, "\(slot) twice")
        }
        for slot in 0..<UInt32(graph.count) {
            let level = graph.slots.level(slot)
            #expect(nodes[slot] == (level > 0 ? level : nil))
            #expect((graph.upper.firstList(slot) != nil) == (level > 0))
        }
        #expect(holder.publishedLists == holder.newestLists)
    }

    /// Every batch of one graph is applied to another by what a log would have of it.
    @Test func `replayed batches give the same lists`() throws {
        let original = made(), copy = made()
        var random = SeededGenerator(seed: 31), next = 600
        for round in 0..<60 {
            let size = min(Int(random.next() % 6), 700 - next)
            var doomed = Array(original.linkedSlots.shuffled(using: &random).prefix(Int(random.next() % 8)))
            if round % 10 == 9 { doomed.append(original.graph.entryPoint) }
            let erased = Array(Set(doomed)).sorted()
            let (slots, changes) = original.makeBatch(
                adding: Array(vectors[next..<next + size]), reusing: round % 2 == 1, erasing: erased)
            next += size
            #expect(try replay(changes, rows: slots, erased: erased, from: original, to: copy))
            original.publish(changes)
            #expect(copy.newestLists == original.newestLists)
            #expect(copy.publishedLists == original.publishedLists)
            #expect(copy.graph.entryPoint == original.graph.entryPoint)
            #expect(
                copy.graph.maximumLevel == original.graph.maximumLevel && copy.graph.levels == original.graph.levels)
            #expect(copy.upperWords == original.upperWords)
            if round % 20 == 10 {
                // A store that was closed cleanly, and one that was killed.
                original.reopen()
            }
        }
        // Both go on alike.
        copy.liveCount = original.liveCount
        let more = clusteredVectors(50, dimensions: 8, skipping: 900)
        for holder in [original, copy] {
            let gone: [UInt32] = Array(holder.linkedSlots.prefix(5))
            holder.freeSlots.removeAll()
            holder.change(adding: more, erasing: gone)
            #expect(problems(holder) == [])
        }
        #expect(copy.newestLists == original.newestLists)
    }

    private func replay(
        _ changes: GraphChanges, rows: [UInt32], erased: [UInt32], from original: TestGraph, to copy: TestGraph
    ) throws -> Bool {
        let graph = copy.graph, sequence = changes.sequence
        copy.sequence = sequence
        graph.beginBatch(sequence)
        for slot in rows {
            try graph.extend(slots: Int(slot) + 1)
            copy.write(original.vectors[Int(slot)], to: slot)
            let entry = original.graph.slots.entry(slot)
            guard try graph.replayRow(slot, label: entry.label, level: entry.level, sequence: sequence) else {
                return false
            }
        }
        for slot in erased {
            guard graph.replayState(slot, .erased, sequence: sequence) else { return false }
        }
        for list in changes.lists {
            let (ids, count, kept) = original.graph.contents(of: list)
            #expect(!list.isNew || kept == 0)
            guard
                try graph.replayList(
                    list.slot, level: list.level, kept: kept, added: (kept..<count).map { ids[$0] })
            else { return false }
        }
        guard
            graph.replayCommit(
                count: original.graph.count, entryPoint: original.graph.entryPoint,
                maximumLevel: original.graph.maximumLevel, levelState: original.graph.levels.state)
        else { return false }
        graph.hasUnlinkedSlots = original.graph.hasUnlinkedSlots
        copy.liveCount = original.liveCount
        copy.publish(graph.endBatch())
        return true
    }

    @Test func `batches that do not fit the graph are refused`() throws {
        let holder = made(), graph = holder.graph, high = (0..<600).first { graph.columns.level(UInt32($0)) > 0 }!
        let low = (0..<600).map { UInt32($0) }.first { graph.columns.level($0) == 0 }!
        graph.beginBatch(1)
        defer { graph.rollBack(graph.endBatch()) }
        #expect(try !graph.replayRow(601, label: 1, level: 0, sequence: 1), "past the end")
        #expect(try !graph.replayRow(600, label: 1, level: 64, sequence: 1))
        #expect(try !graph.replayRow(5, label: 1, level: graph.columns.level(5), sequence: 1), "it is in use")
        #expect(!graph.replayState(600, .erased, sequence: 1))
        #expect(graph.replayState(low, .erased, sequence: 1))
        #expect(try !graph.replayRow(low, label: 1, level: 1, sequence: 1), "another level")
        #expect(try graph.replayRow(low, label: 1, level: 0, sequence: 1))
        #expect(try !graph.replayList(600, level: 0, kept: 0, added: []))
        #expect(try !graph.replayList(low, level: 1, kept: 0, added: []))
        #expect(try !graph.replayList(low, level: 0, kept: 1, added: []), "a new row has no links to keep")
        #expect(try !graph.replayList(low, level: 0, kept: 0, added: [UInt32](repeating: 1, count: 9)))
        #expect(try !graph.replayList(low, level: 0, kept: 0, added: [600]))
        #expect(try !graph.replayList(UInt32(high), level: 1, kept: 0, added: [low]), "it has no such level")
        #expect(try graph.replayList(low, level: 0, kept: 0, added: [1, 2]))
        #expect(!graph.replayCommit(count: 599, entryPoint: 0, maximumLevel: 0, levelState: 1))
        #expect(!graph.replayCommit(count: 600, entryPoint: low, maximumLevel: 3, levelState: 1))
    }
}
