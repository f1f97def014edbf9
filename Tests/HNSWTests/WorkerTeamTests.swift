import Testing
import Threading

@testable import HNSW

@Suite struct WorkerTeamTests {
    @Test(arguments: 1...4)
    func `every index is done once, round after round`(size: Int) {
        let team = WorkerTeam(size)
        #expect(team.size == size)
        for round in 0..<300 {
            let count = round % 61, counts = Counts(61)
            team.forEach(count, chunk: 1 + round % 5) { index, thread in
                counts.add(index)
                if !(0..<size).contains(thread) { counts.add(60) }
            }
            #expect(counts.values == (0..<61).map { $0 < count ? 1 : 0 })
        }
    }

    @Test(arguments: 1...4)
    func `each thread runs the body once and is waited for`(size: Int) {
        let team = WorkerTeam(size)
        for _ in 0..<300 {
            let counts = Counts(size)
            team.run { counts.add($0) }
            #expect(counts.values == [Int](repeating: 1, count: size))
        }
    }

    @Test(arguments: [-1, 0])
    func `a team of nobody is the caller`(size: Int) {
        let team = WorkerTeam(size), counts = Counts(3)
        team.forEach(3) { index, _ in counts.add(index) }
        #expect(team.size == 1 && counts.values == [1, 1, 1])
    }

    @Test func `many teams come and go`() {
        for round in 0..<100 {
            let team = WorkerTeam(1 + round % 4), counts = Counts(10)
            if round % 3 > 0 { team.forEach(10) { index, _ in counts.add(index) } }
            #expect(counts.values == [Int](repeating: round % 3 > 0 ? 1 : 0, count: 10))
        }
    }

    /// Whoever owns the team may be what the work holds on to (an insertion is). If a worker let go of it last, it would
    /// end the team from inside, and wait for itself.
    @Test func `nobody holds on to the work once it is done`() {
        let team = WorkerTeam(4)
        var held = 0
        for _ in 0..<3000 {
            var counts: Counts? = Counts(4)
            weak let watched = counts
            team.run { [counts] in counts?.add($0) }
            counts = nil
            if watched != nil { held += 1 }
        }
        #expect(held == 0, "of 3000 rounds")
    }
}

private final class Counts: Sendable {
    private let counts: Guarded<[Int]>

    init(_ size: Int) { counts = Guarded([Int](repeating: 0, count: size)) }

    func add(_ index: Int) { counts.withLock { $0[index] += 1 } }

    var values: [Int] { counts.withLock { $0 } }
}
