import Testing

@testable import HNSW

/// The numbers were read from files that hnswlib 0.8.0 (pip, libstdc++) saved: a node's level is the size of its upper lists
/// divided by 4M + 4.
@Suite struct LevelGeneratorTests {
    @Test func `levels for seed 100 and M 16 are hnswlib's`() {
        let levelOne: Set = [
            11, 29, 38, 39, 59, 84, 128, 159, 165, 173, 174, 177, 183, 202, 204, 208, 212, 231, 241, 243, 269, 279, 303,
            341, 364, 366, 367, 370, 372, 392, 395, 432, 440, 465, 477, 528, 554, 592, 597, 599,
        ]
        let expected = (0..<600).map { $0 == 115 ? 2 : levelOne.contains($0) ? 1 : 0 }
        #expect(levels(600, seed: 100, connectivity: 16) == expected)
    }

    @Test func `levels for another seed and a small M are hnswlib's`() {
        #expect(
            levels(60, seed: 7, connectivity: 4) == [
                0, 1, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0,
                0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 1, 4, 1, 0, 1, 1, 0, 0, 0,
            ])
    }

    /// A seed that is a multiple of the modulus would leave the generator at 0 for ever; libstdc++ takes 1 instead.
    @Test func `seeds beyond the modulus are reduced as libstdc++ reduces them`() {
        #expect(
            levels(40, seed: 2_147_483_647, connectivity: 2) == [
                2, 1, 2, 0, 0, 0, 4, 0, 7, 3, 0, 0, 0, 0, 0, 0, 4, 1, 0, 1, 0, 0, 3, 0, 1, 1, 1, 2, 0, 4, 0, 1, 1, 3, 3,
                1, 0, 1, 4, 0,
            ])
        #expect(
            levels(30, seed: 0, connectivity: 3) == [
                1, 0, 1, 0, 0, 0, 3, 0, 4, 2, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 2, 0, 0, 0, 1, 1, 0, 2,
            ])
        let high = levels(600, seed: (1 << 40) + 5, connectivity: 48)
        #expect(
            high.indices.filter { high[$0] > 0 } == [
                0, 155, 194, 213, 274, 303, 304, 329, 384, 427, 509, 567, 576, 578,
            ])
    }

    @Test func `a generator goes on from a state`() {
        var first = LevelGenerator(seed: 100, connectivity: 16)
        for _ in 0..<100 { _ = first.next(maximum: 63) }
        var second = LevelGenerator(state: first.state, connectivity: 16)
        #expect((0..<500).map { _ in first.next(maximum: 63) } == (0..<500).map { _ in second.next(maximum: 63) })
    }

    @Test func `a level is at most the maximum`() {
        var generator = LevelGenerator(seed: 2_147_483_647, connectivity: 2)
        let levels = (0..<40).map { _ in generator.next(maximum: 2) }
        #expect(levels.max() == 2)
        #expect(levels[8] == 2, "7 without the maximum")
    }

    /// The state stands in a store's header, where anything may stand.
    @Test(arguments: [0, 2_147_483_647, 2_147_483_648, UInt32.max])
    func `a state that is none draws levels all the same`(state: UInt32) {
        var generator = LevelGenerator(state: state, connectivity: 16)
        for _ in 0..<100 { #expect((0...63).contains(generator.next(maximum: 63))) }
        #expect(generator.state > 0 && generator.state < 2_147_483_647)
    }

    private func levels(_ count: Int, seed: UInt64, connectivity: Int) -> [Int] {
        var generator = LevelGenerator(seed: seed, connectivity: connectivity)
        return (0..<count).map { _ in generator.next(maximum: 63) }
    }
}
