import CKernels
import FileFormat
import TestSupport
import Testing

@testable import HNSW

/// What erasing leaves: after every batch each linked slot can be reached and has an anchor, and the lists are sound.
@Suite struct UnlinkingTests {
    /// Data that makes graphs of different shapes.
    enum Data: Sendable, CaseIterable {
        case clusters, duplicates, equal, longVectors

        var metric: cairn_metric { self == .longVectors ? CAIRN_INNER_PRODUCT : CAIRN_L2 }

        func vectors(_ count: Int, skipping: Int = 0) -> [[Float]] {
            switch self {
            case .clusters: clusteredVectors(count, dimensions: 8, skipping: skipping)
            case .duplicates: (skipping..<skipping + count).map { [Float($0 % 7), Float($0 % 3)] }
            case .equal: [[Float]](repeating: [1, 2, 3], count: count)
            case .longVectors: uniformVectors(skipping + count, dimensions: 8, seed: 5).dropFirst(skipping).map { $0 }
            }
        }
    }

    @Test(arguments: Data.allCases, [2, 4, 16])
    func `erasing one after the other, down to nothing`(data: Data, connectivity: Int) {
        let holder = TestGraph(
            data.vectors(150), metric: data.metric, connectivity: connectivity, width: 30, inPlace: 150)
        var random = SeededGenerator(seed: 3)
        var remaining = (0..<UInt32(150)).map { $0 }
        #expect(problems(holder) == [])
        while !remaining.isEmpty {
            let slot = remaining.remove(at: Int(random.next() % UInt64(remaining.count)))
            holder.erase([slot])
            let found = problems(holder)
            #expect(found == [], "after erasing \(slot), with \(remaining.count) left")
            guard found == [] else { return }
        }
        #expect(holder.graph.maximumLevel == -1 && holder.linkedSlots == [])
    }

    /// Rows that come and go in the order of one component: whoever is left has its neighbors far away, and a list full of
    /// those who depend on it. With these seeds a slot whose anchor was displaced once got the same link again, or none.
    @Test(arguments: [
        (seeds: [0, 57, 397, 532] as [UInt64], dimensions: 16, width: 20, most: 250),
        (seeds: [1, 61, 507], dimensions: 6, width: 20, most: 100),
        (seeds: [2, 432, 599, 628], dimensions: 16, width: 10, most: 120),
    ])
    func `rows that come and go keep their anchors, and no link is there twice`(
        seeds: [UInt64], dimensions: Int, width: Int, most: Int
    ) {
        for seed in seeds {
            var random = SeededGenerator(seed: seed), version: Float = 0
            func below(_ limit: Int) -> Int { Int(random.next() % UInt64(limit)) }
            func rows(_ count: Int) -> [[Float]] {
                (0..<count).map { _ in
                    version += 1
                    return [Float(below(1000)), version] + (0..<dimensions - 2).map { _ in Float(below(199)) - 99 }
                }
            }
            let holder = TestGraph(
                rows(100), metric: CAIRN_INNER_PRODUCT, connectivity: 4, width: width, inPlace: 0, batch: 10,
                capacity: 3000, seed: seed)
            for step in 0..<60 {
                let linked = holder.linkedSlots
                if linked.count > most || linked.count > 20 && below(3) == 0 {
                    holder.erase(Array(linked.shuffled(using: &random).prefix(1 + below(80))))
                } else {
                    holder.add(rows(1 + below(40)), reusing: true)
                }
                let found = problems(holder)
                #expect(found == [], "seed \(seed), step \(step)")
                guard found == [] else { break }
            }
        }
    }

