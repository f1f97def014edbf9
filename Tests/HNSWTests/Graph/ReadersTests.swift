import Synchronization
import Testing
import Threading

@testable import HNSW

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

extension Readers {
    /// Runs `body` as a reader, with a scratch of its own.
    fileprivate func read<Result>(_ body: (SearchScratch) throws -> Result) throws -> Result {
        let place = try enter()
        defer { leave(place) }
        return try body(scratch(place))
    }
}

@Suite struct ReadersTests {
    @Test func `a reader that entered before holds back what ended then, and nobody else does`() throws {
        let readers = try Readers()
        let none = readers.advance()
        #expect(readers.havePassed(none))
        let first = try readers.enter(), ended = readers.advance()
        let second = try readers.enter(), endedLater = readers.advance()
        #expect(readers.havePassed(none) && !readers.havePassed(ended) && !readers.havePassed(endedLater))
        readers.leave(first)
        #expect(readers.havePassed(ended) && !readers.havePassed(endedLater))
        readers.leave(second)
        #expect(readers.havePassed(endedLater))
        readers.waitForAll()
    }

    @Test func `epochs follow each other`() throws {
        let readers = try Readers(), first = readers.advance()
        #expect((1...5).map { _ in readers.advance().number } == (1...5).map { first.number + $0 })
    }

    @Test func `readers inside each other have different scratches, which come back`() throws {
        let readers = try Readers()
        try readers.read { outer in
            try readers.read { inner in #expect(outer !== inner) }
            let count = outer.distanceCount
            outer.distanceCount = count + 1
        }
        let place = try readers.enter(), scratch = readers.scratch(place)
        #expect(readers.scratch(place) === scratch)
        readers.leave(place)
        struct Stop: Error {}
        #expect(throws: Stop.self) { try readers.read { _ in throw Stop() } }
        #expect(readers.havePassed(readers.advance()), "who threw has left")
    }

    @Test func `memory of scratches is counted`() throws {
        let readers = try Readers(), before = readers.byteCount
        try readers.read { try $0.prepare(slots: 1_000_000, width: 10, batch: 10) }
        #expect(readers.byteCount >= before + 125_000)
        #expect(readers.havePassed(readers.advance()), "counting leaves no reader behind")
    }

    /// More threads than there are places; each thread owns its scratch while it reads.
    @Test func `three hundred threads read beside each other, one scratch each`() throws {
        let readers = try Readers(), owners = Guarded<[ObjectIdentifier: Int]>([:]), wrong = Atomic<Int>(0)
        let team = WorkerTeam(300)
        #expect(team.size > 256)
        team.run { thread in
            for _ in 0..<20 {
                try? readers.read { scratch in
                    let id = ObjectIdentifier(scratch)
                    let isTaken = owners.withLock { $0.updateValue(thread, forKey: id) != nil }
                    if isTaken { wrong.add(1, ordering: .relaxed) }
                    sched_yield()
                    owners.withLock { $0[id] = nil }
                }
            }
        }
        #expect(wrong.load(ordering: .relaxed) == 0)
        #expect(readers.havePassed(readers.advance()))
    }

    /// The protocol that lists go by: made unreachable, epoch ended, passed, used again.
    @Test func `what readers have is not used again`() throws {
        let readers = try Readers(), isOver = Atomic<Bool>(false), wrong = Atomic<Int>(0)
        let current = Atomic<Int>(0), cells = (0..<8).map { _ in Cell() }
        cells[0].isGood.store(true, ordering: .releasing)
        WorkerTeam(4).run { thread in
            if thread > 0 {
                while !isOver.load(ordering: .acquiring) {
                    try? readers.read { _ in
                        let cell = cells[current.load(ordering: .acquiring)]
                        for _ in 0..<20 where !cell.isGood.load(ordering: .acquiring) {
                            wrong.add(1, ordering: .relaxed)
                        }
                    }
                }
                return
            }
            var retired: [(epoch: Epoch, cell: Int)] = [], free = Array(1..<8), now = 0
            for _ in 0..<20_000 {
                while let first = retired.first, readers.havePassed(first.epoch) {
                    cells[first.cell].isGood.store(false, ordering: .releasing)
                    free.append(first.cell)
                    retired.removeFirst()
                }
                guard !free.isEmpty else { continue }
                let next = free.removeFirst()
                cells[next].isGood.store(true, ordering: .releasing)
                current.store(next, ordering: .releasing)
                retired.append((readers.advance(), now))
                now = next
            }
            isOver.store(true, ordering: .releasing)
        }
        #expect(wrong.load(ordering: .relaxed) == 0)
    }

    private final class Cell: Sendable {
        let isGood = Atomic<Bool>(false)
    }
}
