import TestSupport
import Testing

@testable import HNSW

@Suite struct CandidateTests {
    @Test func `candidates order as their distances do`() {
        let ascending: [Float] = [
            -.infinity, -.greatestFiniteMagnitude, -1e10, -1, -0.5, -.leastNormalMagnitude, -.leastNonzeroMagnitude, 0,
            .leastNonzeroMagnitude, .leastNormalMagnitude, 0.25, 1, Float(1).nextUp, 3e38, .greatestFiniteMagnitude,
            .infinity,
        ]
        // The slots fall, so that only the distances can put them in order.
        let candidates = ascending.enumerated().map { Candidate(distance: $1, slot: UInt32(100 - $0)) }
        for (less, more) in zip(candidates, candidates.dropFirst()) { #expect(less < more) }
        #expect(candidates.map(\.distance) == ascending)
    }

    @Test func `what is not a number comes after infinity and reads as infinitely far`() {
        for value in [Float.nan, -.nan, .signalingNaN, Float(bitPattern: 0x7fff_ffff), Float(bitPattern: 0xff80_0001)] {
            let candidate = Candidate(distance: value, slot: 0)
            #expect(candidate > Candidate(distance: .infinity, slot: UInt32(Int32.max)))
            #expect(candidate.distance == .infinity)
            #expect(candidate.slot == 0)
        }
    }

    @Test func `minus zero stands beside zero and keeps its sign`() {
        let minus = Candidate(distance: -0.0, slot: 5), plus = Candidate(distance: 0, slot: 5)
        #expect(minus.distance.sign == .minus && plus.distance.sign == .plus)
        #expect(Candidate(distance: -.leastNonzeroMagnitude, slot: .max >> 1) < minus)
        #expect(minus < plus)
        #expect(plus < Candidate(distance: .leastNonzeroMagnitude, slot: 0))
    }

    @Test func `equal distances are ordered by slot`() {
        for distance: Float in [-2, 0, 1, .infinity, .nan] {
            #expect(Candidate(distance: distance, slot: 3) < Candidate(distance: distance, slot: 4))
        }
    }

    @Test(arguments: [0, 1, 77, UInt32(Int32.max)])
    func `a slot comes back, looked at or not`(slot: UInt32) {
        let candidate = Candidate(distance: -1.5, slot: slot)
        #expect(candidate.slot == slot && !candidate.isExpanded)
        let expanded = candidate | Candidate.expandedFlag
        #expect(expanded.slot == slot && expanded.isExpanded && expanded.distance == -1.5)
        #expect(expanded.unexpanded == candidate)
    }

    @Test func `random distances survive and order`() {
        var random = SeededGenerator(seed: 5)
        let distances = (0..<2000).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: random.next())) }
            .filter { !$0.isNaN }
        let sorted = distances.map { Candidate(distance: $0, slot: 1) }.sorted().map(\.distance)
        #expect(sorted == distances.sorted())
    }
}