    @Test(arguments: Data.allCases, [2, 4, 16])
    func `erasing in groups, the lowest first, the entry point, most and the rest`(data: Data, connectivity: Int) {
        let holder = TestGraph(
            data.vectors(600), metric: data.metric, connectivity: connectivity, width: 30, inPlace: 400, batch: 50)
        var random = SeededGenerator(seed: UInt64(connectivity))
        func erase(_ slots: [UInt32], _ what: String) {
            holder.erase(slots)
            #expect(problems(holder) == [], "\(what)")
        }
        func choose(_ count: Int) -> [UInt32] { Array(holder.linkedSlots.shuffled(using: &random).prefix(count)) }
        for size in [2, 5, 20, 50] { erase(choose(size), "\(size) of them") }
        erase(Array(holder.linkedSlots.prefix(10)), "the lowest ten")
        for round in 0..<10 { erase([holder.graph.entryPoint], "entry point \(round)") }
        for round in 0..<10 { erase([holder.linkedSlots[0]], "lowest \(round)") }
        let neighbors = holder.graph.neighbors(holder.graph.entryPoint, level: 0).filter { holder.graph.isLinked($0) }
        erase(neighbors, "all around the entry point")
        erase(choose(holder.linkedSlots.count * 9 / 10), "nine in ten")
        erase(holder.linkedSlots, "the rest")
        #expect(holder.graph.maximumLevel == -1)
        // And from nothing again, in the slots that are free.
        holder.change(adding: data.vectors(100), reusing: true)
        #expect(problems(holder) == [], "added again")
        for vector in data.vectors(20) {
            let nearest = holder.exact(vector, count: 1).map { holder.vectors[Int($0)] }
            if data.metric == CAIRN_L2 { #expect(nearest == [vector]) }
        }
    }

    @Test(arguments: Data.allCases, [2, 3, 4, 16])
    func `slots are used again at their level, in the middle of everything`(data: Data, connectivity: Int) {
        let holder = TestGraph(
            data.vectors(300), metric: data.metric, connectivity: connectivity, width: 30, inPlace: 300, capacity: 2000)
        var random = SeededGenerator(seed: 17)
        var added = 300
        for round in 0..<60 {
            let levels = Dictionary(uniqueKeysWithValues: holder.freeSlots.map { ($0.slot, $0.level) })
            let doomed = Array(holder.linkedSlots.shuffled(using: &random).prefix(1 + Int(random.next() % 20)))
            let slots = holder.change(
                adding: data.vectors(Int(random.next() % 22), skipping: added), reusing: true, erasing: doomed
            ).slots
            added += slots.count
            for slot in slots {
                if let level = levels[slot] { #expect(holder.graph.slots.level(slot) == level) }
                #expect(doomed.contains(slot) || holder.graph.slots.state(slot) == .live)
            }
            let found = problems(holder)
            #expect(found == [], "round \(round)")
            guard found == [] else { return }
            if round % 20 == 19 {
                // As a store that is closed and opened: what the writer knew beside the columns is gone.
                holder.reopen()
                #expect(problems(holder) == [], "opened again")
            }
        }
        #expect(holder.freeSlots.count < 250 && holder.vectors.count < 300 + 60 * 11, "slots were used again")
    }

    @Test func `erased slots are not found and the others are`() {
        let vectors = clusteredVectors(2000, dimensions: 12)
        let holder = TestGraph(vectors, connectivity: 8, width: 60, inPlace: 2000)
        let doomed = (0..<UInt32(2000)).filter { $0 % 3 == 0 }
        for start in stride(from: 0, to: doomed.count, by: 37) {
            holder.erase(Array(doomed[start..<min(start + 37, doomed.count)]))
        }
        for slot in 0..<UInt32(2000) {
            let found = holder.search(vectors[Int(slot)], count: 1, width: 40)
            #expect(slot % 3 == 0 ? found != [slot] : found == [slot])
        }
        #expect(problems(holder) == [])
    }

    @Test func `the writer's lowest slot does not survive in memory alone`() {
        // Two components that only their anchors connect, of which one begins with a slot that is used again after the graph was
        // opened: slot 1 becomes the lowest, and slot 2 needs an anchor from then on.
        for seed in 0..<40 as Range<UInt64> {
            let data: [[Float]] = (0..<40).map { [Float($0 % 2) * 1000] }
            let holder = TestGraph(data, connectivity: 2, width: 8, inPlace: 40, capacity: 60, seed: seed)
            holder.erase([0, 1, 2, 3])
            holder.reopen()
            holder.change(adding: [[0], [1000]], reusing: true)
            #expect(problems(holder) == [], "seed \(seed)")
        }
    }
}

/// Vectors of independent components between -1 and 1.
func uniformVectors(_ count: Int, dimensions: Int, seed: UInt64) -> [[Float]] {
    var random = SeededGenerator(seed: seed)
    return (0..<count).map { _ in (0..<dimensions).map { _ in random.nextUnit() * 2 - 1 } }
}
