import TestSupport
import Testing

@testable import HNSW

@Suite struct CandidatePoolTests {
    /// A search's use of the pool against the plainest model: keep everything sorted, cut at the width.
    @Test(arguments: [1, 2, 3, 7, 8, 16, 31, 50, 200])
    func `the pool is a sorted array cut at its width`(width: Int) throws {
        var random = SeededGenerator(seed: UInt64(width))
        let scratch = SearchScratch()
        try scratch.prepare(slots: 0, width: width, batch: 1)
        var pool = CandidatePool(scratch)
        var model: [Candidate] = []
        for slot in 0..<UInt32(600) {
            // Few values, so that distances are often equal.
            let candidate = Candidate(distance: Float(random.next() % 97) - 30, slot: slot)
            let belongs = model.count < width || candidate < model[width - 1]
            #expect(pool.admits(candidate, width: width) == belongs)
            guard belongs else { continue }
            let place = pool.insert(candidate, width: width)
            model.append(candidate)
            model.sort()
            model = Array(model.prefix(width))
            #expect(model[place] == candidate)
            #expect(pool.size == model.count)
            #expect((0..<pool.size).map { pool.candidates[$0] } == model)
        }
    }

    @Test func `flags move with their candidates`() throws {
        let scratch = SearchScratch()
        try scratch.prepare(slots: 0, width: 4, batch: 1)
        var pool = CandidatePool(scratch)
        for slot: UInt32 in [0, 1, 2, 3] {
            _ = pool.insert(Candidate(distance: Float(slot) * 10, slot: slot), width: 4)
        }
        pool.candidates[2] |= Candidate.expandedFlag
        #expect(pool.insert(Candidate(distance: 5, slot: 9), width: 4) == 1)
        #expect((0..<4).map { pool.candidates[$0].slot } == [0, 9, 1, 2])
        #expect((0..<4).map { pool.candidates[$0].isExpanded } == [false, false, false, true])
    }
}
