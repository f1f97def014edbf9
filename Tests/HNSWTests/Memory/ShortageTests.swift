import Allocation
import FileFormat
import TestSupport
import Testing
import Threading

@testable import HNSW

/// Memory that cannot be had: each request fails once, and then all from one on.
@Suite struct ShortageTests {
    private static let vectors = clusteredVectors(160, dimensions: 6, clusters: 5)

    private func holder() -> TestGraph {
        TestGraph(Self.vectors, connectivity: 4, width: 20, inPlace: 100, batch: 30, capacity: 400)
    }

    @Test(arguments: [false, true])
    func `a batch that lacks memory is undone, and can be made again`(isSticky: Bool) throws {
        let more = clusteredVectors(40, dimensions: 6, clusters: 5, skipping: 160)
        let wanted = holder()
        wanted.add(more)
        var failures = 0
        let requests = refusingEachRequest(isSticky: isSticky) { _ in
            let holder = unrefused { self.holder() }, graph = holder.graph, before = holder.newestLists
            func batch() throws(OutOfMemory) -> GraphChanges {
                graph.beginBatch(holder.sequence.next)
                try graph.extend(slots: 200)
                let rows = more.enumerated().map { row, vector in
                    let slot = UInt32(160 + row), level = graph.levels.next(maximum: 63)
                    holder.write(vector, to: slot)
                    graph.slots.setRow(
                        slot, label: UInt64(1000 + slot), level: level, state: .erased,
                        sequence: holder.sequence.next)
                    return (slot: slot, level: level)
                }
                try holder.insertion.insert(rows)
                return graph.endBatch()
            }
            let changes: GraphChanges
            do {
                changes = try batch()
            } catch {
                failures += 1
                changes = unrefused {
                    graph.rollBack(graph.endBatch())
                    #expect(holder.newestLists == before)
                    #expect(problems(holder) == [])
                    return try! batch()
                }
            }
            unrefused {
                holder.sequence = holder.sequence.next
                holder.liveCount += more.count
                holder.publish(changes)
                #expect(problems(holder) == [])
                #expect(holder.newestLists == wanted.newestLists)
            }
        }
        #expect(requests > 5 && failures == requests)
    }

    @Test func `erasing that lacks memory is undone`() throws {
        var failures = 0
        let requests = refusingEachRequest { _ in
            let holder = unrefused { self.holder() }, graph = holder.graph, before = holder.newestLists
            graph.beginBatch(holder.sequence.next)
            for slot: UInt32 in [3, 50, 51, 120] {
                graph.slots.setState(slot, .erased, sequence: holder.sequence.next)
            }
            do {
                try graph.unlink([3, 50, 51, 120], scratch: holder.scratch)
            } catch {
                failures += 1
                unrefused {
                    for slot: UInt32 in [3, 50, 51, 120] {
                        graph.slots.setState(slot, .live, sequence: holder.sequence.next)
                    }
                    graph.rollBack(graph.endBatch())
                    #expect(holder.newestLists == before)
                    #expect(problems(holder) == [])
                    holder.erase([3, 50, 51, 120])
                }
                return
            }
            graph.rollBack(graph.endBatch())
        }
        #expect(requests > 1 && failures == requests)
    }

    /// What a search of a new scratch takes; what an old one has stays good.
    @Test func `a search that lacks memory throws, and the next one answers`() throws {
        let holder = holder(), query = Self.vectors[7].map { $0 + 0.01 }, graph = holder.graph, view = holder.view
        let bits = try SlotSet(graph, in: view) { $0 % 2 == 0 }
        func searches(_ query: Query, _ scratch: SearchScratch) throws(OutOfMemory) -> [[UInt32]] {
            func slots(_ found: UncheckedBuffer<Candidate>) -> [UInt32] { (0..<found.count).map { found[$0].slot } }
            // Each result stands in the scratch, and goes with the next search.
            let region = try graph.radiusSearch(
                query, within: SearchRadius(3, limit: 100), WalkLimits(width: 20), in: view, scratch: scratch
            ).map { slots($0.candidates) }
            return [
                slots(try graph.search(query, count: 5, width: 20, in: view, scratch: scratch)),
                slots(try graph.exactSearch(query, count: 5, in: view, scratch: scratch)),
                slots(try graph.exactSearch(query, count: 3000, in: view, scratch: scratch)),
                slots(
                    try graph.search(
                        query, count: 5, width: 20, among: PlannedSet(bits, by: .walkAll), in: view,
                        scratch: scratch)),
                slots(
                    try graph.search(query, count: 5, width: 20, in: view, scratch: scratch) {
                        $0 % 3 == 0
                    }),
                region ?? [],
                try graph.documentSearch(query, count: 4, WalkLimits(width: 20), in: view, scratch: scratch) {
                    UInt64($0 / 4)
                }?
                .map { UInt32($0.document) } ?? [],
            ]
        }
        let wanted = try holder.withQuery(query) { try searches($0, SearchScratch()) }
        #expect(wanted.allSatisfy { !$0.isEmpty })
        for isSticky in [false, true] {
            var failures = 0
            let requests = refusingEachRequest(isSticky: isSticky) { _ in
                holder.withQuery(query) { query in
                    let scratch = SearchScratch()
                    let found = Result { () throws(OutOfMemory) in try searches(query, scratch) }
                    unrefused {
                        guard case .success(let found) = found else {
                            failures += 1
                            #expect((try? searches(query, scratch)) == wanted)
                            return
                        }
                        #expect(found == wanted)
                    }
                }
            }
            #expect(requests > 10 && failures == requests)
        }
    }

    @Test func `a reader for whom there is no memory is told so`() throws {
        let readers = try Readers()
        var places = try (0..<256).map { _ in try readers.enter() }
        var failures = 0
        refusingEachRequest { _ in
            do {
                places.append(try readers.enter())
            } catch {
                failures += 1
            }
        }
        #expect(failures == 1 && places.count == 257 && Set(places).count == 257)
        for place in places { readers.leave(place) }
        #expect(readers.havePassed(readers.advance()))
    }

    /// Threads are workers: fewer of them take longer.
    @Test func `a team for which there are no threads works alone`() {
        for isSticky in [false, true] {
            var sizes: [Int] = []
            refusingEachRequest(isSticky: isSticky) { _ in
                let team = WorkerTeam(4), sum = Guarded(0)
                sizes.append(team.size)
                team.forEach(10) { index, _ in sum.withLock { $0 += index } }
                #expect(sum.withLock { $0 } == 45)
            }
            #expect(sizes == [1, 2, 3, 4])
        }
    }
}
